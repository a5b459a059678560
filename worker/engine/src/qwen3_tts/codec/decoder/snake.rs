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
        for (bent, x) in bent.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            let mut widest = 0f32;
            let each = bent.iter_mut().zip(x).zip(self.alpha.iter().zip(self.height));
            for ((bent, &x), (alpha, height)) in each {
                let angle = x * alpha;
                widest = if angle.abs() > widest { angle.abs() } else { widest };
                *bent = x + sin_squared(angle) * height;
            }
            if widest > WIDEST {
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
