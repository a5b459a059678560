//! Choosing for all rows of a batch.

use candle_core::{DType, Device, Result, Tensor};

use super::host::{choose_code, choose_id};
use super::{Controls, Draws, Sampling};

/// What one row's codes are chosen by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub sampling: &'a Sampling,
    pub draws: &'a Draws,
    /// All the ids the line has so far.
    pub history: &'a [u32],
}

impl Choice<'_> {
    /// The number that decides code `code` of the frame that comes next.
    pub(super) fn draw(&self, code: usize) -> f64 {
        self.draws.at(self.history.len(), code)
    }
}

/// Chooses the codes of one frame of each row.
#[derive(Debug)]
pub(crate) struct Chooser<'a> {
    rows: Vec<Choice<'a>>,
    controls: Controls,
}

impl<'a> Chooser<'a> {
    /// For rows in this order.
    pub(crate) fn new(rows: Vec<Choice<'a>>, controls: Controls, device: &Device) -> Result<Self> {
        Ok(Self { rows, controls })
    }

    /// Chooses the talker's next ids: logits `[B, V]` → ids `[B]`.
    pub(crate) fn id(&self, logits: &Tensor) -> Result<Tensor> {
        each(logits, &self.rows, |row, choice| choose_id(row, choice, self.controls))
    }

    /// Chooses code `book` of each frame: logits `[B, V]` → ids `[B]`.
    pub(crate) fn code(&self, book: usize, logits: &Tensor) -> Result<Tensor> {
        each(logits, &self.rows, |row, choice| choose_code(row, choice, book))
    }
}

/// Chooses on the host, row by row.
fn each(
    logits: &Tensor,
    rows: &[Choice],
    choose: impl Fn(&mut [f32], &Choice) -> u32,
) -> Result<Tensor> {
    let mut logits = logits.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let ids: Vec<u32> =
        logits.iter_mut().zip(rows).map(|(row, choice)| choose(row, choice)).collect();
    Tensor::new(ids, &Device::Cpu)
}
