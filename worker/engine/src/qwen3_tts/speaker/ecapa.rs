//! The network that hears who speaks: a mel spectrogram becomes one vector.

use candle_core::{D, Result, Tensor};
use candle_nn::VarBuilder;
use candle_nn::ops::{sigmoid, softmax};

use crate::qwen3_tts::config::SpeakerConfig;
use crate::qwen3_tts::row_conv::{Kernel, RowConv};

/// What a variance is at least, so that its root can be taken.
const LEAST_VARIANCE: f32 = 1e-12;

/// ECAPA-TDNN. Letters: `T` moments, `M` mel bands, `C` channels, `E` width of the embedding.
///
/// Source: `Qwen3TTSSpeakerEncoder` in `modeling_qwen3_tts.py` of Qwen3-TTS at `022e286`.
#[derive(Debug)]
pub(super) struct EcapaTdnn {
    first: Tdnn,
    blocks: Vec<Block>,
    /// Joins what the blocks found.
    mfa: Tdnn,
    asp: Pooling,
    fc: RowConv,
    min_moments: usize,
}

impl EcapaTdnn {
    pub(super) fn new(config: &SpeakerConfig, weights: &VarBuilder) -> Result<Self> {
        let widths = &config.enc_channels;
        let kernels: Vec<Kernel> = (config.enc_kernel_sizes.iter())
            .zip(&config.enc_dilations)
            .map(|(&size, &dilation)| Kernel { size, stride: 1, dilation })
            .collect();
        let last = widths.len() - 1;
        let (joined, blocks) = (widths[last], weights.pp("blocks"));
        let first = (config.mel_dim, widths[0]);
        Ok(Self {
            first: Tdnn::new(first, kernels[0], &blocks.pp(0))?,
            blocks: (1..last)
                .map(|block| {
                    let shape = (widths[block - 1], widths[block]);
                    Block::new(shape, kernels[block], config, &blocks.pp(block))
                })
                .collect::<Result<_>>()?,
            mfa: Tdnn::new((joined, joined), kernels[last], &weights.pp("mfa"))?,
            asp: Pooling::new(joined, config.enc_attention_channels, &weights.pp("asp"))?,
            fc: RowConv::new((2 * joined, config.enc_dim), Kernel::dense(1), &weights.pp("fc"))?,
            min_moments: kernels.iter().map(|kernel| margin(*kernel).1 + 1).max().unwrap_or(1),
        })
    }

    /// Moments below which a layer could not mirror enough of them onto the ends.
    pub(super) fn min_moments(&self) -> usize {
        self.min_moments
    }

    /// # Shapes
    /// * `mels` `[T, M]`, `T` at least [`Self::min_moments`]
    /// * returns `[E]`
    pub(super) fn forward(&self, mels: &Tensor) -> Result<Tensor> {
        self.embed(&self.pool(&self.join(&self.blocks(mels)?)?)?)
    }

    /// `[T, M]` → `[T, C]` behind the first layer and behind each block.
    pub(super) fn blocks(&self, mels: &Tensor) -> Result<Vec<Tensor>> {
        let mut rows = vec![self.first.forward(mels)?];
        for (index, block) in self.blocks.iter().enumerate() {
            rows.push(block.forward(&rows[index])?);
        }
        Ok(rows)
    }

    /// What [`Self::blocks`] gave → `[T, C]`: the first layer's is left out.
    pub(super) fn join(&self, blocks: &[Tensor]) -> Result<Tensor> {
        self.mfa.forward(&Tensor::cat(&blocks[1..], 1)?)
    }

    /// `[T, C]` → `[1, 2·C]`.
    pub(super) fn pool(&self, joined: &Tensor) -> Result<Tensor> {
        self.asp.forward(joined)
    }

    /// `[1, 2·C]` → `[E]`.
    pub(super) fn embed(&self, pooled: &Tensor) -> Result<Tensor> {
        self.fc.forward(pooled)?.squeeze(0)
    }
}

/// A convolution that keeps the number of moments, and a `ReLU`.
#[derive(Debug)]
struct Tdnn {
    conv: RowConv,
}

impl Tdnn {
    fn new(channels: (usize, usize), kernel: Kernel, weights: &VarBuilder) -> Result<Self> {
        Ok(Self { conv: RowConv::new(channels, kernel, &weights.pp("conv"))? })
    }

    /// `[T, C]` → `[T, O]`.
    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        self.conv.forward(&mirror(rows, margin(self.conv.kernel()))?)?.relu()
    }
}

/// What is mirrored onto either end: an even span sees one moment more of what follows.
fn margin(kernel: Kernel) -> (usize, usize) {
    let both = kernel.span() - 1;
    (both / 2, both - both / 2)
}

/// Adds rows to both ends, mirrored at the first and last one, which stay single.
fn mirror(rows: &Tensor, (before, after): (usize, usize)) -> Result<Tensor> {
    if before + after == 0 {
        return rows.contiguous();
    }
    let count = rows.dim(0)?;
    if count <= before.max(after) {
        candle_core::bail!("{count} moments are too few to mirror {after} of them");
    }
    let order = (1..=before).rev().chain(0..count).chain((count - 1 - after..count - 1).rev());
    let order = order.map(u32::try_from).collect::<std::result::Result<Vec<_>, _>>();
    let order = Tensor::new(order.map_err(candle_core::Error::wrap)?, rows.device())?;
    rows.index_select(&order, 0)
}

/// A residual block that looks ever wider, and weighs its channels by the whole recording.
#[derive(Debug)]
struct Block {
    tdnn1: Tdnn,
    res2net: Vec<Tdnn>,
    tdnn2: Tdnn,
    /// Squeezes the channels' means.
    conv1: RowConv,
    /// Says from them how much of each channel stays.
    conv2: RowConv,
}

impl Block {
    fn new(
        (input, width): (usize, usize),
        kernel: Kernel,
        config: &SpeakerConfig,
        weights: &VarBuilder,
    ) -> Result<Self> {
        let point = Kernel::dense(1);
        let (part, squeezed) = (width / config.enc_res2net_scale, config.enc_se_channels);
        let parts = weights.pp("res2net_block.blocks");
        let squeeze = weights.pp("se_block");
        Ok(Self {
            tdnn1: Tdnn::new((input, width), point, &weights.pp("tdnn1"))?,
            res2net: (0..config.enc_res2net_scale - 1)
                .map(|index| Tdnn::new((part, part), kernel, &parts.pp(index)))
                .collect::<Result<_>>()?,
            tdnn2: Tdnn::new((width, width), point, &weights.pp("tdnn2"))?,
            conv1: RowConv::new((width, squeezed), point, &squeeze.pp("conv1"))?,
            conv2: RowConv::new((squeezed, width), point, &squeeze.pp("conv2"))?,
        })
    }

    /// `[T, C]` → `[T, C]`.
    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let wide = self.tdnn2.forward(&self.widen(&self.tdnn1.forward(rows)?)?)?;
        let squeezed = self.conv1.forward(&wide.mean_keepdim(0)?)?.relu()?;
        let shares = sigmoid(&self.conv2.forward(&squeezed)?)?; // [1, C]
        wide.broadcast_mul(&shares)? + rows
    }

    /// `[T, C]` → `[T, C]`: part 0 stays, part 1 is convolved, every later one together with what
    /// became of the part before it.
    fn widen(&self, rows: &Tensor) -> Result<Tensor> {
        let parts = rows.chunk(self.res2net.len() + 1, 1)?;
        let mut widened = vec![parts[0].clone()];
        for (index, (part, tdnn)) in parts[1..].iter().zip(&self.res2net).enumerate() {
            let input = if index == 0 { part.contiguous()? } else { (part + &widened[index])? };
            widened.push(tdnn.forward(&input)?);
        }
        Tensor::cat(&widened, 1)
    }
}

/// Mean and deviation of every channel over time, weighted by what each moment has to say.
#[derive(Debug)]
struct Pooling {
    tdnn: Tdnn,
    conv: RowConv,
}

impl Pooling {
    fn new(width: usize, inner: usize, weights: &VarBuilder) -> Result<Self> {
        let point = Kernel::dense(1);
        Ok(Self {
            tdnn: Tdnn::new((3 * width, inner), point, &weights.pp("tdnn"))?,
            conv: RowConv::new((inner, width), point, &weights.pp("conv"))?,
        })
    }

    /// `[T, C]` → `[1, 2·C]`.
    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let mean = rows.mean_keepdim(0)?;
        let deviation = root(&rows.broadcast_sub(&mean)?.sqr()?.mean_keepdim(0)?)?;
        let context = [
            rows,
            &mean.broadcast_as(rows.shape())?.contiguous()?,
            &deviation.broadcast_as(rows.shape())?.contiguous()?,
        ];
        let inner = self.tdnn.forward(&Tensor::cat(&context, 1)?)?.tanh()?;
        // Over a contiguous last dimension: the shares of all moments of a channel make up 1.
        let says = self.conv.forward(&inner)?.t()?.contiguous()?;
        let shares = softmax(&says, D::Minus1)?.t()?.contiguous()?; // [T, C]
        let mean = (rows * &shares)?.sum_keepdim(0)?;
        let spread = (rows.broadcast_sub(&mean)?.sqr()? * &shares)?.sum_keepdim(0)?;
        Tensor::cat(&[mean, root(&spread)?], 1)
    }
}

fn root(variance: &Tensor) -> Result<Tensor> {
    variance.maximum(LEAST_VARIANCE)?.sqrt()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn rows_are_mirrored_at_the_ends() {
        let rows = Tensor::new(&[[0f32], [1.0], [2.0]], &Device::Cpu).unwrap();
        let mirrored = mirror(&rows, (2, 1)).unwrap().flatten_all().unwrap();
        assert_eq!(mirrored.to_vec1::<f32>().unwrap(), [2.0, 1.0, 0.0, 1.0, 2.0, 1.0]);
        assert!(mirror(&rows, (3, 3)).is_err());
    }

    #[test]
    fn margins_keep_the_number_of_moments() {
        assert_eq!(margin(Kernel::dense(1)), (0, 0));
        assert_eq!(margin(Kernel { size: 3, stride: 1, dilation: 4 }), (4, 4));
        assert_eq!(margin(Kernel::dense(4)), (1, 2));
    }
}
