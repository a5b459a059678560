//! Each line's own chance.

use std::sync::Arc;

/// Numbers from 0 to 1 that decide a line's codes: one for each code of each frame.
///
/// There is no state: a number follows from the seed and its place. A line can therefore be taken up
/// at any frame, and what other lines draw has no part in it.
///
/// The generator is `SplitMix64` started from a mixed seed: passes `BigCrush`, and lines whose
/// seeds are neighbours do not walk along the same numbers.
#[derive(Debug, Clone)]
pub struct Draws(Source);

#[derive(Debug, Clone)]
enum Source {
    Seeded { key: u64 },
    Given(Arc<[f64]>),
}

/// Codes of a frame.
const CODES: u64 = crate::qwen3_tts::config::CODES as u64;

/// The odd number nearest to 2⁶⁴ over the golden ratio: steps of it visit every state.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Draws {
    /// The numbers of a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded { key: mix(seed.wrapping_add(STEP)) })
    }

    /// Numbers written down elsewhere, frame by frame; ½ behind the last.
    #[must_use]
    pub fn given(numbers: impl Into<Arc<[f64]>>) -> Self {
        Self(Source::Given(numbers.into()))
    }

    /// The number that decides code `code` of frame `frame`; at least 0 and below 1.
    #[must_use]
    pub fn at(&self, frame: usize, code: usize) -> f64 {
        let place = frame as u64 * CODES + code as u64;
        match &self.0 {
            Source::Seeded { key } => {
                let bits = mix(key.wrapping_add(STEP.wrapping_mul(place + 1)));
                #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
                let number = (bits >> 11) as f64;
                number / 9_007_199_254_740_992.0
            }
            Source::Given(numbers) => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                numbers.get(place).copied().unwrap_or(0.5)
            }
        }
    }
}

/// The output function of `SplitMix64`.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes are keyed by seed, so these numbers may never change.
    #[test]
    fn numbers_of_a_seed_are_for_ever() {
        let draws = Draws::seeded(7);
        let first = [draws.at(0, 0), draws.at(0, 1), draws.at(9, 15)];
        assert_eq!(
            first.map(|number| format!("{number:.6}")),
            ["0.721508", "0.649704", "0.124271"]
        );
    }

    #[test]
    fn numbers_fill_the_range_evenly_whatever_the_seed() {
        for seed in [0, 1, STEP, u64::MAX] {
            let draws = Draws::seeded(seed);
            let mut counts = [0_u32; 16];
            for frame in 0..1_000 {
                for code in 0..16 {
                    let number = draws.at(frame, code);
                    assert!((0.0..1.0).contains(&number));
                    let edges = (1_u8..16).map(|edge| f64::from(edge) / 16.0);
                    counts[edges.filter(|edge| number >= *edge).count()] += 1;
                }
            }
            assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{seed}: {counts:?}");
        }
    }

    #[test]
    fn neighbouring_seeds_share_no_numbers() {
        let of = |seed| (0..64).map(move |frame| Draws::seeded(seed).at(frame, 0).to_bits());
        let ours: Vec<u64> = of(1).collect();
        for seed in [0, 2, 1_u64.wrapping_add(STEP), 1_u64.wrapping_sub(STEP)] {
            assert!(of(seed).all(|number| !ours.contains(&number)), "{seed}");
        }
    }
}
