//! The encoder's convolutions: 960 samples become one vector.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use crate::qwen3_tts::config::CodecEncoderConfig;
use crate::qwen3_tts::row_conv::{Kernel, RowConv};

/// Letters: `T` moments, one for each sample and ever fewer further in; `C` channels; `E` the
/// transformer's width.
///
/// Source: `MimiEncoder` in `modeling_mimi.py` of transformers 4.57.3.
#[derive(Debug)]
pub(super) struct Seanet {
    first: RowConv,
    stages: Vec<Stage>,
    last: RowConv,
}

/// A residual unit and the strided convolution behind it.
#[derive(Debug)]
struct Stage {
    /// `C → C / compress`.
    narrow: RowConv,
    /// `C / compress → C`.
    widen: RowConv,
    /// `C → 2·C`, with stride.
    stride: RowConv,
}

impl Seanet {
    pub(super) fn new(config: &CodecEncoderConfig, weights: &VarBuilder) -> Result<Self> {
        let layers = weights.pp("layers");
        // Activations count as layers, which is why indices jump.
        let conv = |layer: usize, channels, kernel| {
            RowConv::new(channels, kernel, &layers.pp(layer).pp("conv"))
        };
        let mut width = config.num_filters;
        let first = conv(0, (1, width), Kernel::dense(config.kernel_size))?;
        let mut stages = Vec::with_capacity(config.upsampling_ratios.len());
        let mut layer = 1;
        for &ratio in config.upsampling_ratios.iter().rev() {
            let inner = width / config.compress;
            let block = layers.pp(layer).pp("block");
            let residual = Kernel::dense(config.residual_kernel_size);
            let strided = Kernel { size: 2 * ratio, stride: ratio, dilation: 1 };
            stages.push(Stage {
                narrow: RowConv::new((width, inner), residual, &block.pp("1.conv"))?,
                widen: RowConv::new((inner, width), Kernel::dense(1), &block.pp("3.conv"))?,
                stride: conv(layer + 2, (width, 2 * width), strided)?,
            });
            width *= 2;
            layer += 3;
        }
        let kernel = Kernel::dense(config.last_kernel_size);
        let last = conv(layer + 1, (width, config.hidden_size), kernel)?;
        Ok(Self { first, stages, last })
    }

    /// # Shapes
    /// * `samples` `[T, 1]`, at least one
    /// * returns `[⌈T / 960⌉, E]`, 960 being the product of the strides
    pub(super) fn forward(&self, samples: &Tensor) -> Result<Tensor> {
        let mut rows = causal(&self.first, samples)?;
        for stage in &self.stages {
            rows = stage.forward(&rows)?;
        }
        causal(&self.last, &rows.elu(1.0)?)
    }
}

impl Stage {
    /// `[T, C]` → `[⌈T / stride⌉, 2·C]`.
    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let inner = causal(&self.narrow, &rows.elu(1.0)?)?;
        let unit = (rows + causal(&self.widen, &inner.elu(1.0)?)?)?;
        causal(&self.stride, &unit.elu(1.0)?)
    }
}

/// `[T, C]` → `[⌈T / stride⌉, O]`: no output sees a later stride, and every moment is seen.
fn causal(conv: &RowConv, rows: &Tensor) -> Result<Tensor> {
    let (before, after) = super::margins(conv.kernel(), rows.dim(0)?);
    if before + after == 0 {
        return conv.forward(rows);
    }
    conv.forward(&rows.pad_with_zeros(0, before, after)?)
}
