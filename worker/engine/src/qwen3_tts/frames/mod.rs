//! Many lines at once, frame by frame.

use candle_core::{Result, Tensor};

use super::config::CODES;
#[cfg(feature = "cuda")]
use super::cuda::Batch;
use super::frame_model::{FrameModel, Prefix};
use super::predictor::{Begun, Predicted};
use super::prompt::Prefill;
use super::sampling::{Choice, Draws, Sampling};
use super::stack::Cache;
use super::tables::Frame;

/// The lines that are being spoken, each in a slot, moved together by one frame at a time.
///
/// A line's frames follow from its own [`Admission`]. On the CPU, and where a GPU has kernels of our
/// own, they are the same bit for bit whoever else is there and whenever they came; elsewhere
/// rounding differs with the company.
///
/// Inside, lines are rows `0..B` of one batch without gaps: where one leaves, the last moves in.
#[derive(Debug)]
pub struct Frames {
    slots: usize,
    lines: Vec<Line>,
    cache: Cache,
    predictor_cache: Cache,
    /// What the talker last made of each line, `[B, E]`; `None` without lines.
    hidden: Option<Tensor>,
    /// In place of the last two, where the model has kernels of its own: rows of the cache are slots
    /// then, and nobody moves. `None` before the first line.
    #[cfg(feature = "cuda")]
    batch: Option<Batch>,
}

/// A line to be seated.
#[derive(Debug, Clone)]
pub struct Admission<'a> {
    /// Its prompt.
    pub prefill: &'a Prefill,
    /// What [`FrameModel::prefix`] made of another prompt of the same voice, instruction, language
    /// and layout, to save doing it again.
    pub prefix: Option<&'a Prefix>,
    /// How its codes are chosen.
    pub sampling: Sampling,
    /// By what chance.
    pub draws: Draws,
}

/// What a step gave one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// One more frame.
    Frame(Frame),
    /// No frame, and no further ones: its slot is free.
    Ended(Ending),
}

/// Why a line has no further frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is said.
    Said,
    /// It has all the ids it may have and would have gone on.
    Capped,
}

/// A line that is being spoken.
#[derive(Debug)]
struct Line {
    slot: usize,
    sampling: Sampling,
    draws: Draws,
    /// Ids it may have.
    cap: usize,
    /// The ids it has: one more than frames once it has ended.
    history: Vec<u32>,
    /// Positions the talker has of it.
    length: usize,
    /// What is added to its frames, one row of `E` behind the other.
    trailing: Vec<f32>,
    /// What is added once `trailing` is used up: `E`.
    pad: Vec<f32>,
}

impl Frames {
    /// Room for up to `slots` lines. Takes memory only as lines need it, and gives it back when
    /// there are none.
    #[must_use]
    pub fn new(model: &FrameModel, slots: usize) -> Self {
        Self {
            slots,
            lines: Vec::with_capacity(slots),
            cache: model.talker.cache(cache_rows(model, slots)),
            predictor_cache: model.predictor.cache(slots),
            hidden: None,
            #[cfg(feature = "cuda")]
            batch: None,
        }
    }

    /// How many more lines can be seated.
    #[must_use]
    pub fn free_slots(&self) -> usize {
        self.slots - self.lines.len()
    }

    /// Takes a line's prompt in and returns its slot, by which [`Self::step`] speaks of it.
    ///
    /// # Errors
    /// When no slot is free, and when the device fails.
    pub fn admit(&mut self, model: &FrameModel, admission: Admission) -> Result<usize> {
        let Some(slot) = (0..self.slots).find(|&slot| self.row_of(slot).is_none()) else {
            candle_core::bail!("all {} slots are taken", self.slots)
        };
        #[cfg(feature = "cuda")]
        if let Some(kernels) = &model.kernels {
            return self.seat(model, kernels, admission, slot);
        }
        let Admission { prefill, prefix, sampling, draws } = admission;
        let row = self.lines.len();
        let hidden = self.take_in(model, prefill, prefix, row)?;
        let length = prefill.embeds.dim(0)?;
        self.lines.push(Line {
            slot,
            cap: cap(model, &sampling, length),
            sampling,
            draws,
            history: Vec::new(),
            length,
            trailing: prefill.trailing.as_ref().map(numbers).transpose()?.unwrap_or_default(),
            pad: numbers(&prefill.pad)?,
        });
        self.hidden = Some(match self.hidden.take() {
            Some(others) => Tensor::cat(&[others, hidden], 0)?,
            None => hidden,
        });
        Ok(slot)
    }

    /// Chooses one frame for every line and tells each line's slot and what became of it.
    ///
    /// # Errors
    /// When the device fails; all lines are lost then.
    pub fn step(&mut self, model: &FrameModel) -> Result<Vec<(usize, StepOutcome)>> {
        #[cfg(feature = "cuda")]
        if let Some(kernels) = &model.kernels {
            return self.replay(model, kernels);
        }
        let Some(hidden) = self.hidden.take() else { return Ok(Vec::new()) };
        let predicted = self.choose(model, hidden)?;
        let codes = predicted.codes.to_vec2::<u32>()?; // the one wait for the device
        let outcomes: Vec<_> = self
            .lines
            .iter_mut()
            .zip(&codes)
            .map(|(line, codes)| (line.slot, line.record(model, codes)))
            .collect();
        let stays = |outcome: &StepOutcome| matches!(outcome, StepOutcome::Frame(_));
        let staying: Vec<bool> = outcomes.iter().map(|(_, outcome)| stays(outcome)).collect();
        let embedding = self.retire(&staying, &predicted.embedding)?;
        self.advance(model, embedding)?;
        Ok(outcomes)
    }

    /// Forgets a line, wherever it stands, and frees its slot. Does nothing if the slot is free.
    ///
    /// # Errors
    /// When the device fails.
    pub fn release(&mut self, slot: usize) -> Result<()> {
        let Some(gone) = self.row_of(slot) else { return Ok(()) };
        #[cfg(feature = "cuda")]
        if self.batch.is_some() {
            self.leave(gone);
            return Ok(());
        }
        let Some(hidden) = self.hidden.take() else { return Ok(()) };
        let staying: Vec<bool> = (0..self.lines.len()).map(|row| row != gone).collect();
        self.hidden = self.retire(&staying, &hidden)?;
        Ok(())
    }

    fn row_of(&self, slot: usize) -> Option<usize> {
        self.lines.iter().position(|line| line.slot == slot)
    }

    /// Fills a row with a prompt, in two parts whether or not the first is there already, and
    /// returns what its last position gives.
    fn take_in(
        &mut self,
        model: &FrameModel,
        prefill: &Prefill,
        prefix: Option<&Prefix>,
        row: usize,
    ) -> Result<Tensor> {
        let (embeds, shared) = (&prefill.embeds, prefill.shared);
        match prefix {
            Some(Prefix(kept)) if kept.length == shared => self.cache.restore(row, kept)?,
            Some(Prefix(kept)) => {
                candle_core::bail!("prefix of {} positions, not of {shared}", kept.length)
            }
            None if shared == 0 => {}
            None => {
                model.talker.prefill(embeds, 0..shared, &mut self.cache, row)?;
            }
        }
        model.talker.prefill(embeds, shared..embeds.dim(0)?, &mut self.cache, row)
    }

    /// Chooses all the codes of one frame for every line.
    fn choose(&mut self, model: &FrameModel, hidden: Tensor) -> Result<Predicted> {
        let lines = self.lines.iter().map(Line::choice).collect();
        let chooser = model.chooser.frame(lines, hidden.device())?;
        let first = chooser.id(&model.talker.logits(&hidden)?)?;
        let mut choose = |book, logits: &Tensor| chooser.code(book, logits);
        let (begun, cache) = (Begun { hidden, first }, &mut self.predictor_cache);
        model.predictor.complete(&model.tables, &begun, cache, &mut choose)
    }

    /// Lets go of lines, closes the gaps, and returns the rows of `batch` (`[B, E]`) of those who
    /// stay, in their new order; `None` if nobody does.
    fn retire(&mut self, staying: &[bool], batch: &Tensor) -> Result<Option<Tensor>> {
        let mut order: Vec<u32> = (0..).take(self.lines.len()).collect();
        for (row, _) in staying.iter().enumerate().rev().filter(|(_, stays)| !**stays) {
            let last = self.lines.len() - 1;
            if row < last {
                self.cache.move_row(last, row, self.lines[last].length)?;
            }
            self.lines.swap_remove(row);
            order.swap_remove(row);
        }
        if self.lines.is_empty() {
            self.cache.clear();
            return Ok(None);
        }
        if order.len() == staying.len() {
            return Ok(Some(batch.clone()));
        }
        let order = Tensor::new(order, batch.device())?;
        batch.index_select(&order, 0).map(Some)
    }

    /// Gives the talker what every line's last frame means, and its next text: `[B, E]`.
    fn advance(&mut self, model: &FrameModel, embedding: Option<Tensor>) -> Result<()> {
        let Some(embedding) = embedding else { return Ok(()) };
        let text: Vec<f32> = self.lines.iter().flat_map(Line::text).copied().collect();
        let text = Tensor::from_vec(text, embedding.shape(), &candle_core::Device::Cpu)?;
        let next = (embedding + model.tables.adopt(&text)?)?;
        let lengths: Vec<usize> = self.lines.iter().map(|line| line.length).collect();
        self.hidden = Some(model.talker.step(&next, &lengths, &mut self.cache)?);
        for line in &mut self.lines {
            line.length += 1;
        }
        Ok(())
    }
}

impl Line {
    /// What its next codes are chosen by.
    fn choice(&self) -> Choice<'_> {
        Choice { sampling: &self.sampling, draws: &self.draws, history: &self.history }
    }

    /// Notes the ids that were chosen and says what they are.
    fn record(&mut self, model: &FrameModel, codes: &[u32]) -> StepOutcome {
        self.history.push(codes[0]);
        if model.chooser.is_end(codes[0]) {
            return StepOutcome::Ended(Ending::Said);
        }
        if self.history.len() >= self.cap {
            return StepOutcome::Ended(Ending::Capped);
        }
        let mut frame: Frame = [0; CODES];
        for (place, &code) in frame.iter_mut().zip(codes) {
            *place = u16::try_from(code).expect("codes are below the codebook's 2048");
        }
        StepOutcome::Frame(frame)
    }

    /// What is added to the line's last frame.
    fn text(&self) -> &[f32] {
        let width = self.pad.len();
        let first = (self.history.len() - 1) * width;
        self.trailing.get(first..first + width).unwrap_or(&self.pad)
    }
}

/// Ids that a line may have behind a prompt of `length` positions.
fn cap(model: &FrameModel, sampling: &Sampling, length: usize) -> usize {
    sampling.max_tokens.min((model.max_positions + 1).saturating_sub(length))
}

/// Rows of the talker's cache for `slots` lines.
fn cache_rows(model: &FrameModel, slots: usize) -> usize {
    #[cfg(feature = "cuda")]
    if model.kernels.is_some() {
        return Batch::cache_rows(slots);
    }
    let _ = model;
    slots
}

/// A tensor's numbers, on the host.
fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1()
}

#[cfg(feature = "cuda")]
mod replay;
#[cfg(test)]
mod tests;
