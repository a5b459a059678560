//! Causal convolutions as products of matrices.
//!
//! Moments come first and channels last, so that a window of moments is a stretch of memory and
//! shifting in time copies nothing. Every output sees only moments that are past, so a convolution
//! that is given its tail goes on as if it had never stopped.
//!
//! Letters, in all of the decoder: `T` moments, `B` rows, `C` channels in, `O` channels out,
//! `K` taps.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::state::{DecoderState, Tail};
use crate::qwen3_tts::product::{Matrix, Windows};
use crate::qwen3_tts::weights::WeightFormat;

/// A convolution that looks back only.
///
/// Source: `Qwen3TTSTokenizerV2CausalConvNet`, `modeling_qwen3_tts_tokenizer_v2.py` at `022e286`.
/// Differs: the zeros in front are the state of a row that has seen nothing.
#[derive(Debug)]
pub(super) struct CausalConv {
    pub(super) tail: Tail,
    taps: usize,
    pub(super) dilation: usize,
    /// `K·C → O`: the checkpoint's `[O, C, K]`, turned to match windows of moments.
    pub(super) matrix: Matrix,
}

impl CausalConv {
    /// Takes `weight` and `bias` of a convolution from `channels.0` to `channels.1` channels.
    pub(super) fn load(
        (input, output): (usize, usize),
        kernel: usize,
        dilation: usize,
        weights: &VarBuilder,
    ) -> Result<Self> {
        let weight = weights
            .get((output, input, kernel), "weight")?
            .permute((2, 1, 0))?
            .contiguous()?
            .reshape((kernel * input, output))?;
        let tail =
            Tail { name: weights.prefix(), moments: (kernel - 1) * dilation, channels: input };
        let bias = weights.get(output, "bias")?;
        Self::new(tail, kernel, dilation, (weight, bias))
    }

    /// `weight` `[K·C, O]`, `bias` `[O]`.
    fn new(
        tail: Tail,
        taps: usize,
        dilation: usize,
        (weight, bias): (Tensor, Tensor),
    ) -> Result<Self> {
        let matrix = Matrix::new(weight, Some(bias), WeightFormat::Native)?;
        Ok(Self { tail, taps, dilation, matrix })
    }

    /// What it looks back on.
    pub(super) fn tail(&self) -> Option<&Tail> {
        (self.tail.moments > 0).then_some(&self.tail)
    }

    /// # Shapes
    /// * `x` `[T, B, C]`, contiguous
    /// * returns `[T, B, O]`
    pub(super) fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let (moments, rows, _) = x.dims3()?;
        let (seen, windows) = self.windows(x, state)?;
        self.matrix.convolve(&seen, windows)?.reshape((moments, rows, ()))
    }

    /// [`Self::forward`], added to `onto`.
    ///
    /// # Shapes
    /// * `onto` `[T, B, O]`, contiguous
    pub(super) fn forward_onto(
        &self,
        onto: &Tensor,
        x: &Tensor,
        state: &mut DecoderState,
    ) -> Result<Tensor> {
        let (seen, windows) = self.windows(x, state)?;
        self.matrix.convolve_onto(&onto.flatten_to(1)?, &seen, windows)?.reshape(onto.shape())
    }

    /// What is seen, `[…, C]`, and which rows of that each output sees.
    fn windows(&self, x: &Tensor, state: &mut DecoderState) -> Result<(Tensor, Windows)> {
        let (moments, rows, _) = x.dims3()?;
        let seen = if self.taps == 1 { x.clone() } else { state.extend(&self.tail.name, x)? };
        let windows = Windows {
            count: moments * rows,
            stride: 1,
            taps: self.taps,
            dilation: self.dilation * rows,
        };
        Ok((seen.flatten_to(1)?, windows))
    }
}

/// A transposed convolution that looks back only: `stride` moments come out for one.
///
/// What a moment puts into the outputs of later ones is what those take from it, so this is an
/// ordinary causal convolution to `stride·O` channels, which are `stride` moments side by side.
///
/// Source: `Qwen3TTSTokenizerV2CausalTransConvNet`, same file.
/// Differs: computed from the outputs' side, so nothing overlaps, is added up or is cut off.
#[derive(Debug)]
pub(super) struct CausalUpsampling {
    pub(super) conv: CausalConv,
    pub(super) stride: usize,
}

impl CausalUpsampling {
    /// Takes `weight` and `bias`; `kernel` is a multiple of `stride`.
    pub(super) fn load(
        (input, output): (usize, usize),
        kernel: usize,
        stride: usize,
        weights: &VarBuilder,
    ) -> Result<Self> {
        let taps = kernel / stride;
        // `[C, O, K]` → `[taps, C, stride, O]`, the latest tap first.
        let by_tap = weights
            .get((input, output, kernel), "weight")?
            .reshape((input, output, taps, stride))?
            .permute((2, 0, 3, 1))?
            .contiguous()?;
        let from_first: Vec<_> =
            (0..taps).rev().map(|tap| by_tap.narrow(0, tap, 1)).collect::<Result<_>>()?;
        let weight = Tensor::cat(&from_first, 0)?.reshape((taps * input, stride * output))?;
        let bias = weights.get(output, "bias")?.repeat(stride)?;
        let tail = Tail { name: weights.prefix(), moments: taps - 1, channels: input };
        Ok(Self { conv: CausalConv::new(tail, taps, 1, (weight, bias))?, stride })
    }

    /// What it looks back on.
    pub(super) fn tail(&self) -> Option<&Tail> {
        self.conv.tail()
    }

    /// # Shapes
    /// * `x` `[T, B, C]`, contiguous
    /// * returns `[T·stride, B, O]`, contiguous
    pub(super) fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let (moments, rows, _) = x.dims3()?;
        self.conv
            .forward(x, state)?
            .reshape((moments, rows, self.stride, ()))?
            .transpose(1, 2)?
            .contiguous()?
            .flatten_to(1)
    }
}

/// A causal convolution of every channel by itself.
#[derive(Debug)]
pub(super) struct CausalDepthwise {
    tail: Tail,
    /// `K` of `[C]`.
    taps: Vec<Tensor>,
    /// `[C]`.
    bias: Tensor,
}

impl CausalDepthwise {
    /// Takes `weight` and `bias`.
    pub(super) fn load(channels: usize, kernel: usize, weights: &VarBuilder) -> Result<Self> {
        let weight = weights.get((channels, 1, kernel), "weight")?;
        let taps = (0..kernel)
            .map(|tap| weight.narrow(2, tap, 1)?.flatten_all()?.contiguous())
            .collect::<Result<_>>()?;
        let tail = Tail { name: weights.prefix(), moments: kernel - 1, channels };
        Ok(Self { tail, taps, bias: weights.get(channels, "bias")? })
    }

    /// What it looks back on.
    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// # Shapes
    /// * `x` `[T, B, C]`, contiguous
    /// * returns `[T, B, C]`
    pub(super) fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let moments = x.dim(0)?;
        let seen = state.extend(&self.tail.name, x)?;
        let mut sum = self.bias.broadcast_as(x.shape())?.contiguous()?;
        for (shift, tap) in self.taps.iter().enumerate() {
            sum = (sum + seen.narrow(0, shift, moments)?.broadcast_mul(tap)?)?;
        }
        Ok(sum)
    }
}
