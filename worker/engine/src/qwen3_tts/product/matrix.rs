//! A matrix that rows or windows of rows are multiplied by, on any device.

use candle_core::{DType, Device, Result, Tensor};

use super::{Packed, Windows};
use crate::qwen3_tts::weights::WeightFormat;

/// `I → O`, with or without bias: laid out for a processor, or as candle has it.
#[derive(Debug, Clone)]
pub(in crate::qwen3_tts) enum Matrix {
    /// Where F32 is computed on a processor.
    Packed(Packed),
    /// Elsewhere.
    Plain {
        /// `[I, O]`.
        weight: Tensor,
        /// `[O]`.
        bias: Option<Tensor>,
    },
}

impl Matrix {
    /// Takes `weight` `[I, O]`, which may be a view, and `bias` `[O]`.
    ///
    /// # Errors
    /// When `format` is not for this device or type.
    pub(in crate::qwen3_tts) fn new(
        weight: Tensor,
        bias: Option<Tensor>,
        format: WeightFormat,
    ) -> Result<Self> {
        match (weight.device(), weight.dtype(), format) {
            (Device::Cpu, DType::F32, _) => {
                Ok(Self::Packed(Packed::new(&weight, bias.as_ref(), format)?))
            }
            (_, _, WeightFormat::Native) => Ok(Self::Plain { weight, bias }),
            (_, dtype, WeightFormat::Q8_0) => candle_core::bail!(
                "{} weights are for processors, which compute in F32, not for {dtype:?}",
                format.name()
            ),
        }
    }

    /// The weight, `[I, O]`, and the bias, `[O]`.
    ///
    /// # Errors
    /// When it is laid out for a processor.
    #[cfg(feature = "cuda")]
    pub(in crate::qwen3_tts) fn plain(&self) -> Result<(&Tensor, Option<&Tensor>)> {
        match self {
            Self::Plain { weight, bias } => Ok((weight, bias.as_ref())),
            Self::Packed(_) => candle_core::bail!("a matrix is laid out for a processor"),
        }
    }

    /// Multiplies the rows of `x`.
    ///
    /// # Shapes
    /// * `x` `[N, I]`
    /// * returns `[N, O]`
    pub(in crate::qwen3_tts) fn multiply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Packed(packed) => packed.multiply(x),
            Self::Plain { weight, bias: None } => x.matmul(weight),
            Self::Plain { weight, bias: Some(bias) } => x.matmul(weight)?.broadcast_add(bias),
        }
    }

    /// Multiplies windows of the rows of `x`.
    ///
    /// # Shapes
    /// * `x` `[T, C]`; `C · windows.taps` is `I`
    /// * returns `[windows.count, O]`
    pub(in crate::qwen3_tts) fn convolve(&self, x: &Tensor, windows: Windows) -> Result<Tensor> {
        match self {
            Self::Packed(packed) => packed.convolve(x, windows),
            Self::Plain { .. } => self.multiply(&windows.copied(x)?),
        }
    }

    /// [`Self::convolve`], added to `onto`, `[windows.count, O]`.
    pub(in crate::qwen3_tts) fn convolve_onto(
        &self,
        onto: &Tensor,
        x: &Tensor,
        windows: Windows,
    ) -> Result<Tensor> {
        match self {
            Self::Packed(packed) => packed.convolve_onto(onto, x, windows),
            Self::Plain { .. } => onto + self.convolve(x, windows)?,
        }
    }
}

impl Windows {
    /// Every window's rows side by side: `[T, C]` → `[count, taps·C]`.
    fn copied(self, x: &Tensor) -> Result<Tensor> {
        let Self { count, stride, taps, dilation } = self;
        if taps == 1 && stride == 1 {
            return x.narrow(0, 0, count);
        }
        let (rows, channels) = x.dims2()?;
        let steps = rows / stride;
        let strides = x.narrow(0, 0, steps * stride)?.reshape((steps, stride * channels))?;
        let shifted = (0..taps / stride)
            .map(|tap| strides.narrow(0, tap * dilation, count))
            .collect::<Result<Vec<_>>>()?;
        Tensor::cat(&shifted, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_multiplied_alike_everywhere() {
        let x = Tensor::randn(0f32, 1.0, (150, 8), &Device::Cpu).unwrap();
        for (stride, taps, dilation) in [(1, 1, 1), (1, 4, 1), (1, 3, 5), (2, 4, 1), (4, 8, 1)] {
            let weight = Tensor::randn(0f32, 1.0, (taps * 8, 5), &Device::Cpu).unwrap();
            let bias = Tensor::randn(0f32, 1.0, 5, &Device::Cpu).unwrap();
            let count = (150 - (taps - 1) * dilation - 1) / stride + 1;
            let windows = Windows { count, stride, taps, dilation };
            let plain = Matrix::Plain { weight: weight.clone(), bias: Some(bias.clone()) };
            let packed = Matrix::new(weight, Some(bias), WeightFormat::Native).unwrap();
            assert!(matches!(packed, Matrix::Packed(_)));
            let expected = plain.convolve(&x, windows).unwrap();
            let ours = packed.convolve(&x, windows).unwrap();
            assert_eq!(ours.dims(), [count, 5]);
            let gap = (ours - expected).unwrap().abs().unwrap().max_all().unwrap();
            assert!(gap.to_scalar::<f32>().unwrap() < 1e-4, "{windows:?}");
            let onto = Tensor::randn(0f32, 1.0, (count, 5), &Device::Cpu).unwrap();
            let expected = (&onto + packed.convolve(&x, windows).unwrap()).unwrap();
            let ours = packed.convolve_onto(&onto, &x, windows).unwrap();
            let numbers = |x: Tensor| x.to_vec2::<f32>().unwrap();
            assert_eq!(numbers(ours), numbers(expected), "{windows:?}");
            let ours = plain.convolve_onto(&onto, &x, windows).unwrap();
            let expected = (&onto + plain.convolve(&x, windows).unwrap()).unwrap();
            assert_eq!(numbers(ours), numbers(expected), "{windows:?}");
            let other = onto.narrow(0, 1, count - 1).unwrap();
            assert!(packed.convolve_onto(&other, &x, windows).is_err());
        }
    }

    #[test]
    fn eight_bits_are_for_what_computes_in_f32() {
        let weight = Tensor::zeros((32, 4), DType::BF16, &Device::Cpu).unwrap();
        let refused = Matrix::new(weight.clone(), None, WeightFormat::Q8_0).unwrap_err();
        assert!(refused.to_string().starts_with("q8_0 weights are for processors"), "{refused}");
        Matrix::new(weight, None, WeightFormat::Native).unwrap();
    }
}
