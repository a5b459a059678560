//! From four latent moments a frame to samples.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::conv::{CausalConv, CausalUpsampling};
use super::snake::Snake;
use super::state::{DecoderState, Tail};
use crate::qwen3_tts::config::CodecDecoderConfig;

/// Kernel of every convolution that is not 1.
const KERNEL: usize = 7;

/// Dilations of a block's residual units.
const DILATIONS: [usize; 3] = [1, 3, 9];

/// The convolutional part. Each block has half the channels of the one before and several times
/// its moments, so the first blocks hold the weights and the last ones do the work.
///
/// Source: `decoder` of `Qwen3TTSTokenizerV2Decoder`, `modeling_qwen3_tts_tokenizer_v2.py` at
/// `022e286`.
#[derive(Debug)]
pub(super) struct Waves {
    pub(super) first: CausalConv,
    pub(super) blocks: Vec<Block>,
    pub(super) act: Snake,
    pub(super) last: CausalConv,
}

impl Waves {
    pub(super) fn load(config: &CodecDecoderConfig, weights: &VarBuilder) -> Result<Self> {
        let mut width = config.decoder_dim;
        let first = CausalConv::load((config.latent_dim, width), KERNEL, 1, &weights.pp("0.conv"))?;
        let mut blocks = Vec::with_capacity(config.upsample_rates.len());
        for (index, &rate) in config.upsample_rates.iter().enumerate() {
            blocks.push(Block::load(width, rate, &weights.pp(index + 1).pp("block"))?);
            width /= 2;
        }
        let next = blocks.len() + 1;
        let last = CausalConv::load((width, 1), KERNEL, 1, &weights.pp(next + 1).pp("conv"))?;
        Ok(Self { first, blocks, act: Snake::load(width, &weights.pp(next))?, last })
    }

    /// What its layers look back on.
    pub(super) fn tails(&self) -> impl Iterator<Item = &Tail> {
        let blocks = self.blocks.iter().flat_map(Block::tails);
        self.first.tail().into_iter().chain(blocks).chain(self.last.tail())
    }

    /// # Shapes
    /// * `x` `[T, B, latent]`, contiguous
    /// * returns `[T·samples, B]`, −1 to 1
    pub(super) fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let mut x = self.first.forward(x, state)?;
        for block in &self.blocks {
            x = block.forward(&x, state)?;
        }
        self.last.forward(&self.act.forward(&x)?, state)?.squeeze(2)
    }
}

/// A snake, more moments of fewer channels, and units that see further and further back.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) act: Snake,
    pub(super) upsampling: CausalUpsampling,
    pub(super) units: Vec<Unit>,
}

impl Block {
    /// From `width` channels to half as many, `rate` moments for one.
    fn load(width: usize, rate: usize, weights: &VarBuilder) -> Result<Self> {
        let half = width / 2;
        let units = DILATIONS.iter().enumerate();
        Ok(Self {
            act: Snake::load(width, &weights.pp(0))?,
            upsampling: CausalUpsampling::load(
                (width, half),
                2 * rate,
                rate,
                &weights.pp("1.conv"),
            )?,
            units: units
                .map(|(unit, &dilation)| Unit::load(half, dilation, &weights.pp(unit + 2)))
                .collect::<Result<_>>()?,
        })
    }

    fn tails(&self) -> impl Iterator<Item = &Tail> {
        self.upsampling.tail().into_iter().chain(self.units.iter().filter_map(|u| u.conv1.tail()))
    }

    /// `[T, B, C]` → `[T·rate, B, C / 2]`.
    pub(super) fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let mut x = self.upsampling.forward(&self.act.forward(x)?, state)?;
        for unit in &self.units {
            x = unit.forward(&x, state)?;
        }
        Ok(x)
    }
}

/// Adds to each moment what it makes of those before it.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) act1: Snake,
    pub(super) conv1: CausalConv,
    pub(super) act2: Snake,
    pub(super) conv2: CausalConv,
}

impl Unit {
    fn load(width: usize, dilation: usize, weights: &VarBuilder) -> Result<Self> {
        let conv = |name, kernel, dilation| {
            CausalConv::load((width, width), kernel, dilation, &weights.pp(name).pp("conv"))
        };
        Ok(Self {
            act1: Snake::load(width, &weights.pp("act1"))?,
            conv1: conv("conv1", KERNEL, dilation)?,
            act2: Snake::load(width, &weights.pp("act2"))?,
            conv2: conv("conv2", 1, 1)?,
        })
    }

    /// `[T, B, C]` → the same.
    fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let inner = self.conv1.forward(&self.act1.forward(x)?, state)?;
        self.conv2.forward_onto(x, &self.act2.forward(&inner)?, state)
    }
}
