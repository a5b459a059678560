//! Samples to the mel spectrogram that the speaker encoder was trained on.

use std::f64::consts::TAU;
use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

/// Samples in a window, and its transform's size.
const WINDOW: usize = 1024;

/// Samples from one window to the next.
const HOP: usize = 256;

/// Samples mirrored onto each end. There is no centring beyond that.
const MARGIN: usize = (WINDOW - HOP) / 2;

/// Bins of a transform.
const BINS: usize = WINDOW / 2 + 1;

/// Added to a bin's power, so that its root can be taken.
const LEAST_POWER: f32 = 1e-9;

/// What a band holds at least, so that its logarithm can be taken.
const LEAST_BAND: f32 = 1e-5;

/// Makes mel spectrograms; plan, window and bands are made once.
///
/// Source: `mel_spectrogram` in `modeling_qwen3_tts.py` of Qwen3-TTS at `022e286`; the bands are
/// those of `librosa.filters.mel` with its defaults.
pub(super) struct MelSpectrogram {
    transform: Arc<dyn RealToComplex<f32>>,
    /// [`WINDOW`] long.
    window: Vec<f32>,
    bands: Vec<Band>,
}

impl std::fmt::Debug for MelSpectrogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MelSpectrogram").field("bands", &self.bands.len()).finish_non_exhaustive()
    }
}

impl MelSpectrogram {
    /// Samples below which nothing can be mirrored onto the ends.
    pub(super) const MIN_SAMPLES: usize = MARGIN + 1;

    /// Makes `bands` bands, up to half of `rate_hz`.
    pub(super) fn new(bands: usize, rate_hz: u32) -> Self {
        Self {
            transform: RealFftPlanner::new().plan_fft_forward(WINDOW),
            window: periodic_hann(),
            bands: Band::spread(bands, f64::from(rate_hz)),
        }
    }

    /// How many windows a recording has.
    pub(super) const fn moments(samples: usize) -> usize {
        samples / HOP
    }

    /// How many samples have that many windows, at least.
    pub(super) const fn samples(moments: usize) -> usize {
        moments * HOP
    }

    /// # Shapes
    /// * `samples`: at least [`Self::MIN_SAMPLES`]
    /// * returns `[T, bands]`, on the CPU, with `T` as [`Self::moments`] says
    pub(super) fn forward(&self, samples: &[f32]) -> Result<Tensor> {
        if samples.len() < Self::MIN_SAMPLES {
            candle_core::bail!("{} samples are too few for a spectrogram", samples.len());
        }
        let mirrored = mirror(samples, MARGIN);
        let mut windowed = self.transform.make_input_vec();
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let moments = Self::moments(samples.len());
        let mut mels = Vec::with_capacity(moments * self.bands.len());
        for frame in mirrored.windows(WINDOW).step_by(HOP) {
            for ((out, sample), weight) in windowed.iter_mut().zip(frame).zip(&self.window) {
                *out = sample * weight;
            }
            self.transform
                .process_with_scratch(&mut windowed, &mut spectrum, &mut scratch)
                .map_err(candle_core::Error::wrap)?;
            let magnitudes = magnitudes(&spectrum);
            mels.extend(self.bands.iter().map(|band| band.of(&magnitudes).max(LEAST_BAND).ln()));
        }
        Tensor::from_vec(mels, (moments, self.bands.len()), &Device::Cpu)
    }
}

fn magnitudes(spectrum: &[Complex32]) -> Vec<f32> {
    spectrum.iter().map(|bin| (bin.norm_sqr() + LEAST_POWER).sqrt()).collect()
}

/// A window that begins with 0 and would end with it one sample later.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "0 to 1")]
fn periodic_hann() -> Vec<f32> {
    (0..WINDOW).map(|at| (0.5 - 0.5 * (TAU * at as f64 / WINDOW as f64).cos()) as f32).collect()
}

/// Adds `margin` samples to each end, mirrored at the first and last sample, which stay single.
fn mirror(samples: &[f32], margin: usize) -> Vec<f32> {
    let last = samples.len() - 1;
    let before = (1..=margin).rev();
    let after = (last - margin..last).rev();
    before.chain(0..=last).chain(after).map(|at| samples[at]).collect()
}

/// A triangle over some bins, of an area that does not depend on its width.
#[derive(Debug, Clone, PartialEq)]
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl Band {
    /// Makes `count` bands, equally wide on Slaney's scale, from 0 to half of `rate_hz`.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred bands and bins")]
    fn spread(count: usize, rate_hz: f64) -> Vec<Self> {
        let top = hz_to_mel(rate_hz / 2.0);
        let edges: Vec<f64> =
            (0..count + 2).map(|at| mel_to_hz(top * at as f64 / (count + 1) as f64)).collect();
        edges.windows(3).map(|edges| Self::between(edges, rate_hz / WINDOW as f64)).collect()
    }

    /// Makes the triangle that rises from `edges[0]` to `edges[1]` and falls to `edges[2]`.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "0 to 1")]
    fn between(edges: &[f64], bin_hz: f64) -> Self {
        let height = 2.0 / (edges[2] - edges[0]);
        let weights: Vec<f32> = (0..BINS)
            .map(|bin| {
                let hz = bin as f64 * bin_hz;
                let rising = (hz - edges[0]) / (edges[1] - edges[0]);
                let falling = (edges[2] - hz) / (edges[2] - edges[1]);
                (rising.min(falling).max(0.0) * height) as f32
            })
            .collect();
        let first = weights.iter().position(|&weight| weight > 0.0).unwrap_or(0);
        let end = weights.iter().rposition(|&weight| weight > 0.0).map_or(first, |last| last + 1);
        Self { first, weights: weights[first..end].to_vec() }
    }

    fn of(&self, magnitudes: &[f32]) -> f32 {
        self.weights.iter().zip(&magnitudes[self.first..]).map(|(w, m)| w * m).sum()
    }
}

/// Where Slaney's scale turns from linear to logarithmic.
const KNEE_HZ: f64 = 1000.0;

/// The same place in mel.
const KNEE_MEL: f64 = 15.0;

/// Mel in which the frequency grows by 6.4 above the knee.
const LOG_MELS: f64 = 27.0;

fn hz_to_mel(hz: f64) -> f64 {
    if hz < KNEE_HZ {
        hz * KNEE_MEL / KNEE_HZ
    } else {
        KNEE_MEL + (hz / KNEE_HZ).ln() * LOG_MELS / 6.4f64.ln()
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel < KNEE_MEL {
        mel * KNEE_HZ / KNEE_MEL
    } else {
        KNEE_HZ * ((mel - KNEE_MEL) * 6.4f64.ln() / LOG_MELS).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_mirrored_without_repeating_them() {
        assert_eq!(
            mirror(&[1.0, 2.0, 3.0, 4.0], 3),
            [4.0, 3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0]
        );
    }

    #[test]
    fn the_scale_goes_both_ways() {
        for hz in [0.0, 440.0, 1000.0, 12_000.0] {
            assert!((mel_to_hz(hz_to_mel(hz)) - hz).abs() < 1e-9, "{hz}");
        }
    }

    #[test]
    fn every_band_has_bins_and_the_last_ends_at_half_the_rate() {
        let bands = Band::spread(128, 24_000.0);
        assert!(bands.iter().all(|band| !band.weights.is_empty()));
        let last = &bands[127];
        assert_eq!(last.first + last.weights.len(), BINS - 1);
    }

    #[test]
    fn the_number_of_windows_is_known_beforehand() {
        let mel = MelSpectrogram::new(8, 24_000);
        for samples in [MelSpectrogram::MIN_SAMPLES, 511, 512, 513, 1279, 1280, 24_000] {
            let spectrogram = mel.forward(&vec![0.1; samples]).unwrap();
            assert_eq!(spectrogram.dims(), [MelSpectrogram::moments(samples), 8], "{samples}");
        }
        assert!(mel.forward(&[0.1; MelSpectrogram::MIN_SAMPLES - 1]).is_err());
    }

    #[test]
    fn silence_is_as_low_as_it_gets() {
        let mel = MelSpectrogram::new(8, 24_000).forward(&[0.0; 2048]).unwrap();
        let numbers = mel.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(numbers.iter().all(|&number| number <= LEAST_BAND.ln() + 1e-6), "{numbers:?}");
    }
}
