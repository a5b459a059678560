//! The decoder's activation.

#![expect(
    clippy::inline_always,
    reason = "what is not inlined is not compiled for the instructions"
)]

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use rayon::prelude::*;

use crate::qwen3_tts::product::{Instructions, Set, Work};

/// `x + sin²(α·x) / β`, with an `α` and a `β` for every channel.
///
/// Source: `SnakeBeta`, `modeling_qwen3_tts_tokenizer_v2.py` at `022e286`. Differs: `α` and `1/β`
/// are computed once, at loading; on a CPU all is one pass, with a sine of its own.
#[derive(Debug)]
pub(super) struct Snake {
    /// `[C]`.
    pub(super) alpha: Tensor,
    /// `[C]`, `1/β`.
    pub(super) height: Tensor,
    /// The same numbers, for [`Bend`].
    on_host: (Vec<f32>, Vec<f32>),
}

impl Snake {
    /// Takes `alpha` and `beta`, which the checkpoint has as logarithms.
    pub(super) fn load(channels: usize, weights: &VarBuilder) -> Result<Self> {
        let alpha = weights.get(channels, "alpha")?.exp()?;
        let height = (weights.get(channels, "beta")?.exp()? + 1e-9)?.recip()?;
        let on_host = (alpha.to_vec1()?, height.to_vec1()?);
        Ok(Self { alpha, height, on_host })
    }

    /// # Shapes
    /// * `x` `[T, B, C]`, contiguous
    /// * returns the same
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if x.device().is_cpu() {
            return x.apply_op1_no_bwd(&Bend { alpha: &self.on_host.0, height: &self.on_host.1 });
        }
        let bent = x.broadcast_mul(&self.alpha)?.sin()?.sqr()?;
        x + bent.broadcast_mul(&self.height)?
    }
}

/// A snake on a CPU. Candle's own operations would take five passes over the largest tensors there
/// are, with a library call for every sine: a third of decoding.
struct Bend<'a> {
    alpha: &'a [f32],
    height: &'a [f32],
}

/// Moments that one thread takes at a time.
const GRAIN: usize = 256;

impl CustomOp1 for Bend<'_> {
    fn name(&self) -> &'static str {
        "snake"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            candle_core::bail!("snake of a tensor that is not contiguous: {layout:?}")
        };
        let CpuStorage::F32(numbers) = storage else {
            candle_core::bail!("snake of numbers that are not F32")
        };
        let grain = GRAIN * self.alpha.len();
        let instructions = Instructions::best();
        let mut bent = vec![0f32; end - start];
        bent.par_chunks_mut(grain)
            .zip(numbers[start..end].par_chunks(grain))
            .for_each(|(bent, x)| instructions.run(Bending { bend: self, bent, x }));
        Ok((CpuStorage::F32(bent), layout.shape().clone()))
    }
}

/// What one thread does at a time.
struct Bending<'a> {
    bend: &'a Bend<'a>,
    bent: &'a mut [f32],
    x: &'a [f32],
}

impl Work for Bending<'_> {
    #[inline(always)]
    fn run<S: Set>(self) {
        self.bend.bend(self.bent, self.x);
    }
}

impl Bend<'_> {
    #[inline(always)]
    fn bend(&self, bent: &mut [f32], x: &[f32]) {
        let channels = self.alpha.len();
        let (alphas, last_alphas) = self.alpha.as_chunks();
        let (heights, last_heights) = self.height.as_chunks();
        for (bent, x) in bent.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            // One for every lane: a single widest angle would make the whole loop go one by one.
            let mut widest = [0f32; LANES];
            let (bents, last_bent) = bent.as_chunks_mut();
            let (xs, last_x) = x.as_chunks();
            let vectors = bents.iter_mut().zip(xs).zip(alphas.iter().zip(heights));
            for ((bent, x), (alpha, height)) in vectors {
                bend_lanes(bent, x, (alpha, height), &mut widest);
            }
            if !last_x.is_empty() {
                let numbers = (&padded(last_alphas), &padded(last_heights));
                let mut lanes = [0f32; LANES];
                bend_lanes(&mut lanes, &padded(last_x), numbers, &mut widest);
                last_bent.copy_from_slice(&lanes[..last_x.len()]);
            }
            if widest.iter().any(|angle| *angle > WIDEST) {
                self.bend_exactly(bent, x);
            }
        }
    }

    /// The same, for angles that [`sin_squared`] is not made for.
    #[cold]
    fn bend_exactly(&self, bent: &mut [f32], x: &[f32]) {
        let each = bent.iter_mut().zip(x).zip(self.alpha.iter().zip(self.height));
        for ((bent, &x), (alpha, height)) in each {
            *bent = x + (x * alpha).sin().powi(2) * height;
        }
    }
}

/// A vector's worth of channels.
const LANES: usize = 16;

/// Bends a vector, and keeps in `widest` the widest angle that every lane has had.
#[allow(clippy::needless_range_loop, reason = "the compiler makes better vectors of it")]
#[inline(always)]
fn bend_lanes(
    bent: &mut [f32; LANES],
    x: &[f32; LANES],
    (alpha, height): (&[f32; LANES], &[f32; LANES]),
    widest: &mut [f32; LANES],
) {
    for lane in 0..LANES {
        let angle = x[lane] * alpha[lane];
        widest[lane] = if angle.abs() > widest[lane] { angle.abs() } else { widest[lane] };
        bent[lane] = x[lane] + sin_squared(angle) * height[lane];
    }
}

/// Fewer than [`LANES`] numbers, and zeros behind them.
#[inline(always)]
fn padded(numbers: &[f32]) -> [f32; LANES] {
    std::array::from_fn(|lane| numbers.get(lane).copied().unwrap_or(0.0))
}

/// Angles, either way, up to which [`sin_squared`] is accurate.
const WIDEST: f32 = 10_000.0;

/// π in three parts, the first two of so few bits that whole multiples of them are exact.
const PI: [f32; 3] = [3.140_625, 9.675_026e-4, 1.509_958e-7];

/// Added and subtracted again, rounds a number to a whole one.
const ROUND: f32 = 12_582_912.0;

/// `sin²`, to 5e-7 of the library's, in straight arithmetic that a compiler makes vectors of.
///
/// Squaring drops the sign, so whole multiples of π can go without being counted.
#[inline(always)]
fn sin_squared(angle: f32) -> f32 {
    let turns = (angle * std::f32::consts::FRAC_1_PI + ROUND) - ROUND;
    let rest = ((angle - turns * PI[0]) - turns * PI[1]) - turns * PI[2];
    let square = rest * rest;
    let mut sum = -1.0 / 39_916_800.0;
    for coefficient in [1.0 / 362_880.0, -1.0 / 5_040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0] {
        sum = sum * square + coefficient;
    }
    let sine = rest * sum;
    sine * sine
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_own_sine_is_the_librarys() {
        for step in -2_000_000i32..=2_000_000 {
            let angle = f64::from(step) * 5e-3;
            #[expect(clippy::cast_possible_truncation, reason = "that is what is tested")]
            let angle = angle as f32;
            let exact = f64::from(angle).sin().powi(2);
            let apart = (f64::from(sin_squared(angle)) - exact).abs();
            assert!(apart < 5e-7, "sin²({angle}) is off by {apart}");
        }
    }

    #[test]
    fn every_channel_is_bent_by_its_own_numbers() {
        for channels in [1usize, 15, 16, 17, 35, 96] {
            let alpha: Vec<f32> =
                (1u16..).take(channels).map(|channel| 0.1 * f32::from(channel)).collect();
            let height: Vec<f32> = alpha.iter().map(|alpha| 2.0 - alpha).collect();
            let bend = Bend { alpha: &alpha, height: &height };
            let x = Tensor::randn(0f32, 3.0, (9, 1, channels), &Device::Cpu).unwrap();
            let ours = x.apply_op1_no_bwd(&bend).unwrap().flatten_all().unwrap();
            let x = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (index, ours) in ours.to_vec1::<f32>().unwrap().into_iter().enumerate() {
                let (alpha, height) = (alpha[index % channels], height[index % channels]);
                let expected = x[index] + (x[index] * alpha).sin().powi(2) * height;
                assert!((ours - expected).abs() < 1e-5, "{index} of {channels}: {ours}");
            }
        }
    }

    #[test]
    fn wide_angles_and_numbers_that_are_none_are_as_in_separate_operations() {
        let x = [0.0, -0.5, 3e4, -1e6, 1e9, f32::INFINITY, f32::NAN, 1e-30];
        let bend = Bend { alpha: &[2.0, 0.5], height: &[0.25, 3.0] };
        let x = Tensor::new(&x, &Device::Cpu).unwrap().reshape((4, 1, 2)).unwrap();
        let ours = x.apply_op1_no_bwd(&bend).unwrap().flatten_all().unwrap();
        for (index, ours) in ours.to_vec1::<f32>().unwrap().into_iter().enumerate() {
            let x = x.flatten_all().unwrap().to_vec1::<f32>().unwrap()[index];
            let expected = x + (x * bend.alpha[index % 2]).sin().powi(2) * bend.height[index % 2];
            let is_same = (ours - expected).abs() <= 1e-6 || ours.is_nan() && expected.is_nan();
            assert!(is_same, "snake of {x} is {ours}, not {expected}");
        }
    }
}
