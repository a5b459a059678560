//! Voice files: `.vox`, a ZIP that other programs read and write too.
//!
//! ```text
//! manifest.json                                     as the public format 0.4 has it
//! reference/neutral.wav                             reference takes
//! embeddings/qwen3-tts/0.6b[/es]/clone-prompt.bin   portable prompts of the usual mood
//! embeddings/tableread/lock.json                    the lock, byte for byte
//! embeddings/tableread/prompts/1234…                other prompts, packed, by the hash of what is in them
//! ```
//!
//! What is below `embeddings/tableread/` is ours; other programs pass over it, and without it a file is
//! read as any other program's. `extensions.tableread` in the manifest says which hash the lock has.

mod archive;
mod manifest;
mod read;
mod write;

use std::collections::BTreeMap;

use bytes::Bytes;
use schemas::{RecordingKey, VoiceObjectKey};

pub use archive::Limits;
pub use manifest::{Manifest, VoxClip, VoxEmbedding, VoxProsody, VoxProvenance, VoxVoice};
pub use read::{Clip, Foreign, Vox, read_vox};
pub use write::write_vox;

use crate::{Library, Lock, Locked, VoiceError, VoiceName};

/// Where the lock is in a file.
const LOCK: &str = "embeddings/tableread/lock.json";
/// Where prompts are in a file that are not of the public kind.
const PROMPTS: &str = "embeddings/tableread/prompts/";
/// Under which name the manifest speaks of us.
const EXTENSION: &str = "tableread";

/// All that a lock refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Audio of its takes.
    pub audio: BTreeMap<RecordingKey, Bytes>,
    /// Its prompts, unpacked.
    pub prompts: BTreeMap<VoiceObjectKey, Bytes>,
}

impl Library {
    /// Fetches all that a lock refers to.
    ///
    /// # Errors
    /// [`VoiceError::Lost`] when something of it is missing or damaged.
    pub async fn parts(&self, lock: &Lock) -> Result<Parts, VoiceError> {
        let mut parts = Parts::default();
        for take in &lock.voice.takes {
            parts.audio.insert(take.audio.clone(), self.audio(lock, take).await?);
        }
        for prompt in lock.voice.models.values().flat_map(|model| &model.prompts) {
            let plain = self.prompt(lock, prompt).await?;
            parts.prompts.insert(prompt.object.clone(), plain.into());
        }
        Ok(parts)
    }

    /// Takes a lock in that was read from a file, under its own name or another. The version is the
    /// library's: see [`Self::lock`].
    ///
    /// # Errors
    /// As [`Self::lock`] does.
    pub async fn import(
        &self,
        name: &VoiceName,
        lock: &Lock,
        parts: &Parts,
    ) -> Result<Locked, VoiceError> {
        for audio in parts.audio.values() {
            self.put_audio(audio.clone()).await?;
        }
        for prompt in parts.prompts.values() {
            self.put_prompt(prompt).await?;
        }
        self.lock(name, lock.voice.clone()).await
    }
}
