//! The property everything rests on: company changes when, never what.

use proptest::prelude::*;

use super::*;

fn alone(release: &Release, case: &str) -> Spoken {
    speak(release, 1, &[(case.to_owned(), 0)]).remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Different voices, modes, lengths, samplings; any order, any number of slots, some lines
    /// twice. Codes are equal, and so is every bit of what chose them.
    #[test]
    fn a_line_is_the_same_in_any_company(
        name in prop::sample::select(&RELEASES[..]),
        slots in 1_usize..12,
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..5), 1..16),
    ) {
        let release = Release::open(name);
        let cases: Vec<&String> = release.cases.keys().collect();
        let lines: Vec<(String, usize)> =
            picks.iter().map(|(pick, wait)| ((*pick.get(&cases)).clone(), *wait)).collect();
        let together = speak(&release, slots, &lines);
        for ((case, _), spoken) in lines.iter().zip(&together) {
            prop_assert_eq!(&spoken.frames, &release.codes(case));
            prop_assert!(*spoken == alone(&release, case), "{} {}", name, case);
        }
    }
}

#[test]
fn a_kept_beginning_changes_no_bit() {
    for (name, kept, case) in [
        ("s1/base-0b6", "icl_stream_L1", "icl_stream_L3"),
        ("s2/base-0b6", "icl_stream_L0", "icl_stream_L2"),
        ("s1/voice_design-1b7", "design_rp1.0_L2", "design_rp1.0_L1"),
    ] {
        let release = Release::open(name);
        let prefix = release.model.prefix(&release.prefill(kept)).unwrap();
        let prefill = release.prefill(case);
        let first = |prefix: Option<&Prefix>| {
            let mut seated = Frames::new(&release.model, 2);
            let admission = Admission { prefix, ..release.admission(case, &prefill) };
            seated.admit(&release.model, admission).unwrap();
            seated.step(&release.model).unwrap();
            bits(seated.hidden.as_ref().unwrap(), 0)
        };
        assert!(prefix.is_some());
        assert_eq!(first(prefix.as_ref()), first(None), "{name} {case}");
    }
}

#[test]
fn a_line_that_is_released_frees_its_slot_and_moves_nobody() {
    let release = Release::open("s1/base-1b7");
    let cases = ["icl_stream_L0", "xv_stream_rp1.0_L1", "xv_stream_rp1.0_L2"];
    let prefills = cases.map(|case| release.prefill(case));
    let mut seated = Frames::new(&release.model, 3);
    for (case, prefill) in cases.iter().zip(&prefills) {
        seated.admit(&release.model, release.admission(case, prefill)).unwrap();
    }
    assert!(seated.admit(&release.model, release.admission(cases[0], &prefills[0])).is_err());
    seated.step(&release.model).unwrap();
    seated.release(0).unwrap();
    seated.release(0).unwrap();
    let mut outcomes = seated.step(&release.model).unwrap();
    outcomes.sort_by_key(|(slot, _)| *slot);
    let second = |case| StepOutcome::Frame(release.codes(case)[1]);
    assert_eq!(outcomes, [(1, second(cases[1])), (2, second(cases[2]))]);
    let slot = seated.admit(&release.model, release.admission(cases[0], &prefills[0])).unwrap();
    assert_eq!(slot, 0);
}
