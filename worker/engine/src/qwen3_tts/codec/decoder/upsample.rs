//! From one latent moment a frame to four.

use candle_core::{Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module as _, VarBuilder, linear};

use super::conv::{CausalDepthwise, CausalUpsampling};
use super::state::{DecoderState, Tail};

/// Kernel of the depthwise convolution.
const KERNEL: usize = 7;

/// Added to the variance in the norm; the reference has it in its code, not in a file.
const EPS: f64 = 1e-6;

/// A stage: `ratio` moments come out for one, and each is reconsidered.
///
/// Source: `upsample` of `Qwen3TTSTokenizerV2Decoder` with `Qwen3TTSTokenizerV2ConvNeXtBlock`,
/// `modeling_qwen3_tts_tokenizer_v2.py` at `022e286`.
#[derive(Debug)]
pub(super) struct Upsample {
    upsampling: CausalUpsampling,
    dwconv: CausalDepthwise,
    norm: LayerNorm,
    pwconv1: Linear,
    pwconv2: Linear,
    gamma: Tensor,
}

impl Upsample {
    pub(super) fn load(width: usize, ratio: usize, weights: &VarBuilder) -> Result<Self> {
        let block = weights.pp(1);
        let norm = block.pp("norm");
        Ok(Self {
            upsampling: CausalUpsampling::load(
                (width, width),
                ratio,
                ratio,
                &weights.pp("0.conv"),
            )?,
            dwconv: CausalDepthwise::load(width, KERNEL, &block.pp("dwconv.conv"))?,
            norm: LayerNorm::new(norm.get(width, "weight")?, norm.get(width, "bias")?, EPS),
            pwconv1: linear(width, 4 * width, block.pp("pwconv1"))?,
            pwconv2: linear(4 * width, width, block.pp("pwconv2"))?,
            gamma: block.get(width, "gamma")?,
        })
    }

    /// What its layers look back on.
    pub(super) fn tails(&self) -> impl Iterator<Item = &Tail> {
        self.upsampling.tail().into_iter().chain([self.dwconv.tail()])
    }

    /// # Shapes
    /// * `x` `[T, B, C]`, contiguous
    /// * returns `[T·ratio, B, C]`, contiguous
    pub(super) fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let x = self.upsampling.forward(x, state)?;
        let inner = self.norm.forward(&self.dwconv.forward(&x, state)?)?;
        let inner = self.pwconv1.forward(&inner)?.gelu_erf()?;
        let inner = self.pwconv2.forward(&inner)?.broadcast_mul(&self.gamma)?;
        x + inner
    }
}
