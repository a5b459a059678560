//! A voice that is not locked yet: its candidates, remembered in the store.

use std::collections::BTreeSet;

use ::voices::{Embedding, Profile, VoiceName};
use futures::TryStreamExt as _;
use schemas::{RecordingKey, VoiceSource, recording_object};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};

/// Candidates a draft may have; who has heard so many begins anew.
pub const MOST_CANDIDATES: usize = 64;

/// Bytes of a draft in the store; far above what the most candidates take.
const MOST_BYTES: u64 = 16 << 20;

/// Version of the layout.
const VERSION: u32 = 1;

/// A voice in the making.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Version of this layout; 1.
    version: u32,
    /// What it will be called.
    pub name: VoiceName,
    /// Those heard so far, by number.
    pub candidates: Vec<Candidate>,
    /// The number of the one that was chosen.
    pub chosen: Option<u32>,
}

/// One voice that was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Counts from 1, over all that were ever asked for.
    pub number: u32,
    /// Which model spoke it.
    pub model: String,
    /// Name and version of the engine.
    pub engine: String,
    /// Who was asked for, side by side.
    #[serde(default, skip_serializing_if = "Profile::is_empty")]
    pub profile: Profile,
    /// Who was asked for, in words.
    pub description: String,
    /// What the model was given.
    pub source: VoiceSource,
    /// What is said.
    pub text: String,
    /// In which language, BCP 47.
    pub language: String,
    /// Of the sampler.
    pub seed: u64,
    /// Its audio in the store: a WAV of one channel at 24 kHz, trimmed and levelled.
    pub audio: RecordingKey,
    /// How many bytes that is.
    pub audio_bytes: u64,
    /// How long it is, in milliseconds.
    pub duration_ms: u64,
    /// How loud it is, in LUFS; absent when too short to say.
    pub lufs: Option<f32>,
    /// Its highest sample, in dBFS.
    pub peak_dbfs: f32,
    /// Its median pitch, in Hz; absent when nothing is voiced.
    pub pitch_hz: Option<f32>,
    /// Who speaks, as a base model hears it.
    pub heard: Option<Heard>,
}

/// A speaker as one model hears them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// The engine of the model that heard.
    pub engine: String,
    /// What it heard.
    pub embedding: Embedding,
}

/// Why a draft cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// Nobody designed a voice of that name.
    #[error("no voice `{0}` was designed here: tableread voices design {0} --describe \"…\"")]
    None(VoiceName),
    /// What the store has is no draft.
    #[error("what the store has as the draft of `{name}` cannot be read; remove {object} there")]
    Unreadable {
        /// Whose.
        name: VoiceName,
        /// Which object.
        object: String,
    },
    /// It has as many candidates as drafts may have.
    #[error(
        "`{0}` has {MOST_CANDIDATES} candidates already; choose one, or design under another name"
    )]
    Full(VoiceName),
    /// It has no such candidate.
    #[error("`{name}` has no candidate {number}; it has {}", numbers(.known))]
    NoCandidate {
        /// Whose.
        name: VoiceName,
        /// What was asked for.
        number: u32,
        /// What there is.
        known: Vec<u32>,
    },
    /// The store.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

fn numbers(known: &[u32]) -> String {
    let known: Vec<_> = known.iter().map(u32::to_string).collect();
    if known.is_empty() { "none yet".to_owned() } else { known.join(", ") }
}

/// Where a draft is kept.
#[must_use]
pub fn draft_object(name: &VoiceName) -> String {
    format!("voices/drafts/{name}.json")
}

impl Draft {
    /// A draft without candidates.
    #[must_use]
    pub fn new(name: VoiceName) -> Self {
        Self { version: VERSION, name, candidates: Vec::new(), chosen: None }
    }

    /// The draft of a voice, or a new one.
    ///
    /// # Errors
    /// [`DraftError::Unreadable`], and when the store cannot be read.
    pub async fn open(store: &Store, name: &VoiceName) -> Result<Self, DraftError> {
        match Self::read(store, name).await {
            Err(DraftError::None(name)) => Ok(Self::new(name)),
            read => read,
        }
    }

    /// The draft of a voice.
    ///
    /// # Errors
    /// [`DraftError::None`] when there is none, [`DraftError::Unreadable`], and when the store cannot be
    /// read.
    pub async fn read(store: &Store, name: &VoiceName) -> Result<Self, DraftError> {
        let object = draft_object(name);
        let unreadable = || DraftError::Unreadable { name: name.clone(), object: object.clone() };
        match store.size(&object).await? {
            None => return Err(DraftError::None(name.clone())),
            Some(bytes) if bytes > MOST_BYTES => return Err(unreadable()),
            Some(_) => {}
        }
        let json = store.get(&object).await?;
        let draft: Self = serde_json::from_slice(&json).map_err(|_| unreadable())?;
        let is_ours = draft.version == VERSION && draft.name == *name;
        if is_ours { Ok(draft) } else { Err(unreadable()) }
    }

    /// Keeps the draft as it is now.
    ///
    /// # Panics
    /// Never: plain structs always serialise.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep(&self, store: &Store) -> Result<(), DraftError> {
        let json = serde_json::to_vec(self).expect("plain structs always serialise");
        Ok(store.put(&draft_object(&self.name), json).await?)
    }

    /// The number of the next candidate.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.candidates.iter().map(|candidate| candidate.number).max().unwrap_or(0) + 1
    }

    /// A candidate by its number.
    ///
    /// # Errors
    /// [`DraftError::NoCandidate`].
    pub fn candidate(&self, number: u32) -> Result<&Candidate, DraftError> {
        let found = self.candidates.iter().find(|candidate| candidate.number == number);
        found.ok_or_else(|| DraftError::NoCandidate {
            name: self.name.clone(),
            number,
            known: self.candidates.iter().map(|candidate| candidate.number).collect(),
        })
    }

    /// Puts a candidate to the others, in the place of one of its number.
    pub fn add(&mut self, candidate: Candidate) {
        self.candidates.retain(|other| other.number != candidate.number);
        self.candidates.push(candidate);
        self.candidates.sort_by_key(|candidate| candidate.number);
    }
}

/// The objects of all drafts' recordings: what must not be swept away.
///
/// # Errors
/// When the store or one of its drafts cannot be read.
pub async fn drafted_recordings(store: &Store) -> Result<BTreeSet<String>, DraftError> {
    let mut objects = BTreeSet::new();
    let mut entries = std::pin::pin!(store.entries("voices/drafts/"));
    while let Some(entry) = entries.try_next().await? {
        let stem = entry.key.strip_prefix("voices/drafts/").and_then(|k| k.strip_suffix(".json"));
        let Some(name) = stem.and_then(|stem| VoiceName::parse(stem).ok()) else { continue };
        match Draft::read(store, &name).await {
            Ok(draft) => objects.extend(
                draft.candidates.iter().map(|candidate| recording_object(&candidate.audio)),
            ),
            // Removed since it was listed.
            Err(DraftError::None(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(objects)
}
