//! The matrices of talker and predictor.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use crate::qwen3_tts::product::Matrix;
use crate::qwen3_tts::weights::WeightFormat;

/// `I → O`, with or without bias.
///
/// On a processor a row's bits do not depend on what rows come with it, so no line feels the others
/// of its batch. Elsewhere they may, in the last places.
#[derive(Debug, Clone)]
pub(crate) struct Projection(Matrix);

impl Projection {
    /// Loads `weight`, `[outputs, inputs]`, and holds it as it is.
    pub(crate) fn plain(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        Self::new(&vb.get((outputs, inputs), "weight")?, None, WeightFormat::Native)
    }

    /// Loads `weight` and `bias`, and holds them as they are.
    pub(crate) fn biased(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        let bias = vb.get(outputs, "bias")?;
        Self::new(&vb.get((outputs, inputs), "weight")?, Some(bias), WeightFormat::Native)
    }

    /// Loads the `weight` of `parts`, which are names and outputs, as one matrix that gives their
    /// outputs one behind the other.
    pub(crate) fn joined(
        inputs: usize,
        parts: &[(&str, usize)],
        format: WeightFormat,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let weights = parts
            .iter()
            .map(|&(name, outputs)| vb.pp(name).get((outputs, inputs), "weight"))
            .collect::<Result<Vec<_>>>()?;
        Self::new(&Tensor::cat(&weights, 0)?, None, format)
    }

    /// Takes `weight` `[O, I]`.
    fn new(weight: &Tensor, bias: Option<Tensor>, format: WeightFormat) -> Result<Self> {
        Matrix::new(weight.t()?, bias, format).map(Self)
    }

    /// The weight, `[O, I]`, and the bias, `[O]`.
    ///
    /// # Errors
    /// When it is laid out for a processor.
    #[cfg(feature = "cuda")]
    pub(crate) fn tensors(&self) -> Result<(Tensor, Option<&Tensor>)> {
        let (weight, bias) = self.0.plain()?;
        Ok((weight.t()?, bias))
    }

    /// # Shapes
    /// * `x` `[…, I]`
    /// * returns `[…, O]`
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut shape = x.dims().to_vec();
        let inputs = shape.pop().unwrap_or(0);
        let rows = x.reshape(((), inputs))?;
        let product = self.0.multiply(&rows)?;
        shape.push(product.dim(1)?);
        product.reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Device};

    use super::*;

    fn builder() -> VarBuilder<'static> {
        let noise = |shape: &[usize]| Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap();
        let tensors = HashMap::from([
            ("a.weight".to_owned(), noise(&[70, 33])),
            ("b.weight".to_owned(), noise(&[5, 33])),
            ("a.bias".to_owned(), noise(&[70])),
        ]);
        VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
    }

    #[test]
    fn parts_come_one_behind_the_other_and_shapes_are_kept() {
        let vb = builder();
        let x = Tensor::randn(0f32, 1.0, (2, 3, 33), &Device::Cpu).unwrap();
        let native = WeightFormat::Native;
        let joined = Projection::joined(33, &[("a", 70), ("b", 5)], native, &vb).unwrap();
        let ours = joined.forward(&x).unwrap();
        assert_eq!(ours.dims(), [2, 3, 75]);
        for (name, first, outputs) in [("a", 0, 70), ("b", 70, 5)] {
            let part = Projection::plain(33, outputs, &vb.pp(name)).unwrap().forward(&x).unwrap();
            let same = ours.narrow(2, first, outputs).unwrap();
            assert_eq!(part.to_vec3::<f32>().unwrap(), same.to_vec3::<f32>().unwrap(), "{name}");
        }
    }

    #[test]
    fn a_bias_is_added() {
        let vb = builder().pp("a");
        let x = Tensor::randn(0f32, 1.0, (4, 33), &Device::Cpu).unwrap();
        let ours = Projection::biased(33, 70, &vb).unwrap().forward(&x).unwrap();
        let plain = Projection::plain(33, 70, &vb).unwrap().forward(&x).unwrap();
        let expected = plain.broadcast_add(&vb.get(70, "bias").unwrap()).unwrap();
        assert_eq!(ours.to_vec2::<f32>().unwrap(), expected.to_vec2::<f32>().unwrap());
    }
}
