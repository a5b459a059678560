//! Voices made ready, shared by the workers of a farm through the store.
//!
//! The first worker that needs a voice makes it ready and puts it into the store; the others fetch it
//! from there into their own files, where the engine finds it. All of it only saves time: what cannot be
//! fetched is made anew, what cannot be put is made by everybody, and two that make the same at once
//! write the same bytes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use engine::qwen3_tts::voice::is_whole;
use engine::{PromptStore as _, prompt_key};
use schemas::{Batch, PromptKey, Voice, VoiceSource, prompt_object};
use store::{Store, StoreError};
use tracing::{info, warn};

use crate::PromptFiles;
use crate::outage::with_causes;
use crate::render::Worker;

/// Bytes that a voice made ready may have; a two-minute recording's in the largest model has less.
const MOST_BYTES: u64 = 300 << 20;

/// What is known of voices in the store, by this process.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Those that are there and whole.
    there: Mutex<BTreeSet<PromptKey>>,
}

impl Shared {
    fn knows(&self, key: &PromptKey) -> bool {
        self.there.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    fn note(&self, key: &PromptKey) {
        self.there.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
    }
}

/// The key of a voice made ready for an engine; `None` for one that is made as fast as it is read.
#[must_use]
pub fn shared_key(engine: &str, voice: &Voice, language: &str) -> Option<PromptKey> {
    match &voice.source {
        VoiceSource::Clone { .. } => PromptKey::parse(prompt_key(engine, voice, language)).ok(),
        VoiceSource::Scratch { .. }
        | VoiceSource::Preset { .. }
        | VoiceSource::Design { .. }
        | VoiceSource::Recorded { .. } => None,
    }
}

/// Reads a voice made ready from the store; `None` when it is not there, or is damaged.
///
/// # Errors
/// When the store cannot be asked.
pub async fn fetch_prompt(store: &Store, key: &PromptKey) -> Result<Option<Bytes>, StoreError> {
    let object = prompt_object(key);
    match store.size(&object).await? {
        Some(size) if size <= MOST_BYTES => {}
        Some(_) | None => return Ok(None),
    }
    let bytes = match store.get(&object).await {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(is_whole(&bytes).then_some(bytes))
}

impl Worker {
    /// Fetches the batch's voice made ready from the store, unless it lies here or is not there.
    pub(crate) async fn have_prompt(&self, batch: &Batch) {
        let Some((key, files)) = self.prompt_of(batch) else { return };
        if files.has(key.as_str()) || self.is_store_away() {
            return;
        }
        match fetch_prompt(&self.store, &key).await {
            Ok(Some(bytes)) => {
                let (length, mut files, name) = (bytes.len(), files.clone(), key.clone());
                let kept = self.on_a_core(move || files.put(name.as_str(), &bytes)).await;
                if kept.is_ok() {
                    self.shared.note(&key);
                    info!(
                        voice = batch.voice.name,
                        bytes = length,
                        "voice fetched, made elsewhere"
                    );
                }
            }
            Ok(None) => {}
            Err(error) => warn!(error = %with_causes(&error), "voice not fetched, making it here"),
        }
    }

    /// Puts the batch's voice as it was made ready here into the store, unless it is there whole.
    pub(crate) async fn share_prompt(&self, batch: &Batch) {
        let Some((key, files)) = self.prompt_of(batch) else { return };
        if self.shared.knows(&key) || self.is_store_away() {
            return;
        }
        let (mut files, name) = (files.clone(), key.clone());
        let Ok(Some(bytes)) = self.on_a_core(move || files.get(name.as_str())).await else {
            return;
        };
        match put_prompt(&self.store, &key, bytes.into()).await {
            Ok(()) => self.shared.note(&key),
            Err(error) => warn!(error = %with_causes(&error), "voice not shared"),
        }
    }

    fn prompt_of(&self, batch: &Batch) -> Option<(PromptKey, &PromptFiles)> {
        let job = &batch.lines.first()?.job;
        let files = self.engines.prompts().filter(|_| self.engines.is_model(&job.engine))?;
        Some((shared_key(&job.engine, &batch.voice, &job.language)?, files))
    }

    fn is_store_away(&self) -> bool {
        self.spool.as_ref().is_some_and(crate::spool::Spool::is_away)
    }
}

/// Puts a voice made ready into the store, unless the very same is there. One that is damaged there is
/// replaced; one that is damaged here is not put.
///
/// # Errors
/// When the store cannot be asked or written.
pub async fn put_prompt(store: &Store, key: &PromptKey, bytes: Bytes) -> Result<(), StoreError> {
    if !is_whole(&bytes) || fetch_prompt(store, key).await?.is_some() {
        return Ok(());
    }
    store.put(&prompt_object(key), bytes).await
}
