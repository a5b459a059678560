//! The same lines where the model has kernels of its own.

use candle_core::Result;

use super::{Admission, Batch, FrameModel, Frames, Line, StepOutcome, cap};
use crate::qwen3_tts::cuda::{FrameKernels, Speaking};

impl Frames {
    /// Seats a line in a free slot.
    pub(super) fn seat(
        &mut self,
        model: &FrameModel,
        kernels: &FrameKernels,
        admission: Admission,
        slot: usize,
    ) -> Result<usize> {
        let Admission { prefill, prefix, sampling, draws } = admission;
        let hidden = self.take_in(model, prefill, prefix, slot)?;
        let batch = match &mut self.batch {
            Some(batch) => batch,
            place @ None => place.insert(Batch::new(kernels, self.slots, hidden.device())?),
        };
        batch.seat(slot, prefill, &hidden)?;
        let length = prefill.embeds.dim(0)?;
        self.lines.push(Line {
            slot,
            cap: cap(model, &sampling, length),
            sampling,
            draws,
            history: Vec::new(),
            length,
            trailing: Vec::new(),
            pad: Vec::new(),
        });
        Ok(slot)
    }

    /// Chooses one frame for every line. Lines that end by it take it in like the others, as nobody
    /// knows before; nobody looks at what becomes of that.
    pub(super) fn replay(
        &mut self,
        model: &FrameModel,
        kernels: &FrameKernels,
    ) -> Result<Vec<(usize, StepOutcome)>> {
        let Some(batch) = self.batch.as_mut().filter(|_| !self.lines.is_empty()) else {
            return Ok(Vec::new());
        };
        let longest = self.lines.iter().map(|line| line.length).max().unwrap_or(0);
        self.cache.reserve(longest + 1)?;
        let speaking: Vec<_> = self.lines.iter().map(Line::speaking).collect();
        let codes = batch.step(kernels, &self.cache, &speaking)?;
        let mut outcomes = Vec::with_capacity(codes.len());
        for (line, codes) in self.lines.iter_mut().zip(&codes) {
            line.length += 1;
            outcomes.push((line.slot, line.record(model, codes)));
        }
        for (row, (_, outcome)) in outcomes.iter().enumerate().rev() {
            match outcome {
                StepOutcome::Frame(_) => {}
                StepOutcome::Ended(_) => self.leave(row),
            }
        }
        Ok(outcomes)
    }

    /// Lets go of the line in a row.
    pub(super) fn leave(&mut self, row: usize) {
        let line = self.lines.swap_remove(row);
        if let Some(batch) = &mut self.batch {
            batch.leave(line.slot);
        }
        if self.lines.is_empty() {
            self.cache.clear();
        }
    }
}

impl Line {
    fn speaking(&self) -> Speaking<'_> {
        Speaking {
            slot: self.slot,
            length: self.length,
            count: self.history.len(),
            sampling: &self.sampling,
            draws: &self.draws,
        }
    }
}
