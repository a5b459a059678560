//! The cast file as people write it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemas::ScratchSynthesiser;
use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CastFile {
    /// The episode's title; the title page's when absent.
    pub(super) title: Option<String>,
    /// BCP 47 language of every character that names none.
    pub(super) language: Option<Spanned<String>>,
    /// The voice that speaks the action.
    pub(super) narrator: Option<Spanned<String>>,
    /// Voices by name.
    #[serde(default)]
    pub(super) voices: BTreeMap<Spanned<String>, VoiceTable>,
    /// Characters by name as in the script.
    #[serde(default)]
    pub(super) characters: BTreeMap<Spanned<String>, CharacterTable>,
}

/// A voice: exactly one of its fields is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoiceTable {
    /// A synthesiser without weights.
    pub(super) scratch: Option<ScratchTable>,
    /// A speaker the model was trained with.
    pub(super) preset: Option<PresetTable>,
    /// Recordings that may be cloned.
    pub(super) clone: Option<Spanned<CloneTable>>,
    /// A description in words.
    pub(super) design: Option<DesignTable>,
    /// A voice of the library.
    pub(super) lock: Option<LockTable>,
}

/// A locked voice of the library.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockTable {
    /// Its name in the library.
    pub(super) voice: Spanned<String>,
    /// The newest when absent.
    pub(super) version: Option<u32>,
    /// The base model that speaks it; the one it was made ready for when absent.
    pub(super) model: Option<Spanned<String>>,
    /// Words of directions and the mood they ask for; they win over the lock's own.
    #[serde(default)]
    pub(super) moods: BTreeMap<Spanned<String>, String>,
}

/// See [`schemas::VoiceSource::Scratch`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScratchTable {
    /// Pico when absent.
    pub(super) synthesiser: Option<ScratchSynthesiser>,
    /// The synthesiser's own voice.
    pub(super) base: Option<String>,
    /// 0.5 to 2; 1 when absent.
    pub(super) pitch: Option<Spanned<f32>>,
    /// 0.8 to 1.25; 1 when absent.
    pub(super) formant: Option<Spanned<f32>>,
    /// 0.5 to 2; 1 when absent.
    pub(super) rate: Option<Spanned<f32>>,
}

/// See [`schemas::VoiceSource::Preset`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetTable {
    /// The model's name.
    pub(super) model: Spanned<String>,
    /// The model's name for the speaker.
    pub(super) speaker: Spanned<String>,
    /// How to speak, in words.
    pub(super) instruct: Option<String>,
}

/// See [`schemas::VoiceSource::Clone`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloneTable {
    /// The model's name.
    pub(super) model: Spanned<String>,
    /// At least one.
    pub(super) takes: Spanned<Vec<TakeTable>>,
    /// `granted: ` and where that is recorded. Without it the voice is refused.
    pub(super) consent: Option<Spanned<String>>,
}

/// One recording of a voice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TakeTable {
    /// The mood that directions select it by.
    pub(super) mood: Spanned<String>,
    /// Path of the audio, relative to the cast file.
    pub(super) audio: Spanned<PathBuf>,
    /// What is said in it.
    pub(super) transcript: Option<String>,
}

/// See [`schemas::VoiceSource::Design`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DesignTable {
    /// The model's name.
    pub(super) model: Spanned<String>,
    /// The description.
    pub(super) describe: Spanned<String>,
}

/// A character.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CharacterTable {
    /// Name of a voice; a scratch voice of its own when absent.
    pub(super) voice: Option<Spanned<String>>,
    /// Other names it goes by in the script.
    #[serde(default)]
    pub(super) aliases: Vec<Spanned<String>>,
    /// BCP 47; the cast's when absent.
    pub(super) language: Option<Spanned<String>>,
    /// Speed, 0.5 to 2; 1 when absent.
    pub(super) rate: Option<Spanned<f32>>,
    /// Level, −40 to 20 dB; 0 when absent.
    pub(super) gain_db: Option<Spanned<f32>>,
    /// Whether its lines are left out.
    #[serde(default)]
    pub(super) skip: bool,
}
