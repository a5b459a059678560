//! The encoder's convolutions: 960 samples become one vector.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::qwen3_tts::config::CodecEncoderConfig;
use crate::qwen3_tts::row_conv::{Kernel, RowConv};

/// Letters: `T` moments, one for each sample and ever fewer further in; `C` channels; `E` the
/// transformer's width.
///
/// Source: `MimiEncoder` in `modeling_mimi.py` of transformers 4.57.3.
/// Differs: a recording is taken in pieces that overlap by what an output can see, so that memory
/// does not grow with its length and processors share it.
#[derive(Debug)]
pub(super) struct Seanet {
    first: RowConv,
    stages: Vec<Stage>,
    last: RowConv,
    /// Samples from one output to the next.
    stride: usize,
    /// Outputs before an output whose samples it sees, too.
    context: usize,
}

/// Outputs of a piece: 1.6 seconds. Four more are computed for each, and thrown away.
const PIECE: usize = 40;

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
        let (stride, seen) = reach(&first, &stages, &last);
        Ok(Self { first, stages, last, stride, context: (seen - stride).div_ceil(stride) })
    }

    /// # Shapes
    /// * `samples` `[T, 1]`, at least one
    /// * returns `[⌈T / 960⌉, E]`, 960 being the product of the strides
    pub(super) fn forward(&self, samples: &Tensor) -> Result<Tensor> {
        self.forward_in(PIECE, samples)
    }

    /// [`Self::forward`], `piece` outputs at a time.
    fn forward_in(&self, piece: usize, samples: &Tensor) -> Result<Tensor> {
        let outputs = samples.dim(0)?.div_ceil(self.stride);
        let pieces = outputs.div_ceil(piece);
        let rows = |at: usize| self.piece(samples, at * piece, piece.min(outputs - at * piece));
        // An accelerator has one queue, and its drivers do not like to be called by many threads.
        let rows = if samples.device().is_cpu() {
            (0..pieces).into_par_iter().map(rows).collect::<Result<Vec<_>>>()?
        } else {
            (0..pieces).map(rows).collect::<Result<Vec<_>>>()?
        };
        Tensor::cat(&rows, 0)
    }

    /// `[T, 1]` → `[count, E]`: the outputs from `first` on.
    fn piece(&self, samples: &Tensor, first: usize, count: usize) -> Result<Tensor> {
        let context = self.context.min(first);
        let start = (first - context) * self.stride;
        let end = samples.dim(0)?.min((first + count) * self.stride);
        let rows = self.whole(&samples.narrow(0, start, end - start)?)?;
        rows.narrow(0, context, count)
    }

    /// `[T, 1]` → `[⌈T / 960⌉, E]`, with nothing before the first sample.
    fn whole(&self, samples: &Tensor) -> Result<Tensor> {
        let mut rows = causal(&self.first, samples)?;
        for stage in &self.stages {
            rows = stage.forward(&rows)?;
        }
        causal(&self.last, &rows.elu(1.0)?)
    }
}

/// Samples from one output to the next, and samples that an output sees.
fn reach(first: &RowConv, stages: &[Stage], last: &RowConv) -> (usize, usize) {
    let within = stages.iter().flat_map(|stage| [&stage.narrow, &stage.widen, &stage.stride]);
    let convs = std::iter::once(first).chain(within).chain([last]);
    convs.map(RowConv::kernel).fold((1, 1), |(stride, seen), kernel| {
        (stride * kernel.stride, seen + (kernel.span() - 1) * stride)
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qwen3_tts::golden::{Golden, assert_near};

    #[test]
    fn in_pieces_of_any_size_a_recording_sounds_the_same() {
        let golden = Golden::open("s1/base-0b6");
        let (config, weights) = golden.codec();
        let weights = weights.pp("encoder.encoder");
        let seanet = Seanet::new(&config.encoder_config, &weights).unwrap();
        assert_eq!((seanet.stride, seanet.context), (960, 4));
        for recording in ["codec_enc/n1/wav", "codec_enc/n15000/wav", "codec_enc/n48000/wav"] {
            let samples = golden.tensor(recording).unsqueeze(1).unwrap();
            let whole = seanet.whole(&samples).unwrap();
            for piece in [1, 3, 16, 1000] {
                let pieces = seanet.forward_in(piece, &samples).unwrap();
                assert_near(&pieces, &whole, 2e-6, &format!("{recording} by {piece}"));
            }
        }
    }
}
