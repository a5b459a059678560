//! How loud something is, and what it looks like.

use ebur128::{EbuR128, Mode};

use crate::{Level, Pcm};

/// What silence is said to peak at, in dBFS.
const FLOOR_DBFS: f32 = -120.0;

/// Measures loudness and peak.
///
/// One channel counts once, as a mono file does: a 1 kHz sine peaking at −20 dBFS is −23 LUFS.
#[must_use]
pub fn measure(pcm: &Pcm) -> Level {
    Level { lufs: integrated_lufs(pcm), peak_dbfs: to_db(peak(&pcm.samples)).max(FLOOR_DBFS) }
}

/// Returns the lowest and highest sample of each of `columns` equal stretches, for a picture.
///
/// In order. With more columns than samples, neighbours show the same sample; without samples every
/// column is flat.
#[must_use]
pub fn peaks(pcm: &Pcm, columns: usize) -> Vec<(f32, f32)> {
    (0..columns).map(|column| extent(stretch(&pcm.samples, column, columns))).collect()
}

/// The highest absolute sample; 0 without any.
pub(crate) fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |highest, sample| sample.abs().max(highest))
}

/// A factor in dB; −∞ for 0.
pub(crate) fn to_db(factor: f32) -> f32 {
    20.0 * factor.log10()
}

/// A gain in dB as what samples are multiplied by.
pub(crate) fn from_db(gain_db: f32) -> f32 {
    10f32.powf(gain_db / 20.0)
}

fn integrated_lufs(pcm: &Pcm) -> Option<f32> {
    let mut meter = EbuR128::new(1, pcm.rate_hz, Mode::I).ok()?;
    meter.add_frames_f32(&pcm.samples).ok()?;
    // Minus infinity when no 400 ms block passed the gate.
    let lufs = meter.loudness_global().ok().filter(|lufs| lufs.is_finite())?;
    #[expect(clippy::cast_possible_truncation, reason = "a loudness needs no more than f32")]
    Some(lufs as f32)
}

/// The samples under one column: never empty unless there are none at all.
fn stretch(samples: &[f32], column: usize, columns: usize) -> &[f32] {
    let edge = |column: usize| -> usize {
        let at = column as u128 * samples.len() as u128 / columns as u128;
        usize::try_from(at).expect("no more than the number of samples")
    };
    let start = edge(column);
    let end = edge(column + 1).max(start + 1).min(samples.len());
    &samples[start..end]
}

fn extent(samples: &[f32]) -> (f32, f32) {
    let Some(&first) = samples.first() else { return (0.0, 0.0) };
    samples.iter().fold((first, first), |(low, high), &sample| (low.min(sample), high.max(sample)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{noise, sine};

    #[test]
    fn a_test_tone_measures_what_the_standard_says() {
        for rate_hz in [24_000, 44_100, 48_000] {
            for lufs in [-33.0f32, -23.0] {
                // EBU Tech 3341 gives stereo tones at the level of the sine; one channel is 3 dB less.
                let tone = sine(rate_hz, 1_000.0, from_db(lufs + 3.01), rate_hz as usize * 20);
                let measured = measure(&tone).lufs.unwrap();
                assert!((measured - lufs).abs() < 0.1, "{rate_hz} Hz: {measured} for {lufs}");
            }
        }
    }

    #[test]
    fn what_is_short_or_quiet_has_no_loudness() {
        assert_eq!(measure(&sine(24_000, 1_000.0, 0.5, 9_599)).lufs, None);
        assert!(measure(&sine(24_000, 1_000.0, 0.5, 9_600)).lufs.is_some());
        assert_eq!(measure(&sine(24_000, 1_000.0, 0.0001, 48_000)).lufs, None);
        assert_eq!(measure(&Pcm::default()).lufs, None);
    }

    #[test]
    fn the_peak_is_the_highest_sample_either_way() {
        let pcm = Pcm { samples: vec![0.1, -0.5, 0.2], rate_hz: 24_000 };
        assert!((measure(&pcm).peak_dbfs + 6.0206).abs() < 1e-3);
        let silent = Pcm { samples: vec![0.0; 10], rate_hz: 24_000 };
        assert!((measure(&silent).peak_dbfs - FLOOR_DBFS).abs() < f32::EPSILON);
    }

    #[test]
    fn columns_cover_every_sample_once() {
        let pcm = noise(24_000, 0.7, 1_003);
        let lowest = pcm.samples.iter().copied().fold(f32::MAX, f32::min);
        let highest = pcm.samples.iter().copied().fold(f32::MIN, f32::max);
        for columns in [1, 7, 100, 1_003, 5_000] {
            let drawn = peaks(&pcm, columns);
            assert_eq!(drawn.len(), columns);
            let low = drawn.iter().map(|column| column.0).fold(f32::MAX, f32::min);
            let high = drawn.iter().map(|column| column.1).fold(f32::MIN, f32::max);
            assert_eq!((low.to_bits(), high.to_bits()), (lowest.to_bits(), highest.to_bits()));
        }
        assert_eq!(peaks(&Pcm::default(), 3), [(0.0, 0.0); 3]);
        assert!(peaks(&pcm, 0).is_empty());
    }
}
