//! A recording's samples to codes, for the voices that continue it.

mod quantizer;
mod seanet;
mod transformer;

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::qwen3_tts::Frame;
use crate::qwen3_tts::config::CodecConfig;
use crate::qwen3_tts::row_conv::{Kernel, RowConv};
use quantizer::Quantizer;
use seanet::Seanet;
use transformer::Transformer;

/// Kernel behind the transformer, which halves the rate.
const DOWNSAMPLE: Kernel = Kernel { size: 4, stride: 2, dilation: 1 };

/// The half of the codec that listens. Holds weights only.
///
/// Source: `MimiModel._encode_frame` in `modeling_mimi.py` of transformers 4.57.3, which
/// `Qwen3TTSTokenizerV2Model.encode` of Qwen3-TTS at `022e286` calls.
/// Differs: recordings are encoded one at a time; in the reference's batches the padding of shorter
/// ones can change their last frame.
#[derive(Debug)]
pub struct CodecEncoder {
    seanet: Seanet,
    transformer: Transformer,
    downsample: RowConv,
    quantizer: Quantizer,
    device: Device,
}

impl CodecEncoder {
    /// Takes its tensors from a builder that stands at the codec's root, in F32.
    ///
    /// # Errors
    /// When a tensor is missing or the device is out of memory.
    pub fn new(config: &CodecConfig, weights: &VarBuilder) -> Result<Self> {
        let device = weights.device().clone();
        let config = &config.encoder_config;
        let weights = weights.pp("encoder");
        let width = config.hidden_size;
        let downsample = weights.pp("downsample.conv");
        Ok(Self {
            seanet: Seanet::new(config, &weights.pp("encoder"))?,
            transformer: Transformer::new(config, &weights.pp("encoder_transformer"))?,
            downsample: RowConv::without_bias((width, width), DOWNSAMPLE, &downsample)?,
            quantizer: Quantizer::new(config, &weights.pp("quantizer"))?,
            device,
        })
    }

    /// Encodes one recording: a frame for every 1920 samples and one for what is left over.
    ///
    /// `samples` are of one channel at 24 kHz, −1 to 1. None make no frames. Memory grows with the
    /// square of the length; a minute takes about half a gigabyte on top of the weights.
    ///
    /// # Errors
    /// When the device fails or is out of memory.
    pub fn encode(&self, samples: &[f32]) -> Result<Vec<Frame>> {
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        self.quantizer.codes(&self.hear(samples)?)
    }

    /// Samples, at least one → `[⌈samples / 1920⌉, E]`.
    pub(in crate::qwen3_tts) fn hear(&self, samples: &[f32]) -> Result<Tensor> {
        let samples = Tensor::from_slice(samples, (samples.len(), 1), &self.device)?;
        self.halve(&self.transformer.forward(&self.seanet.forward(&samples)?)?)
    }

    /// `[T, E]` → `[⌈T / 2⌉, E]`. The only padding that repeats the border instead of zeros.
    fn halve(&self, rows: &Tensor) -> Result<Tensor> {
        let (before, after) = margins(DOWNSAMPLE, rows.dim(0)?);
        self.downsample.forward(&rows.pad_with_same(0, before, after)?)
    }
}

/// How much a causal convolution adds before and after `moments`: as much as makes the first output
/// see the first stride and no later one, and the last output see the last moment.
fn margins(kernel: Kernel, moments: usize) -> (usize, usize) {
    let covered = moments.next_multiple_of(kernel.stride);
    (kernel.size - kernel.stride, covered - moments)
}

#[cfg(test)]
mod tests;
