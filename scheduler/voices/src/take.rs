//! What a voice is cloned from.

use schemars::JsonSchema;
use schemas::{RecordingKey, ReferenceTake};
use serde::{Deserialize, Serialize};

/// A reference take: the voice in one mood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Take {
    /// Lower case, e.g. `neutral` or `whisper`; named as voices are.
    pub mood: String,
    /// The audio: a WAV of one channel at 24 kHz, by the SHA-256 of the file.
    pub audio: RecordingKey,
    /// What is said in it, at most 2000 characters; without it only the timbre is cloned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// What it is spoken in: BCP 47.
    pub language: String,
    /// How long it is.
    pub duration_ms: u64,
    /// Integrated loudness in LUFS (EBU R128); absent when too short or too quiet to have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lufs: Option<f32>,
    /// What was measured of it when it was taken in.
    #[serde(default)]
    pub quality: Quality,
}

/// What was measured of a recording. A figure is absent when it cannot be measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Quality {
    /// Highest sample in dBFS before anything was done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_dbfs: Option<f32>,
    /// Level of what is heard between words, in dBFS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_dbfs: Option<f32>,
    /// How far speech is above that, in dB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_to_noise_db: Option<f32>,
    /// Samples in runs at full scale.
    pub clipped_samples: u64,
    /// How long the sound takes to fall by 20 dB when words end, in milliseconds: the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_ms: Option<u32>,
    /// Lowest cosine similarity of the speaker in one part of it to the speaker in all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker_similarity: Option<f32>,
}

impl Take {
    /// The take as the plan hands it to a worker.
    #[must_use]
    pub fn reference(&self) -> ReferenceTake {
        ReferenceTake {
            mood: self.mood.clone(),
            audio_sha256: self.audio.as_str().to_owned(),
            transcript: self.transcript.clone(),
        }
    }
}
