//! Weights in the order in which they are used.

use std::sync::Arc;

use candle_core::{CpuStorage, Result, Storage, Tensor};
use rayon::prelude::*;

use super::kernel::{BLOCK, Bf16, F32, PANEL, Q8};
use crate::qwen3_tts::weights::WeightFormat;

/// `I → O`, laid out in panels of [`PANEL`] outputs, and held in as few bytes as the format allows.
/// Cheap to clone.
///
/// What fits BF16 exactly, as released talkers and predictors do, is held in BF16 and computed in
/// F32: half the memory to read, and the same bits.
#[derive(Debug, Clone)]
pub(in crate::qwen3_tts) struct Packed {
    /// `I`.
    pub(super) inputs: usize,
    /// `O`.
    pub(super) outputs: usize,
    pub(super) panels: Panels,
    /// `O`.
    pub(super) bias: Option<Arc<[f32]>>,
}

/// One panel behind the other, each all inputs long.
#[derive(Debug, Clone)]
pub(super) enum Panels {
    F32(Arc<[F32]>),
    Bf16(Arc<[Bf16]>),
    Q8(Arc<[Q8]>),
}

impl Packed {
    /// Takes `weight` `[I, O]`, which may be a view, and `bias` `[O]`, both F32 on the CPU.
    pub(super) fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        format: WeightFormat,
    ) -> Result<Self> {
        let (inputs, outputs) = weight.dims2()?;
        let (storage, layout) = weight.storage_and_layout();
        let Storage::Cpu(CpuStorage::F32(numbers)) = &*storage else {
            candle_core::bail!("weights that are not F32 on the CPU")
        };
        let numbers = &numbers[layout.start_offset()..];
        let &[by_input, by_output] = layout.stride() else { unreachable!("a matrix has two") };
        // Panels are filled up with zeros.
        let at = |input: usize, output: usize| {
            if output < outputs { numbers[input * by_input + output * by_output] } else { 0.0 }
        };
        let bias = bias.map(Tensor::to_vec1::<f32>).transpose()?.map(Arc::from);
        Ok(Self { inputs, outputs, panels: Panels::pack((inputs, outputs), format, at), bias })
    }
}

impl Panels {
    /// Lays out what `at` gives for an input and an output, of which there are as many as are whole
    /// panels.
    fn pack(
        (inputs, outputs): (usize, usize),
        format: WeightFormat,
        at: impl Fn(usize, usize) -> f32 + Sync,
    ) -> Self {
        let panels = outputs.div_ceil(PANEL);
        let weight = |place: usize| {
            let (panel, input) = (place / inputs, place % inputs);
            F32(std::array::from_fn(|output| at(input, panel * PANEL + output)))
        };
        let each = (0..panels * inputs).into_par_iter();
        match format {
            WeightFormat::Native => {
                let all: Vec<F32> = each.map(weight).collect();
                if all.par_iter().all(|weights| weights.0.into_iter().all(is_bf16)) {
                    let halves = |weights: &F32| Bf16(weights.0.map(high_half));
                    Panels::Bf16(all.par_iter().map(halves).collect())
                } else {
                    Panels::F32(all.into())
                }
            }
            WeightFormat::Q8_0 => {
                let blocks = inputs.div_ceil(BLOCK);
                let block = |place: usize| {
                    let (panel, first) = (place / blocks, place % blocks * BLOCK);
                    let weights = std::array::from_fn(|input| {
                        let input = first + input;
                        if input < inputs {
                            weight(panel * inputs + input)
                        } else {
                            F32([0.0; PANEL])
                        }
                    });
                    quantised(&weights)
                };
                Panels::Q8((0..panels * blocks).into_par_iter().map(block).collect())
            }
        }
    }

    /// Bytes of the weights.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        match self {
            Panels::F32(panels) => size_of_val(&**panels),
            Panels::Bf16(panels) => size_of_val(&**panels),
            Panels::Q8(panels) => size_of_val(&**panels),
        }
    }
}

fn is_bf16(number: f32) -> bool {
    number.to_bits().trailing_zeros() >= 16
}

fn high_half(number: f32) -> u16 {
    (number.to_bits() >> 16) as u16
}

/// The largest of a block becomes 127 or a little less, the others what is nearest.
#[allow(clippy::needless_range_loop, reason = "an output is a place in four arrays")]
fn quantised(weights: &[F32; BLOCK]) -> Q8 {
    let mut block = Q8 { scales: [0; PANEL], numbers: [[0; PANEL]; BLOCK] };
    for output in 0..PANEL {
        let largest = weights.iter().map(|weights| weights.0[output].abs()).fold(0.0, f32::max);
        // Rounded up, so that nothing is above 127.
        let scale = f32::from_bits((largest / 127.0).to_bits().next_multiple_of(1 << 16));
        block.scales[output] = high_half(scale);
        if scale > 0.0 {
            for (numbers, weights) in block.numbers.iter_mut().zip(weights) {
                #[expect(clippy::cast_possible_truncation, reason = "−127 to 127")]
                let number = (weights.0[output] / scale).round() as i8;
                numbers[output] = number;
            }
        }
    }
    block
}
