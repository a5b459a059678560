//! The parts of a frame, one by one.

use candle_core::{DType, Result, Tensor};

use crate::qwen3_tts::FrameModel;
use crate::qwen3_tts::predictor::Begun;
use crate::qwen3_tts::prompt::Prefill;
use crate::qwen3_tts::sampling::{Choice, Draws, Sampling};
use crate::qwen3_tts::stack::Cache;

/// A part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// One position through the talker, its logits included.
    Talker,
    /// Fifteen passes through the predictor, their logits included.
    Predictor,
    /// Choosing sixteen codes.
    Sampling,
}

/// Lines that go through their frames part by part, on the path that every device has.
///
/// A device with kernels of its own for whole frames speaks faster than this adds up to.
pub struct PartsOfFrame<'a> {
    model: &'a FrameModel,
    sampling: Sampling,
    /// By row.
    pub(super) draws: Vec<Draws>,
    /// By row.
    pub(super) histories: Vec<Vec<u32>>,
    cache: Cache,
    predictor_cache: Cache,
    /// `[B, E]`.
    hidden: Tensor,
    /// Positions of every row.
    length: usize,
    /// What is added to frames, `[1, E]`.
    text: Tensor,
}

impl<'a> PartsOfFrame<'a> {
    pub(super) fn new(
        model: &'a FrameModel,
        sampling: Sampling,
        prompt: &Prefill,
        rows: usize,
    ) -> Result<Self> {
        let length = prompt.embeds.dim(0)?;
        let mut cache = model.talker.cache(rows);
        let hidden = (0..rows)
            .map(|row| model.talker.prefill(&prompt.embeds, 0..length, &mut cache, row))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            model,
            sampling,
            draws: (0..rows as u64).map(Draws::seeded).collect(),
            histories: vec![Vec::new(); rows],
            cache,
            predictor_cache: model.predictor.cache(rows),
            hidden: Tensor::cat(&hidden, 0)?,
            length,
            text: prompt.pad.clone(),
        })
    }

    /// Speaks one frame of every line. `behind` is told each part as the device has done it: the
    /// predictor and sampling fifteen times each, by turns.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, behind: &mut dyn FnMut(Part)) -> Result<()> {
        let Self { model, sampling, draws, histories, .. } = self;
        let device = self.hidden.device().clone();
        let choices = draws
            .iter()
            .zip(histories.iter())
            .map(|(draws, history)| Choice { sampling, draws, history })
            .collect();
        let logits = model.talker.logits(&self.hidden)?;
        device.synchronize()?;
        behind(Part::Talker);
        let chooser = model.chooser.frame(choices, &device)?;
        let first = chooser.id(&logits)?;
        device.synchronize()?;
        behind(Part::Sampling);
        let mut choose = |book: usize, logits: &Tensor| {
            device.synchronize()?;
            behind(Part::Predictor);
            let code = chooser.code(book, logits)?;
            device.synchronize()?;
            behind(Part::Sampling);
            Ok(code)
        };
        let begun = Begun { hidden: self.hidden.clone(), first: first.clone() };
        let cache = &mut self.predictor_cache;
        let predicted = model.predictor.complete(&model.tables, &begun, cache, &mut choose)?;
        device.synchronize()?;
        behind(Part::Predictor);
        for (history, id) in histories.iter_mut().zip(first.to_dtype(DType::U32)?.to_vec1()?) {
            history.push(id);
        }
        let next = predicted.embedding.broadcast_add(&self.text)?;
        let lengths = vec![self.length; histories.len()];
        self.hidden = model.talker.step(&next, &lengths, &mut self.cache)?;
        self.length += 1;
        device.synchronize()?;
        behind(Part::Talker);
        Ok(())
    }
}
