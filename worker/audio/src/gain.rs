//! How much louder or softer a voice and its lines become.

use schemas::Mastering;

/// Returns the one gain of a voice, in dB rounded to half a dB, from its takes' loudness and length.
///
/// `takes` holds LUFS and milliseconds of every take of the voice in the episode. Loudness is averaged
/// in power, weighted by length; takes without a measured loudness do not count; without any the gain is 0.
/// The coarse step is on purpose: changing one line seldom changes every master of its voice.
#[must_use]
pub fn voice_gain_db(takes: &[(Option<f32>, u64)], target_lufs: f32) -> f32 {
    let (mut power, mut weight) = (0.0f64, 0.0f64);
    for &(lufs, length_ms) in takes {
        let Some(lufs) = lufs.filter(|lufs| lufs.is_finite()) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "2^53 ms is longer than any take")]
        let length = length_ms as f64;
        power += length * 10f64.powf(f64::from(lufs) / 10.0);
        weight += length;
    }
    if power <= 0.0 {
        return 0.0;
    }
    let gain_db = f64::from(target_lufs) - 10.0 * (power / weight).log10();
    #[expect(clippy::cast_possible_truncation, reason = "halves of small numbers are exact in f32")]
    let rounded = ((gain_db * 2.0).round() / 2.0) as f32;
    rounded
}

/// Returns what is added to a line: its voice's gain, moved towards the target by at most
/// `line_correction_db`, rounded to a tenth of a dB.
///
/// A line without a measured loudness gets its voice's gain.
#[must_use]
pub fn line_gain_db(voice_gain_db: f32, lufs: Option<f32>, mastering: &Mastering) -> f32 {
    let limit = mastering.line_correction_db.max(0.0);
    let missing = lufs
        .filter(|lufs| lufs.is_finite())
        .map_or(0.0, |lufs| (mastering.target_lufs - (lufs + voice_gain_db)).clamp(-limit, limit));
    ((voice_gain_db + missing) * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mastering(target_lufs: f32, line_correction_db: f32) -> Mastering {
        Mastering { target_lufs, line_correction_db, ..Mastering::default() }
    }

    #[test]
    fn long_takes_weigh_more_and_loud_ones_count_in_power() {
        assert!((voice_gain_db(&[(Some(-26.0), 1_000)], -20.0) - 6.0).abs() < 1e-6);
        // Half the time at −20, half at −40: power halves, which is 3 dB less.
        let halves = [(Some(-20.0), 1_000), (Some(-40.0), 1_000)];
        assert!((voice_gain_db(&halves, -20.0) - 3.0).abs() < 1e-6);
        let mostly_quiet = [(Some(-20.0), 1_000), (Some(-40.0), 9_000)];
        assert!((voice_gain_db(&mostly_quiet, -20.0) - 9.5).abs() < 1e-6);
    }

    #[test]
    fn takes_without_loudness_or_length_do_not_count() {
        let takes = [(None, 50_000), (Some(-25.0), 1_000), (Some(f32::NAN), 10), (Some(-1.0), 0)];
        assert!((voice_gain_db(&takes, -20.0) - 5.0).abs() < 1e-6);
        assert!(voice_gain_db(&[(None, 9)], -20.0).abs() < 1e-6);
        assert!(voice_gain_db(&[], -20.0).abs() < 1e-6);
    }

    #[test]
    fn editing_one_line_of_many_keeps_the_gain_of_its_voice() {
        let mut takes = vec![(Some(-24.0), 2_000u64); 50];
        let before = voice_gain_db(&takes, -20.0);
        takes[7] = (Some(-21.0), 2_600);
        assert!((voice_gain_db(&takes, -20.0) - before).abs() < 1e-6);
    }

    #[test]
    fn a_line_moves_towards_the_target_no_further_than_allowed() {
        let rules = mastering(-20.0, 3.0);
        assert!((line_gain_db(4.0, Some(-25.0), &rules) - 5.0).abs() < 1e-4);
        assert!((line_gain_db(4.0, Some(-40.0), &rules) - 7.0).abs() < 1e-4);
        assert!((line_gain_db(4.0, Some(-10.0), &rules) - 1.0).abs() < 1e-4);
        assert!((line_gain_db(4.0, None, &rules) - 4.0).abs() < 1e-4);
        assert!((line_gain_db(4.0, Some(-23.96), &rules) - 4.0).abs() < 1e-4);
        assert!((line_gain_db(4.0, Some(-40.0), &mastering(-20.0, -2.0)) - 4.0).abs() < 1e-4);
    }

    proptest! {
        #[test]
        fn gains_are_on_their_steps(
            takes in prop::collection::vec((prop::option::of(-60f32..0.0), 0u64..100_000), 0..20),
            lufs in -60f32..0.0,
        ) {
            let voice = voice_gain_db(&takes, -20.0);
            prop_assert!((voice * 2.0).fract().abs() < 1e-6);
            let line = line_gain_db(voice, Some(lufs), &mastering(-20.0, 3.0)) * 10.0;
            prop_assert!((line - line.round()).abs() < 1e-3);
        }
    }
}
