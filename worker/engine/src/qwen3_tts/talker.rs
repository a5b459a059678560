//! Code 0 of each frame, and what the others follow from.

use std::ops::Range;

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::config::TalkerConfig;
use super::stack::{Cache, Pass, Projection, RowsOf, Stack, StackShape};

/// The model of what is said when. Letters as in [`Stack`].
///
/// Source: `Qwen3TTSTalkerForConditionalGeneration`, Qwen3-TTS `modeling_qwen3_tts.py` at
/// `022e286`.
#[derive(Debug)]
pub(crate) struct Talker {
    stack: Stack,
    codec_head: Projection,
}

/// Positions by which caches grow: 20 seconds, which few lines exceed.
const BLOCK: usize = 256;

impl Talker {
    /// Loads what is under `talker`.
    pub(crate) fn load(config: &TalkerConfig, vb: &VarBuilder) -> Result<Self> {
        let head = vb.pp("codec_head");
        Ok(Self {
            stack: Stack::load(&StackShape::from(config), &vb.pp("model"))?,
            codec_head: Projection::plain(config.hidden_size, config.vocab_size, &head)?,
        })
    }

    /// An empty cache for up to `rows` lines.
    pub(crate) fn cache(&self, rows: usize) -> Cache {
        self.stack.cache(rows, BLOCK)
    }

    /// Takes one line's `positions` into `row`; returns what the last of them gives, `[1, E]`.
    ///
    /// # Shapes
    /// * `embeds` `[P, E]`, all of the prompt; those of `positions` are used
    pub(crate) fn prefill(
        &self,
        embeds: &Tensor,
        positions: Range<usize>,
        cache: &mut Cache,
        row: usize,
    ) -> Result<Tensor> {
        let hidden = self.prefill_watched(embeds, positions, cache, row, &mut |_| ())?;
        hidden.narrow(0, hidden.dim(0)? - 1, 1)
    }

    /// As [`Self::prefill`], showing what goes into each layer, and returning all positions.
    pub(crate) fn prefill_watched(
        &self,
        embeds: &Tensor,
        positions: Range<usize>,
        cache: &mut Cache,
        row: usize,
        watch: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let new = embeds.narrow(0, positions.start, positions.len())?.unsqueeze(0)?;
        let pass = Pass::prefill(self.stack.rope(), cache, row, positions)?;
        self.stack.watched(&new, cache, &pass, watch)?.squeeze(0)
    }

    /// Takes one more position into each of the first rows, behind the `lengths` they have.
    ///
    /// # Shapes
    /// * `embeds` `[B, E]`
    /// * returns `[B, E]`, normed
    pub(crate) fn step(
        &self,
        embeds: &Tensor,
        lengths: &[usize],
        cache: &mut Cache,
    ) -> Result<Tensor> {
        self.step_watched(embeds, lengths, cache, &mut |_| ())
    }

    /// As [`Self::step`], showing what goes into each layer.
    pub(crate) fn step_watched(
        &self,
        embeds: &Tensor,
        lengths: &[usize],
        cache: &mut Cache,
        watch: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let pass = Pass::step(self.stack.rope(), cache, lengths)?;
        self.stack.watched(&embeds.unsqueeze(1)?, cache, &pass, watch)?.squeeze(1)
    }

    /// What comes next: `[B, E]` → `[B, V]`.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        self.codec_head.forward(hidden, RowsOf::ManyLines)
    }
}
