//! Matrices held in eight bits.

use proptest::prelude::*;

use super::*;

/// How far logits may be from those of all bits, as a share of their spread.
const SHARE: f32 = 0.05;

fn q8(name: &'static str) -> Release {
    Release::held_in(WeightFormat::Q8_0, name)
}

/// What the talker makes of a case's prompt.
fn logits(release: &Release, case: &str) -> Vec<f32> {
    let prefill = release.prefill(case);
    let positions = prefill.embeds.dim(0).unwrap();
    let (talker, mut cache) = (&release.model.talker, release.model.talker.cache(1));
    let hidden = talker.prefill(&prefill.embeds, 0..positions, &mut cache, 0).unwrap();
    talker.logits(&hidden).unwrap().squeeze(0).unwrap().to_vec1().unwrap()
}

#[test]
fn logits_are_nearly_those_of_all_bits() {
    let mut largest = 0_f32;
    for name in RELEASES {
        let (native, q8) = (Release::open(name), q8(name));
        for case in native.cases.keys() {
            let (native, q8) = (logits(&native, case), logits(&q8, case));
            assert_ne!(native, q8, "{name} {case} is not held in eight bits");
            let norm = |numbers: &mut dyn Iterator<Item = f32>| {
                numbers.map(|number| number * number).sum::<f32>().sqrt()
            };
            let apart = norm(&mut native.iter().zip(&q8).map(|(a, b)| a - b));
            let share = apart / norm(&mut native.iter().copied());
            assert!(share < SHARE, "{name} {case}: {share}");
            largest = largest.max(share);
        }
    }
    assert!(largest > SHARE / 10.0, "the tolerance is far too wide for {largest}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// As for all bits: codes are equal, and so is every bit of what chose them.
    #[test]
    fn a_line_is_the_same_in_any_company(
        name in prop::sample::select(&RELEASES[..]),
        slots in 2_usize..14,
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..5), 2..16),
    ) {
        let release = q8(name);
        let cases: Vec<&String> = release.cases.keys().collect();
        let lines: Vec<(String, usize)> =
            picks.iter().map(|(pick, wait)| ((*pick.get(&cases)).clone(), *wait)).collect();
        for (line, spoken) in lines.iter().zip(&speak(&release, slots, &lines)) {
            let alone = speak(&release, 1, &[(line.0.clone(), 0)]).remove(0);
            prop_assert!(!alone.hidden.is_empty());
            prop_assert!(*spoken == alone, "{} {}", name, line.0);
        }
    }
}
