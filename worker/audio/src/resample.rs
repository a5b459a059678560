//! From one sample rate to another.
//!
//! A polyphase windowed sinc, computed sample by sample with nothing left in a delay line: output
//! sample `i` stands exactly at input position `i · in / out`. Resamplers that pick vector
//! instructions at run time round differently on different machines, and a master must not.

use std::ops::RangeInclusive;

use crate::{AudioError, Pcm};

/// Between which rates samples are converted, in Hz.
const RATES_HZ: RangeInclusive<u32> = 8_000..=192_000;
/// Zero crossings of the sinc on each side, at the lower of the two rates. With [`BETA`] this makes
/// a transition band of a tenth of the lower rate's half.
const ZERO_CROSSINGS: f64 = 64.0;
/// Shape of the Kaiser window: about 100 dB of stop band.
const BETA: f64 = 10.0;
/// Where the response is halved, as a part of the lower rate's half: nothing is left to alias.
const CUTOFF: f64 = 0.95;
/// Terms summed side by side, so that the compiler may use vectors without changing the order.
const LANES: usize = 8;

/// Resamples to `rate_hz`; the same rate gives the same samples back.
///
/// `n` samples become `n · out / in`, rounded. What stands at the start stays at the start.
///
/// # Errors
/// [`AudioError::Encode`] on a rate of 0, and when one of two different rates is outside 8 000 to
/// 192 000 Hz.
pub fn resample(pcm: &Pcm, rate_hz: u32) -> Result<Pcm, AudioError> {
    if rate_hz != 0 && pcm.rate_hz == rate_hz {
        return Ok(pcm.clone());
    }
    if !RATES_HZ.contains(&rate_hz) || !RATES_HZ.contains(&pcm.rate_hz) {
        let message = format!("no conversion from {} Hz to {rate_hz} Hz", pcm.rate_hz);
        return Err(AudioError::Encode(message));
    }
    let length = resampled_length(pcm.samples.len(), pcm.rate_hz, rate_hz);
    let kernel = Kernel::between(pcm.rate_hz, rate_hz, length);
    let samples = (0..length).map(|at| kernel.sample(&pcm.samples, at)).collect();
    Ok(Pcm { samples, rate_hz })
}

/// `n · out / in`, rounded half up.
fn resampled_length(n: usize, in_hz: u32, out_hz: u32) -> usize {
    let (n, from, to) = (n as u128, u128::from(in_hz), u128::from(out_hz));
    usize::try_from((2 * n * to + from) / (2 * from)).expect("at most 24 times the input")
}

/// The filter at every position an output sample can have between two input samples.
struct Kernel {
    /// Output samples in one round of positions.
    up: usize,
    /// Input samples in one round of positions.
    down: usize,
    /// Input samples used on each side of a position.
    reach: usize,
    /// `2 · reach` factors for each position, in the order in which output samples meet them.
    rows: Vec<f32>,
}

impl Kernel {
    /// Builds the rows that the first `length` output samples need.
    fn between(in_hz: u32, out_hz: u32, length: usize) -> Self {
        let common = greatest_common_divisor(in_hz, out_hz);
        let (up, down) = ((out_hz / common) as usize, (in_hz / common) as usize);
        let bandwidth = (f64::from(out_hz) / f64::from(in_hz)).min(1.0);
        let half_width = ZERO_CROSSINGS / bandwidth;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 64 · 24, and positive"
        )]
        let reach = (half_width.ceil() as usize).next_multiple_of(LANES / 2);
        let positions = (0..up.min(length)).map(|row| fraction(row * down % up, up));
        let rows = positions.flat_map(|at| row(at, reach, half_width, bandwidth * CUTOFF));
        Self { up, down, reach, rows: rows.collect() }
    }

    /// The output sample at index `at`; input beyond its ends is silence.
    fn sample(&self, input: &[f32], at: usize) -> f32 {
        let taps = 2 * self.reach;
        let row = &self.rows[at % self.up * taps..][..taps];
        let round = at / self.up * self.down + at % self.up * self.down / self.up;
        // The first factor belongs to input sample `round + 1 − reach`.
        let skipped = (self.reach - 1).saturating_sub(round);
        let start = (round + 1).saturating_sub(self.reach).min(input.len());
        let end = (round + 1 + self.reach).min(input.len());
        dot(&row[skipped..], &input[start..end])
    }
}

/// The factors of one position: `at` input samples after one of them, 0 to 1.
fn row(at: f64, reach: usize, half_width: f64, cutoff: f64) -> Vec<f32> {
    let weight = |tap: usize| {
        let distance = fraction(tap + 1, 1) - fraction(reach, 1) - at;
        sinc(cutoff * distance) * kaiser(distance / half_width)
    };
    let weights: Vec<f64> = (0..2 * reach).map(weight).collect();
    // A constant must come out as itself, whatever the position.
    let sum: f64 = weights.iter().sum();
    #[expect(clippy::cast_possible_truncation, reason = "factors of f32 samples")]
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Sum of products up to the shorter length, always in the same order.
fn dot(factors: &[f32], samples: &[f32]) -> f32 {
    let length = factors.len().min(samples.len());
    let (factors, samples) = (&factors[..length], &samples[..length]);
    let mut lanes = [0f32; LANES];
    let (factor_chunks, sample_chunks) = (factors.chunks_exact(LANES), samples.chunks_exact(LANES));
    let rest = factor_chunks.remainder().iter().zip(sample_chunks.remainder());
    let rest: f32 = rest.map(|(factor, sample)| factor * sample).sum();
    for (factors, samples) in factor_chunks.zip(sample_chunks) {
        for lane in 0..LANES {
            lanes[lane] += factors[lane] * samples[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

fn sinc(x: f64) -> f64 {
    let angle = std::f64::consts::PI * x;
    if angle.abs() < 1e-12 { 1.0 } else { angle.sin() / angle }
}

/// The Kaiser window over −1 to 1; 0 beyond.
fn kaiser(x: f64) -> f64 {
    if x.abs() > 1.0 { 0.0 } else { bessel_i0(BETA * (1.0 - x * x).sqrt()) / bessel_i0(BETA) }
}

/// The modified Bessel function of order 0, by its series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[expect(clippy::cast_precision_loss, reason = "indices of a table, far below 2^52")]
fn fraction(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signals::{noise, rms, sine, snr_db};

    const PAIRS: [(u32, u32); 8] = [
        (24_000, 48_000),
        (24_000, 44_100),
        (16_000, 24_000),
        (22_050, 24_000),
        (48_000, 24_000),
        (44_100, 24_000),
        (44_100, 48_000),
        (24_000, 8_000),
    ];

    #[test]
    fn a_sine_stays_the_same_sine_in_place_at_any_rate() {
        for (from, to) in PAIRS {
            for hz in [100.0, 1_000.0, 3_300.0] {
                let ours = resample(&sine(from, hz, 0.5, from as usize), to).unwrap();
                let wanted = sine(to, hz, 0.5, to as usize);
                assert_eq!(ours.samples.len(), to as usize);
                let inner = to as usize / 10..to as usize * 9 / 10;
                let snr = snr_db(&wanted.samples[inner.clone()], &ours.samples[inner]);
                assert!(snr > 85.0, "{hz} Hz from {from} to {to}: {snr} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_removed() {
        for (from, to, hz) in [(48_000, 24_000, 13_000.0), (44_100, 24_000, 12_500.0)] {
            let ours = resample(&sine(from, hz, 0.5, from as usize), to).unwrap();
            let inner = &ours.samples[to as usize / 10..to as usize * 9 / 10];
            assert!(rms(inner) < 0.5e-4, "{hz} Hz at {to}: {}", rms(inner));
        }
    }

    #[test]
    fn rates_that_cannot_be_are_refused() {
        let pcm = noise(24_000, 0.1, 10);
        for rate_hz in [0, 7_999, 192_001, u32::MAX] {
            assert!(matches!(resample(&pcm, rate_hz), Err(AudioError::Encode(_))), "{rate_hz}");
        }
        assert!(resample(&Pcm { rate_hz: 0, ..pcm.clone() }, 0).is_err());
        assert!(resample(&Pcm { rate_hz: u32::MAX, ..pcm }, 24_000).is_err());
    }

    #[test]
    fn a_constant_comes_out_as_itself() {
        for (from, to) in PAIRS {
            let flat = Pcm { samples: vec![0.25; from as usize], rate_hz: from };
            let ours = resample(&flat, to).unwrap();
            let inner = &ours.samples[to as usize / 10..to as usize * 9 / 10];
            assert!(inner.iter().all(|sample| (sample - 0.25).abs() < 1e-5), "{from} to {to}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_length_is_the_rounded_quotient(n in 0usize..3_000, pair in 0usize..PAIRS.len()) {
            let (from, to) = PAIRS[pair];
            let ours = resample(&noise(from, 0.5, n), to).unwrap();
            let exact = fraction(n, 1) * f64::from(to) / f64::from(from);
            prop_assert!((fraction(ours.samples.len(), 1) - exact).abs() <= 0.5);
            prop_assert_eq!(ours.rate_hz, to);
        }

        #[test]
        fn the_same_rate_is_the_identity(n in 0usize..500, rate_hz in 1u32..200_000) {
            let pcm = noise(rate_hz, 0.5, n);
            prop_assert_eq!(resample(&pcm, rate_hz).unwrap(), pcm);
        }
    }
}
