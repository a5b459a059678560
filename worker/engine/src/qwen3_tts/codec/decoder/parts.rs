//! The weights of the convolutions, for those who compute with them in another way.

use candle_core::{Result, Tensor};

use super::conv::CausalConv;
use super::snake::Snake;
use super::state::Tail;
use super::waves::{Block, Unit, Waves};

/// What [`Waves`] are made of.
pub(in crate::qwen3_tts) struct WaveParts<'a> {
    pub first: ConvParts<'a>,
    /// At least one.
    pub blocks: Vec<BlockParts<'a>>,
    pub act: SnakeParts<'a>,
    pub last: ConvParts<'a>,
}

/// What a block is made of.
pub(in crate::qwen3_tts) struct BlockParts<'a> {
    pub act: SnakeParts<'a>,
    /// To `stride` moments of the block's channels, side by side.
    pub upsampling: ConvParts<'a>,
    /// Moments that come out for one.
    pub stride: usize,
    /// At least one.
    pub units: Vec<UnitParts<'a>>,
}

/// What a residual unit is made of.
pub(in crate::qwen3_tts) struct UnitParts<'a> {
    pub act1: SnakeParts<'a>,
    pub conv1: ConvParts<'a>,
    pub act2: SnakeParts<'a>,
    pub conv2: ConvParts<'a>,
}

/// A convolution's weights.
pub(in crate::qwen3_tts) struct ConvParts<'a> {
    /// Under which the state has what it remembers, if it looks back.
    pub name: &'a str,
    /// `[K·C, O]`.
    pub weight: &'a Tensor,
    /// `[O]`.
    pub bias: &'a Tensor,
    /// `C`.
    pub channels: usize,
    /// Moments from one tap to the next.
    pub dilation: usize,
}

/// A snake's numbers, `[C]` each.
pub(in crate::qwen3_tts) struct SnakeParts<'a> {
    pub alpha: &'a Tensor,
    /// `1/β`.
    pub height: &'a Tensor,
}

impl Waves {
    /// # Errors
    /// When they are laid out for a processor, as all of these.
    pub(super) fn parts(&self) -> Result<WaveParts<'_>> {
        Ok(WaveParts {
            first: self.first.parts()?,
            blocks: self.blocks.iter().map(Block::parts).collect::<Result<_>>()?,
            act: self.act.parts(),
            last: self.last.parts()?,
        })
    }
}

impl Block {
    fn parts(&self) -> Result<BlockParts<'_>> {
        Ok(BlockParts {
            act: self.act.parts(),
            upsampling: self.upsampling.conv.parts()?,
            stride: self.upsampling.stride,
            units: self.units.iter().map(Unit::parts).collect::<Result<_>>()?,
        })
    }
}

impl Unit {
    fn parts(&self) -> Result<UnitParts<'_>> {
        Ok(UnitParts {
            act1: self.act1.parts(),
            conv1: self.conv1.parts()?,
            act2: self.act2.parts(),
            conv2: self.conv2.parts()?,
        })
    }
}

impl CausalConv {
    fn parts(&self) -> Result<ConvParts<'_>> {
        let (weight, Some(bias)) = self.matrix.plain()? else {
            candle_core::bail!("a convolution without bias")
        };
        let Tail { name, channels, .. } = &self.tail;
        Ok(ConvParts { name, weight, bias, channels: *channels, dilation: self.dilation })
    }
}

impl Snake {
    fn parts(&self) -> SnakeParts<'_> {
        SnakeParts { alpha: &self.alpha, height: &self.height }
    }
}
