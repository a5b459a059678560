//! A voice: all that decides how a character sounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One immutable voice. Change anything in it and it is another voice, with another key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Voice {
    /// The name people gave it in the cast, e.g. `mira`. Part of no key: renaming renders nothing.
    pub name: String,
    /// Which model speaks it: `scratch`, or a model's name such as `qwen3-tts-12hz-1.7b-base`.
    pub model: String,
    /// What the model needs to know to sound like it.
    pub source: VoiceSource,
}

/// Where a voice comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum VoiceSource {
    /// A synthesiser without weights, for timing tracks.
    Scratch {
        /// Which synthesiser.
        synthesiser: ScratchSynthesiser,
        /// The synthesiser's own voice, e.g. `Samantha` for `say`; its default when absent.
        base: Option<String>,
        /// Pitch against the synthesiser's own; 1 is unchanged, 0.5 to 2.
        pitch: f32,
        /// Vocal-tract size against the synthesiser's own: above 1 sounds smaller; 0.8 to 1.25.
        formant: f32,
        /// Speaking rate against the synthesiser's own; 1 is unchanged, 0.5 to 2.
        rate: f32,
    },
    /// A speaker that the model was trained with.
    Preset {
        /// The model's name for the speaker, e.g. `vivian`.
        speaker: String,
        /// How to speak, in words, where the model understands them.
        instruct: Option<String>,
    },
    /// A voice cloned from recordings that may be used for it.
    Clone {
        /// The recording this group of lines continues.
        reference: ReferenceTake,
    },
    /// A voice described in words.
    Design {
        /// The description.
        describe: String,
    },
    /// A person who recorded lines; nothing is synthesised in it.
    Recorded {
        /// Who, as the production calls them. Recordings of one person share one gain.
        performer: String,
    },
}

/// A program or library that speaks without weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScratchSynthesiser {
    /// SVOX Pico, built into the worker: English, German, French, Spanish, Italian.
    Pico,
    /// The `say` command of macOS.
    Say,
    /// The `espeak-ng` command.
    Espeak,
}

/// One recording of a voice in one mood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceTake {
    /// The mood that directions select it by, e.g. `neutral`, `whisper`.
    pub mood: String,
    /// Lower-case hex SHA-256 of the audio file's bytes.
    pub audio_sha256: String,
    /// What is said in it; without it only the timbre is cloned.
    pub transcript: Option<String>,
}
