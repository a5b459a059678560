//! Signals that tests are made of, and how they are compared.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "lengths and levels of test signals"
)]

use crate::Pcm;

/// `n` samples of a sine that starts at 0.
pub(crate) fn sine(rate_hz: u32, hz: f64, amplitude: f32, n: usize) -> Pcm {
    let step = std::f64::consts::TAU * hz / f64::from(rate_hz);
    let samples = (0..n).map(|at| (f64::from(amplitude) * (step * at as f64).sin()) as f32);
    Pcm { samples: samples.collect(), rate_hz }
}

/// `n` samples of white noise within ±`amplitude`, the same every time.
pub(crate) fn noise(rate_hz: u32, amplitude: f32, n: usize) -> Pcm {
    let mut state = 0x2545_f491u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        amplitude * ((f64::from(state) / f64::from(u32::MAX)) * 2.0 - 1.0) as f32
    };
    Pcm { samples: (0..n).map(|_| next()).collect(), rate_hz }
}

/// Root of the mean square.
pub(crate) fn rms(samples: &[f32]) -> f64 {
    let power: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (power / samples.len() as f64).sqrt()
}

/// How far `ours` is from `wanted`, in dB below it.
pub(crate) fn snr_db(wanted: &[f32], ours: &[f32]) -> f64 {
    assert_eq!(wanted.len(), ours.len());
    let error: Vec<f32> = wanted.iter().zip(ours).map(|(a, b)| a - b).collect();
    20.0 * (rms(wanted) / rms(&error).max(1e-12)).log10()
}
