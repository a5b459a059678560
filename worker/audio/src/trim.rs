//! Where the sound in a take is, and how it is cut out.

use std::ops::Range;

use crate::level::{from_db, peak};

/// Below this nothing is sound, in dBFS: the noise of codecs and converters.
const FLOOR_DBFS: f32 = -60.0;
/// How far below its take's peak sound still is, in dB: soft consonants and breath are within 40 dB
/// of a vowel, room tone and a vocoder's hiss are further down.
const RANGE_DB: f32 = 50.0;

/// A piece cut from a take, with exact silence around its sound.
#[derive(Debug, PartialEq)]
pub(crate) struct Cut {
    /// `head` samples, the sound, `tail` samples.
    pub(crate) samples: Vec<f32>,
    /// What of it comes from the take; the rest are zeros put there for want of more.
    pub(crate) kept: Range<usize>,
}

/// Returns from which sample to which there is sound; `None` in a silent take.
///
/// Sound is what is louder than −60 dBFS and within 50 dB of the take's peak. Pauses between the
/// first and the last of it belong to it.
pub(crate) fn sound(samples: &[f32]) -> Option<Range<usize>> {
    let threshold = from_db(FLOOR_DBFS).max(peak(samples) * from_db(-RANGE_DB));
    let is_sound = |sample: &f32| sample.abs() > threshold;
    let first = samples.iter().position(is_sound)?;
    let last = samples.iter().rposition(is_sound)?;
    Some(first..last + 1)
}

/// Cuts `sound` out with exactly `head` samples before it and `tail` after it.
///
/// They are the take's own, where it has them: a consonant may begin below the threshold.
pub(crate) fn cut(samples: &[f32], sound: Range<usize>, head: usize, tail: usize) -> Cut {
    let start = sound.start.saturating_sub(head);
    let end = sound.end.saturating_add(tail).min(samples.len());
    let before = head - (sound.start - start);
    let after = tail - (end - sound.end);
    let mut piece = vec![0.0; before];
    piece.extend_from_slice(&samples[start..end]);
    let kept = before..piece.len();
    piece.resize(piece.len() + after, 0.0);
    Cut { samples: piece, kept }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hiss_is_silence_and_a_pause_is_not_an_end() {
        let mut take = vec![0.0005f32; 1_000];
        take[300] = 0.5;
        take[700] = -0.01;
        assert_eq!(sound(&take), Some(300..701));
        assert_eq!(sound(&[0.0009; 50]), None);
        assert_eq!(sound(&[]), None);
    }

    #[test]
    fn a_quiet_take_is_not_cut_by_a_loud_ones_measure() {
        assert_eq!(sound(&[0.0, 0.0015, 0.01, 0.0015, 0.0]), Some(1..4));
        assert_eq!(sound(&[0.0, 0.0015, 0.9, 0.0015, 0.0]), Some(2..3));
    }

    proptest! {
        #[test]
        fn trimming_never_removes_sound(
            take in prop::collection::vec(prop_oneof![Just(0f32), -1f32..1.0], 1..400),
            head in 0usize..200,
            tail in 0usize..200,
        ) {
            let Some(range) = sound(&take) else { return Ok(()) };
            let threshold = from_db(FLOOR_DBFS).max(peak(&take) * from_db(-RANGE_DB));
            for (at, sample) in take.iter().enumerate() {
                prop_assert!(range.contains(&at) || sample.abs() <= threshold);
            }
            let piece = cut(&take, range.clone(), head, tail);
            prop_assert_eq!(piece.samples.len(), head + range.len() + tail);
            prop_assert_eq!(&piece.samples[head..head + range.len()], &take[range]);
            let is_kept = |at: &usize| piece.kept.contains(at);
            let padding = (0..piece.samples.len()).filter(|at| !is_kept(at));
            prop_assert!(padding.into_iter().all(|at| piece.samples[at] == 0.0));
        }
    }
}
