//! Convolution over the moments of one recording.
//!
//! Both encoders read one recording at a time, so what they compute are matrices: a row is a
//! moment, a column a channel. Laid out like this a window of moments is a stretch of memory, a
//! convolution is one product with the windows, and nothing is ever batched.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::product::{Matrix, Windows};
use super::weights::WeightFormat;

/// What a kernel covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kernel {
    /// Moments that one output sees.
    pub size: usize,
    /// Moments from one output to the next; divides `size` unless it is 1.
    pub stride: usize,
    /// Moments from one tap to the next; 1 unless `stride` is 1.
    pub dilation: usize,
}

impl Kernel {
    /// Sees `size` neighbouring moments, and is applied at every moment.
    pub(super) const fn dense(size: usize) -> Self {
        Self { size, stride: 1, dilation: 1 }
    }

    /// Moments from the first tap to the last, both counted.
    pub(super) const fn span(self) -> usize {
        (self.size - 1) * self.dilation + 1
    }
}

/// A convolution without any padding of its own.
///
/// Letters: `T` moments, `C` channels in, `O` channels out, `K` taps.
#[derive(Debug, Clone)]
pub(super) struct RowConv {
    /// `K·C → O`, the checkpoint's `[O, C, K]` turned to match windows of rows.
    matrix: Matrix,
    kernel: Kernel,
}

impl RowConv {
    /// Takes `weight` and `bias` of a convolution from `channels.0` to `channels.1` channels.
    pub(super) fn new(
        channels: (usize, usize),
        kernel: Kernel,
        weights: &VarBuilder,
    ) -> Result<Self> {
        let bias = weights.get(channels.1, "bias")?;
        Self::load(channels, kernel, Some(bias), weights)
    }

    /// Takes `weight` only.
    pub(super) fn without_bias(
        channels: (usize, usize),
        kernel: Kernel,
        weights: &VarBuilder,
    ) -> Result<Self> {
        Self::load(channels, kernel, None, weights)
    }

    fn load(
        (input, output): (usize, usize),
        kernel: Kernel,
        bias: Option<Tensor>,
        weights: &VarBuilder,
    ) -> Result<Self> {
        assert!(kernel.stride == 1 || kernel.dilation == 1, "never both: {kernel:?}");
        assert!(kernel.size.is_multiple_of(kernel.stride), "windows are whole strides: {kernel:?}");
        let weight = weights
            .get((output, input, kernel.size), "weight")?
            .permute((2, 1, 0))?
            .reshape((kernel.size * input, output))?
            .contiguous()?;
        Ok(Self { matrix: Matrix::new(weight, bias, WeightFormat::Native)?, kernel })
    }

    /// What it covers.
    pub(super) fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// # Shapes
    /// * `rows` `[T, C]`, contiguous; `T` is at least the kernel's span
    /// * returns `[(T − span) / stride + 1, O]`
    pub(super) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let Kernel { size, stride, dilation } = self.kernel;
        let (moments, span) = (rows.dim(0)?, self.kernel.span());
        if moments < span {
            candle_core::bail!("{moments} moments are fewer than a kernel's {span}");
        }
        let count = (moments - span) / stride + 1;
        self.matrix.convolve(rows, Windows { count, stride, taps: size, dilation })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Device};

    use super::*;

    fn conv(kernel: Kernel) -> (RowConv, Tensor, Tensor) {
        let device = Device::Cpu;
        let weight = Tensor::randn(0f32, 1.0, (5, 3, kernel.size), &device).unwrap();
        let bias = Tensor::randn(0f32, 1.0, 5, &device).unwrap();
        let tensors =
            HashMap::from([("weight".into(), weight.clone()), ("bias".into(), bias.clone())]);
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &device);
        (RowConv::new((3, 5), kernel, &weights).unwrap(), weight, bias)
    }

    #[test]
    fn a_product_of_windows_is_the_convolution() {
        let kernels = [
            Kernel::dense(1),
            Kernel::dense(5),
            Kernel { size: 3, stride: 1, dilation: 4 },
            Kernel { size: 8, stride: 4, dilation: 1 },
            Kernel { size: 4, stride: 2, dilation: 1 },
        ];
        for kernel in kernels {
            let (ours, weight, bias) = conv(kernel);
            for moments in kernel.span()..kernel.span() + 9 {
                let rows = Tensor::randn(0f32, 1.0, (moments, 3), &Device::Cpu).unwrap();
                let columns = rows.t().unwrap().unsqueeze(0).unwrap().contiguous().unwrap();
                let expected = columns
                    .conv1d(&weight, 0, kernel.stride, kernel.dilation, 1)
                    .unwrap()
                    .broadcast_add(&bias.reshape((1, 5, 1)).unwrap())
                    .unwrap();
                let expected = expected.squeeze(0).unwrap().t().unwrap();
                let ours = ours.forward(&rows).unwrap();
                assert_eq!(ours.dims(), expected.dims(), "{kernel:?} over {moments}");
                let apart = (ours - expected).unwrap().abs().unwrap().max_all().unwrap();
                let apart = apart.to_scalar::<f32>().unwrap();
                assert!(apart < 1e-5, "{kernel:?} over {moments}: {apart}");
            }
        }
    }

    #[test]
    fn too_few_moments_are_refused() {
        let (conv, ..) = conv(Kernel { size: 3, stride: 1, dilation: 4 });
        let rows = Tensor::zeros((8, 3), DType::F32, &Device::Cpu).unwrap();
        assert!(conv.forward(&rows).is_err());
    }
}
