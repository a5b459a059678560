//! Voices made ready, kept for the lines to come.

use std::collections::VecDeque;
use std::sync::Arc;

use schemas::{Voice, VoiceKey};

use crate::EngineError;

/// How often a prepared voice was there when it was asked for. Counts up from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromptCounts {
    /// It was there.
    pub hits: u64,
    /// It was not, and was made; failed attempts count too.
    pub misses: u64,
    /// It was made and later dropped to make room.
    pub evictions: u64,
}

/// A voice in one language.
type PromptKey = (VoiceKey, String);

/// The most recently used prompts, at most `capacity` of them.
///
/// A plain list: with the few dozen voices of a production, looking through it costs less than a
/// frame's noise.
#[derive(Debug)]
pub(crate) struct Prompts<P> {
    /// Least recently used first.
    kept: VecDeque<(PromptKey, Arc<P>)>,
    capacity: usize,
    counts: PromptCounts,
}

impl<P> Prompts<P> {
    /// Keeps up to `capacity` prompts; at least 1.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { kept: VecDeque::new(), capacity: capacity.max(1), counts: PromptCounts::default() }
    }

    pub(crate) fn counts(&self) -> PromptCounts {
        self.counts
    }

    /// The prompt of `voice` in `language`, made by `prepare` if it is not there. Failures are not
    /// kept: what was missing may be there the next time.
    pub(crate) fn get(
        &mut self,
        voice: &Voice,
        language: &str,
        prepare: impl FnOnce() -> Result<P, EngineError>,
    ) -> Result<Arc<P>, EngineError> {
        let key = (voice.key(), language.to_owned());
        if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == key) {
            self.counts.hits += 1;
            let found = self.kept.remove(at).expect("just found there");
            let prompt = Arc::clone(&found.1);
            self.kept.push_back(found);
            return Ok(prompt);
        }
        self.counts.misses += 1;
        let prompt = Arc::new(prepare()?);
        if self.kept.len() >= self.capacity {
            self.kept.pop_front();
            self.counts.evictions += 1;
        }
        self.kept.push_back((key, Arc::clone(&prompt)));
        Ok(prompt)
    }
}
