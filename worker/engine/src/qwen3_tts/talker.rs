//! Code 0 of each frame, and what the others follow from.

use std::ops::Range;

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::config::TalkerConfig;
use super::stack::{Cache, Pass, Projection, Stack, StackShape};
use super::weights::WeightFormat;

/// The model of what is said when. Letters as in [`Stack`].
///
/// Source: `Qwen3TTSTalkerForConditionalGeneration`, Qwen3-TTS `modeling_qwen3_tts.py` at
/// `022e286`.
#[derive(Debug)]
pub(crate) struct Talker {
    pub(crate) stack: Stack,
    codec_head: Projection,
}

/// Positions by which caches grow: 20 seconds, which few lines exceed.
const BLOCK: usize = 256;

impl Talker {
    /// Loads what is under `talker`; the layers' matrices are held in `format`.
    pub(crate) fn load(
        config: &TalkerConfig,
        format: WeightFormat,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let head = vb.pp("codec_head");
        Ok(Self {
            stack: Stack::load(&StackShape::from(config).held_in(format), &vb.pp("model"))?,
            codec_head: Projection::plain(config.hidden_size, config.vocab_size, &head)?,
        })
    }

    /// What it is made of, with the head behind it.
    #[cfg(feature = "cuda")]
    pub(crate) fn parts(&self) -> (&Stack, &Projection) {
        (&self.stack, &self.codec_head)
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
        let new = embeds.narrow(0, positions.start, positions.len())?.unsqueeze(0)?;
        let pass = Pass::prefill(self.stack.rope(), cache, row, positions)?;
        let hidden = self.stack.forward(&new, cache, &pass)?.squeeze(0)?;
        hidden.narrow(0, hidden.dim(0)? - 1, 1)
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
        let pass = Pass::step(self.stack.rope(), cache, lengths)?;
        self.stack.forward(&embeds.unsqueeze(1)?, cache, &pass)?.squeeze(1)
    }

    /// What comes next: `[B, E]` → `[B, V]`.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        self.codec_head.forward(hidden)
    }
}
