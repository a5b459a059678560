//! From a take to a master.

use schemas::Mastering;

use crate::level::from_db;
use crate::limiter::limit;
use crate::trim::{cut, sound};
use crate::{AudioError, Pcm, resample};

/// Makes a master of a take: resample, trim, gain, ceiling, fades.
///
/// The master has exactly `head_ms` before its first sound and `tail_ms` after its last, with zeros
/// where the take has less. Sound is what is louder than −60 dBFS and within 50 dB of the take's
/// peak. Peaks above the ceiling are turned down by a look-ahead limiter, within 20 ms of them only.
/// The fades lie where the take's own samples begin and end, so that a take that starts in full
/// sound does not click; they never take up more than half of it each.
///
/// # Errors
/// [`AudioError::Silent`] when nothing in it is louder than −60 dBFS; [`AudioError::Encode`] when a
/// sample is not a finite number, or on rates that cannot be resampled.
pub fn finish(take: &Pcm, gain_db: f32, mastering: &Mastering) -> Result<Pcm, AudioError> {
    if let Some(at) = take.samples.iter().position(|sample| !sample.is_finite()) {
        return Err(AudioError::Encode(format!("sample {at} is not a finite number")));
    }
    let rate_hz = mastering.rate_hz;
    let Pcm { samples, .. } = resample(take, rate_hz)?;
    let sound = sound(&samples).ok_or(AudioError::Silent)?;
    let head = samples_in(mastering.head_ms, rate_hz);
    let tail = samples_in(mastering.tail_ms, rate_hz);
    let mut piece = cut(&samples, sound, head, tail);
    amplify(&mut piece.samples, gain_db);
    limit(&mut piece.samples, rate_hz, mastering.ceiling_dbfs);
    fade(&mut piece.samples[piece.kept], samples_in(mastering.fade_ms, rate_hz));
    Ok(Pcm { samples: piece.samples, rate_hz })
}

fn samples_in(length_ms: u32, rate_hz: u32) -> usize {
    let samples = u64::from(length_ms) * u64::from(rate_hz) / 1_000;
    usize::try_from(samples).unwrap_or(usize::MAX)
}

fn amplify(samples: &mut [f32], gain_db: f32) {
    let factor = from_db(gain_db);
    for sample in samples {
        *sample *= factor;
    }
}

/// Fades both ends in and out over `length` samples each.
fn fade(samples: &mut [f32], length: usize) {
    let length = length.min(samples.len() / 2);
    let end = samples.len();
    for at in 0..length {
        let factor = fade_factor(at, length);
        samples[at] *= factor;
        samples[end - 1 - at] *= factor;
    }
}

/// An S-curve from 0 to 1 without corners: a polynomial, because cosines differ between platforms.
#[expect(clippy::cast_precision_loss, reason = "a fade is far shorter than 2^23 samples")]
fn fade_factor(at: usize, length: usize) -> f32 {
    let x = at as f32 / length as f32;
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signals::{noise, rms, sine};
    use crate::{Level, measure};

    /// Silence, a tone, silence.
    fn take(rate_hz: u32, before: usize, n: usize, after: usize) -> Pcm {
        let mut samples = vec![0.0; before];
        samples.extend(sine(rate_hz, 440.0, 0.3, n).samples);
        samples.resize(before + n + after, 0.0);
        Pcm { samples, rate_hz }
    }

    #[test]
    fn silence_is_an_error_of_its_own() {
        let silent = Pcm { samples: vec![0.0009; 24_000], rate_hz: 24_000 };
        assert!(matches!(finish(&silent, 40.0, &Mastering::default()), Err(AudioError::Silent)));
        let empty = Pcm { samples: Vec::new(), rate_hz: 24_000 };
        assert!(matches!(finish(&empty, 0.0, &Mastering::default()), Err(AudioError::Silent)));
    }

    #[test]
    fn a_sample_that_is_no_number_is_named() {
        let mut broken = noise(24_000, 0.5, 100);
        broken.samples[37] = f32::NAN;
        let error = finish(&broken, 0.0, &Mastering::default()).unwrap_err();
        assert_eq!(error.to_string(), "audio cannot be encoded: sample 37 is not a finite number");
    }

    #[test]
    fn a_take_that_starts_in_full_sound_does_not_click() {
        let abrupt = Pcm { samples: vec![0.5; 24_000], rate_hz: 24_000 };
        let master = finish(&abrupt, 0.0, &Mastering::default()).unwrap();
        let steps = master.samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 0.01);
        assert_eq!(master.samples.len(), 24_000 + 960 + 2_880);
    }

    #[test]
    fn a_line_lands_on_its_target() {
        let mastering = Mastering { rate_hz: 48_000, ..Mastering::default() };
        let master = finish(&take(24_000, 2_400, 72_000, 2_400), 4.5, &mastering).unwrap();
        let Level { lufs, peak_dbfs } = measure(&master);
        let plain = measure(&take(24_000, 0, 72_000, 0)).lufs.unwrap();
        assert!((lufs.unwrap() - plain - 4.5).abs() < 0.3, "{lufs:?} {plain}");
        assert!(peak_dbfs <= -1.0);
    }

    #[test]
    fn gain_is_linear() {
        let source = take(24_000, 2_400, 24_000, 4_800);
        let plain = finish(&source, 0.0, &Mastering::default()).unwrap();
        let louder = finish(&source, 6.0, &Mastering::default()).unwrap();
        for (a, b) in plain.samples.iter().zip(&louder.samples) {
            assert!((a * from_db(6.0) - b).abs() < 1e-6);
        }
        assert!((rms(&louder.samples) / rms(&plain.samples) - 1.9953).abs() < 1e-3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_master_has_exactly_its_head_and_tail(
            before in 0usize..4_000,
            n in 200usize..6_000,
            after in 0usize..6_000,
            head_ms in 0u32..200,
            tail_ms in 0u32..200,
        ) {
            let mastering =
                Mastering { head_ms, tail_ms, fade_ms: 0, ..Mastering::default() };
            let source = take(24_000, before, n, after);
            let range = sound(&source.samples).unwrap();
            let master = finish(&source, 0.0, &mastering).unwrap();
            let (head, tail) = (head_ms as usize * 24, tail_ms as usize * 24);
            prop_assert_eq!(master.samples.len(), head + range.len() + tail);
            prop_assert_eq!(sound(&master.samples), Some(head..head + range.len()));
        }

        #[test]
        fn no_master_is_above_its_ceiling(
            gain_db in -20f32..40.0,
            ceiling_dbfs in -12f32..0.0,
            rate in 0usize..3,
        ) {
            let rate_hz = [24_000, 44_100, 48_000][rate];
            let mastering = Mastering { rate_hz, ceiling_dbfs, ..Mastering::default() };
            let master = finish(&noise(24_000, 0.9, 3_000), gain_db, &mastering).unwrap();
            let highest = crate::level::peak(&master.samples);
            prop_assert!(highest <= from_db(ceiling_dbfs));
        }
    }
}
