//! Voices made ready, kept for the lines to come.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use schemas::Voice;
use sha2::{Digest as _, Sha256};

use crate::{EngineError, SpeechModel};

/// How often a voice was ready when it was asked for. Counts up from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromptCounts {
    /// It was in memory.
    pub hits: u64,
    /// It was not, and was taken from the store or made; failed attempts count too.
    pub misses: u64,
    /// It was in memory and was dropped to make room.
    pub evictions: u64,
    /// How many of the misses the store had. Those it had not were made.
    pub recalled: u64,
}

/// Where voices made ready are kept between runs, by name: the engine itself neither reads nor
/// writes files of its own.
///
/// What does not come back is made anew, so that losing anything costs time only.
pub trait PromptStore: Send {
    /// The bytes last put under `key`, if they are still there. They need not be whole: they have a
    /// checksum of their own.
    fn get(&mut self, key: &str) -> Option<Vec<u8>>;

    /// Keeps bytes in place of those before. `key` is 64 lower-case hex digits.
    fn put(&mut self, key: &str, bytes: &[u8]);
}

/// The most recently used prompts, as many as there is room for.
///
/// A plain list: with the few dozen voices of a production, looking through it costs less than a
/// frame's noise.
pub(crate) struct Prompts<P> {
    /// Least recently used first.
    kept: VecDeque<Kept<P>>,
    most_bytes: usize,
    store: Option<Box<dyn PromptStore>>,
    counts: PromptCounts,
}

struct Kept<P> {
    key: String,
    bytes: usize,
    prompt: Arc<P>,
}

impl<P> Prompts<P> {
    /// Keeps up to `most_bytes` of prompts in memory, and always the one last asked for.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { kept: VecDeque::new(), most_bytes, store: None, counts: PromptCounts::default() }
    }

    /// Keeps them in `store` as well.
    pub(crate) fn keep_in(&mut self, store: Box<dyn PromptStore>) {
        self.store = Some(store);
    }

    pub(crate) fn counts(&self) -> PromptCounts {
        self.counts
    }

    /// The prompt of `voice` in `language`: from memory, from the store, or made by `model`. Failures
    /// are not kept: what was missing may be there the next time.
    pub(crate) fn get<M: SpeechModel<Prompt = P>>(
        &mut self,
        model: &M,
        voice: &Voice,
        language: &str,
    ) -> Result<Arc<P>, EngineError> {
        let key = prompt_key(model.engine(), voice, language);
        if let Some(at) = self.kept.iter().position(|kept| kept.key == key) {
            self.counts.hits += 1;
            let found = self.kept.remove(at).expect("just found there");
            let prompt = Arc::clone(&found.prompt);
            self.kept.push_back(found);
            return Ok(prompt);
        }
        self.counts.misses += 1;
        let prompt = match self.recall(model, &key, voice, language) {
            Some(prompt) => prompt,
            None => self.make(model, &key, voice, language)?,
        };
        let prompt = Arc::new(prompt);
        let bytes = model.prompt_bytes(&prompt);
        self.kept.push_back(Kept { key, bytes, prompt: Arc::clone(&prompt) });
        self.make_room();
        Ok(prompt)
    }

    /// What the store has, if it is what was put there.
    fn recall<M: SpeechModel<Prompt = P>>(
        &mut self,
        model: &M,
        key: &str,
        voice: &Voice,
        language: &str,
    ) -> Option<P> {
        let bytes = self.store.as_mut()?.get(key)?;
        match model.recall(key, (voice, language), &bytes) {
            Ok(prompt) => {
                self.counts.recalled += 1;
                Some(prompt)
            }
            Err(error) => {
                let (voice, reason) = (&voice.name, error.to_string());
                tracing::warn!(voice, key, reason, "kept voice unusable, making it anew");
                None
            }
        }
    }

    fn make<M: SpeechModel<Prompt = P>>(
        &mut self,
        model: &M,
        key: &str,
        voice: &Voice,
        language: &str,
    ) -> Result<P, EngineError> {
        let prompt = model.prepare_voice(voice, language)?;
        if let Some(store) = &mut self.store
            && let Some(bytes) = model.keep(key, &prompt)
        {
            store.put(key, &bytes);
        }
        Ok(prompt)
    }

    fn make_room(&mut self) {
        let mut bytes: usize = self.kept.iter().map(|kept| kept.bytes).sum();
        while bytes > self.most_bytes && self.kept.len() > 1 {
            if let Some(dropped) = self.kept.pop_front() {
                bytes -= dropped.bytes;
                self.counts.evictions += 1;
            }
        }
    }
}

impl<P> fmt::Debug for Prompts<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut prompts = f.debug_struct("Prompts");
        prompts.field("kept", &self.kept.len()).field("most_bytes", &self.most_bytes);
        prompts.field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// Names a voice made ready: what made it, which voice it is, and its language. 64 lower-case hex
/// digits; what a [`PromptStore`] is asked for.
#[must_use]
pub fn prompt_key(engine: &str, voice: &Voice, language: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["prompt/1", engine, &voice.key().to_string(), language] {
        // With its length in front no part can run into the next.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    schemas::hex(&hash.finalize())
}
