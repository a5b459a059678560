//! Frames to samples.

mod conv;
#[cfg(feature = "cuda")]
mod parts;
mod quantizer;
mod reference;
mod segments;
mod snake;
mod state;
mod transformer;
mod upsample;
mod waves;

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::qwen3_tts::Frame;
use crate::qwen3_tts::config::CodecConfig;
#[cfg(feature = "cuda")]
use crate::qwen3_tts::cuda::WaveKernels;
use conv::CausalConv;
use quantizer::Quantizer;
use state::Tail;
use transformer::Transformer;
use upsample::Upsample;
use waves::Waves;

#[cfg(feature = "cuda")]
pub(in crate::qwen3_tts) use parts::{ConvParts, SnakeParts, WaveParts};
pub use reference::{Line, Reference};
pub use state::DecoderState;

/// The half of the codec that speaks. Holds weights only; what a row has heard is in its
/// [`DecoderState`].
///
/// Everything in it looks back only, so frames can come in any portions: the samples are the same
/// but for rounding. Computed in F32 on every device, as its output is heard.
///
/// Source: `Qwen3TTSTokenizerV2Decoder`, `modeling_qwen3_tts_tokenizer_v2.py` at `022e286`.
/// Differs: goes on from a state, and rows in a batch need no padding.
#[derive(Debug)]
pub struct CodecDecoder {
    quantizer: Quantizer,
    pre_conv: CausalConv,
    pre_transformer: Transformer,
    upsample: Vec<Upsample>,
    waves: Waves,
    /// The same convolutions as kernels of our own see them, where the device has them.
    #[cfg(feature = "cuda")]
    pub(in crate::qwen3_tts) wave_kernels: Option<WaveKernels>,
    tails: Vec<Tail>,
    frame_samples: usize,
    device: Device,
}

/// Kernel in front of the transformer.
const PRE_KERNEL: usize = 3;

/// Frames, over all rows, that pass the layers up to the waves together: enough to be worth reading
/// their weights for.
const PORTION_CPU: usize = 64;

/// The same where a call costs more than what it does.
const PORTION_GPU: usize = 1024;

/// Frames, over all rows, that become waves together, where memory is near and where it is far. A
/// frame takes 0.7 MB in the last layers, and 7 times as much while it is convolved.
const WAVE_PORTION_CPU: usize = 4;
const WAVE_PORTION_GPU: usize = 64;

/// The same for kernels of our own, which write down what they convolve once and in half the bytes.
#[cfg(feature = "cuda")]
const WAVE_PORTION_KERNELS: usize = 512;

impl CodecDecoder {
    /// Takes its tensors from a builder that stands at the codec's root, in F32.
    ///
    /// # Errors
    /// When a tensor is missing or the device is out of memory.
    pub fn new(config: &CodecConfig, weights: &VarBuilder) -> Result<Self> {
        let device = weights.device().clone();
        let frame_samples = config.decode_upsample_rate;
        let config = &config.decoder_config;
        let weights = weights.pp("decoder");
        let (summed, latent) = (config.codebook_dim, config.latent_dim);
        let waves = Waves::load(config, &weights.pp("decoder"))?;
        let ratios = config.upsampling_ratios.iter().enumerate();
        let mut decoder = Self {
            quantizer: Quantizer::load(config, &weights.pp("quantizer"))?,
            pre_conv: CausalConv::load(
                (summed, latent),
                PRE_KERNEL,
                1,
                &weights.pp("pre_conv.conv"),
            )?,
            pre_transformer: Transformer::load(config, &weights.pp("pre_transformer"))?,
            upsample: ratios
                .map(|(stage, &ratio)| {
                    Upsample::load(latent, ratio, &weights.pp("upsample").pp(stage))
                })
                .collect::<Result<_>>()?,
            #[cfg(feature = "cuda")]
            wave_kernels: match &device {
                Device::Cuda(cuda) => WaveKernels::of(&waves.parts()?, cuda)?,
                Device::Cpu | Device::Metal(_) => None,
            },
            waves,
            tails: Vec::new(),
            frame_samples,
            device,
        };
        decoder.tails = decoder.all_tails();
        Ok(decoder)
    }

    fn all_tails(&self) -> Vec<Tail> {
        let mut tails: Vec<_> = self.pre_conv.tail().into_iter().cloned().collect();
        tails.extend(self.pre_transformer.tails().cloned());
        tails.extend(self.upsample.iter().flat_map(Upsample::tails).cloned());
        tails.extend(self.waves.tails().cloned());
        tails
    }

    /// Samples of one frame.
    #[must_use]
    pub fn frame_samples(&self) -> usize {
        self.frame_samples
    }

    /// The state of rows that have heard nothing.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn fresh(&self, rows: usize) -> Result<DecoderState> {
        DecoderState::fresh(&self.tails, rows, &self.device)
    }

    /// Decodes the next frames of every row, without the blocks that [`Self::decode`] cuts long
    /// lines into.
    ///
    /// Rows that are shorter than the longest are filled up with code 0: their samples beyond their
    /// own frames mean nothing, and nor does their state.
    ///
    /// # Shapes
    /// * `rows`: `B` rows of `T` frames at most
    /// * returns `[T·frame_samples, B]`, −1 to 1
    ///
    /// # Errors
    /// On as many rows as `state` does not have, on a state that is not this decoder's, on a code
    /// that is none, and when the device is out of memory.
    pub fn advance(&self, rows: &[&[Frame]], state: &mut DecoderState) -> Result<Tensor> {
        if rows.len() != state.positions().len() {
            candle_core::bail!("{} rows, but {} in the state", rows.len(), state.positions().len());
        }
        state.check(&self.tails)?;
        let frames = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let portion = if self.device.is_cpu() { PORTION_CPU } else { PORTION_GPU };
        let portion = (portion / rows.len().max(1)).max(1);
        let mut samples = Vec::new();
        for start in (0..frames).step_by(portion) {
            let part: Vec<_> = rows
                .iter()
                .map(|row| &row[start.min(row.len())..row.len().min(start + portion)])
                .collect();
            self.portion(&part, state, &mut samples)?;
        }
        if samples.is_empty() {
            return Tensor::zeros((0, rows.len()), candle_core::DType::F32, &self.device);
        }
        Tensor::cat(&samples, 0)?.clamp(-1f32, 1f32)
    }

    fn portion(
        &self,
        rows: &[&[Frame]],
        state: &mut DecoderState,
        samples: &mut Vec<Tensor>,
    ) -> Result<()> {
        let latent = self.latent(rows, state)?;
        let frames = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let moments = latent.dim(0)? / frames;
        let at_once = (self.wave_portion() / rows.len()).max(1) * moments;
        for start in (0..latent.dim(0)?).step_by(at_once) {
            let part = latent.narrow(0, start, at_once.min(latent.dim(0)? - start))?;
            samples.push(self.wave(&part, state)?);
        }
        state.advance(frames);
        Ok(())
    }

    /// Frames, over all rows, that become waves together.
    fn wave_portion(&self) -> usize {
        #[cfg(feature = "cuda")]
        if self.wave_kernels.is_some() {
            return WAVE_PORTION_KERNELS;
        }
        if self.device.is_cpu() { WAVE_PORTION_CPU } else { WAVE_PORTION_GPU }
    }

    /// `[T, B, latent]` → `[T·samples, B]`.
    fn wave(&self, latent: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if let Some(kernels) = &self.wave_kernels {
            return kernels.forward(latent, state);
        }
        self.waves.forward(latent, state)
    }

    /// `B` rows of `T` frames → `[T·ratios, B, latent]`.
    fn latent(&self, rows: &[&[Frame]], state: &mut DecoderState) -> Result<Tensor> {
        let x = self.pre_conv.forward(&self.quantizer.forward(rows)?, state)?;
        let mut x = self.pre_transformer.forward(&x, state)?;
        for stage in &self.upsample {
            x = stage.forward(&x, state)?;
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests;
