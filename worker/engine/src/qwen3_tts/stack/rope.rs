//! Rotary positions.

use candle_core::{DType, Device, Result, Tensor};

/// Angles of every position of a model, turned into vectors by [`Rope::at`].
///
/// The half-split rotation: number `i` of a head turns with number `i + D/2`. The talker's
/// configuration speaks of three interleaved axes, but all three carry the same position, so their
/// sections share out nothing.
///
/// Source: `Qwen3TTSTalkerRotaryEmbedding`, Qwen3-TTS `modeling_qwen3_tts.py` at `022e286`.
#[derive(Debug)]
pub(crate) struct Rope {
    /// `D/2` angles per position.
    frequencies: Vec<f32>,
    dtype: DType,
    device: Device,
}

/// Cosines and sines of the positions of one pass, each `[B, T, D/2]`.
#[derive(Debug)]
pub(crate) struct Turn {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// `theta` is the base of the frequencies, `width` is `D`.
    pub(crate) fn new(theta: f64, width: usize, dtype: DType, device: &Device) -> Self {
        let frequency = |pair: usize| {
            #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^24")]
            let exponent = (2 * pair) as f32 / width as f32;
            #[expect(clippy::cast_possible_truncation, reason = "the reference computes in F32")]
            let theta = theta as f32;
            1.0 / theta.powf(exponent)
        };
        let frequencies = (0..width / 2).map(frequency).collect();
        Self { frequencies, dtype, device: device.clone() }
    }

    /// How far numbers turn from one position to the next, `D/2` of them.
    #[cfg(feature = "cuda")]
    pub(super) fn frequencies(&self) -> &[f32] {
        &self.frequencies
    }

    /// Looks up `new` positions from each of `starts` on.
    pub(crate) fn at(&self, starts: &[usize], new: usize) -> Result<Turn> {
        let positions = starts.iter().flat_map(|&start| start..start + new);
        #[expect(clippy::cast_precision_loss, reason = "positions are below 65 536")]
        let angles: Vec<f32> = positions
            .flat_map(|position| self.frequencies.iter().map(move |f| position as f32 * f))
            .collect();
        let shape = (starts.len(), new, self.frequencies.len());
        let tensor = |function: fn(f32) -> f32| {
            let numbers: Vec<f32> = angles.iter().copied().map(function).collect();
            Tensor::from_vec(numbers, shape, &self.device)?.to_dtype(self.dtype)
        };
        Ok(Turn { cos: tensor(f32::cos)?, sin: tensor(f32::sin)? })
    }
}

impl Turn {
    /// # Shapes
    /// * `heads` `[B, n, T, D]`, contiguous
    /// * returns the same
    pub(crate) fn apply(&self, heads: &Tensor) -> Result<Tensor> {
        candle_nn::rotary_emb::rope(heads, &self.cos, &self.sin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(x: &Tensor) -> Vec<u32> {
        let numbers: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
        numbers.into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn rows_turn_by_their_own_positions() {
        let rope = Rope::new(1e4, 8, DType::F32, &Device::Cpu);
        let heads = Tensor::rand(-1_f32, 1., (3, 2, 4, 8), &Device::Cpu).unwrap();
        let starts = [5, 0, 17];
        let together = rope.at(&starts, 4).unwrap().apply(&heads).unwrap();
        for (row, &start) in starts.iter().enumerate() {
            for step in 0..4 {
                let turn = rope.at(&[start + step], 1).unwrap();
                let one = heads.narrow(0, row, 1).unwrap().narrow(2, step, 1).unwrap();
                let one = turn.apply(&one.contiguous().unwrap()).unwrap();
                let same = together.narrow(0, row, 1).unwrap().narrow(2, step, 1).unwrap();
                assert_eq!(bits(&one), bits(&same), "row {row}, step {step}");
            }
        }
    }

    #[test]
    fn number_i_turns_with_the_one_half_a_head_away() {
        let rope = Rope::new(1e4, 4, DType::F32, &Device::Cpu);
        let heads = Tensor::new(&[[[[1_f32, 0., 0., 0.]]]], &Device::Cpu).unwrap();
        let turned = rope.at(&[1], 1).unwrap().apply(&heads).unwrap();
        assert_eq!(bits(&turned), [1_f32.cos(), 0., 1_f32.sin(), 0.].map(f32::to_bits));
    }
}
