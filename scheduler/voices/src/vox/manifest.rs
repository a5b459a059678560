//! `manifest.json` of a voice file, as its public format has it.
//!
//! Source: `schemas/manifest-v0.4.0.json`, intrusive-memory/vox-format at `00d53e4`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which version of the format is written.
pub(crate) const VERSION: &str = "0.4.0";

/// All of a manifest; what is not of the format is not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of the format, e.g. `0.4.0`.
    pub vox_version: String,
    /// UUID of the voice.
    pub id: String,
    /// When it was made, ISO 8601.
    pub created: String,
    /// Who it is.
    pub voice: VoxVoice,
    /// How it speaks, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prosody: Option<VoxProsody>,
    /// Its recordings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_audio: Vec<VoxClip>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<VoxProvenance>,
    /// What models made of it, by any name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub embeddings: BTreeMap<String, VoxEmbedding>,
    /// What programs say for themselves, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: BTreeMap<String, Value>,
}

/// Who a voice is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VoxVoice {
    /// As people call it.
    pub name: String,
    /// In words, at least 10 characters.
    pub description: String,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `male`, `female`, `nonbinary` or `neutral`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// Youngest and oldest, in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_range: Option<(u32, u32)>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// How a voice speaks, in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VoxProsody {
    /// E.g. `low`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitch_base: Option<String>,
    /// E.g. `slow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// E.g. `calm authority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emotion_default: Option<String>,
}

/// A recording of a voice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoxClip {
    /// Its path in the file.
    pub file: String,
    /// What is said in it; may be empty in files of other programs.
    #[serde(default)]
    pub transcript: String,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How long it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// Mood or circumstances, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// Where a voice comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VoxProvenance {
    /// `designed`, `synthesized`, `cloned`, `preset` or `hybrid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// `self`, `granted`, `unknown`, or nothing where nobody was recorded.
    #[serde(default)]
    pub consent: Option<String>,
    /// Anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The recordings it was cloned from, by their paths in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<String>,
}

/// What a model made of a voice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoxEmbedding {
    /// The model, e.g. `Qwen/Qwen3-TTS-12Hz-0.6B-Base`.
    pub model: String,
    /// The family, e.g. `qwen3-tts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Its path in the file, below `embeddings/`.
    pub file: String,
    /// E.g. `bin` or `wav`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// BCP 47; for all languages that have none of their own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}
