//! Content keys: what decides some bytes, hashed; and what objects are called by them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{BadId, Encoder, EpisodeId, Mastering, Pause, SubmissionId, Voice, VoiceSource};

/// Lower-case hex SHA-256 of `value` written as JSON with fields in declared order.
fn hash(domain: &str, value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("our own plain structs always serialise");
    let mut hasher = Sha256::new();
    hasher.update(domain.as_bytes());
    hasher.update([0]);
    hasher.update(&json);
    hex(&hasher.finalize())
}

/// Writes bytes as lower-case hex digits, two a byte: how every hash of ours is written.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// Accepts 64 lower-case hex digits.
            ///
            /// # Errors
            /// [`BadId`] for anything else, so that a key can be part of a path unchecked.
            pub fn parse(key: impl Into<String>) -> Result<Self, BadId> {
                let key = key.into();
                let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                if key.len() == 64 && key.bytes().all(is_hex) { Ok(Self(key)) } else { Err(BadId(key)) }
            }

            /// The 64 hex digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(key: String) -> Result<Self, BadId> {
                Self::parse(key)
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> String {
                key.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

key! {
    /// Names a voice by all that decides its sound.
    VoiceKey
}
key! {
    /// Names a take by all that decides its samples; see [`SynthInputs`].
    SynthKey
}
key! {
    /// Names a master and its delivery by all that decides their bytes; see [`MasterInputs`].
    MasterKey
}
key! {
    /// Names a recording by the SHA-256 of its file.
    RecordingKey
}
key! {
    /// Names a locked voice by all that decides its sound: not its name, version or history.
    LockKey
}
key! {
    /// Names what the library keeps of a voice, a lock or a prompt, by the SHA-256 of its bytes.
    VoiceObjectKey
}
key! {
    /// Names a voice made ready for an engine and a language.
    PromptKey
}
key! {
    /// Names what lines must share to be spoken in one batch: model, voice, reference, language.
    GroupKey
}

impl Voice {
    /// The key of this voice: its model and source, not its name.
    #[must_use]
    pub fn key(&self) -> VoiceKey {
        VoiceKey(hash("voice/1", &(&self.model, &self.source)))
    }
}

impl LockKey {
    /// The key of a voice of which `decides` is all that decides its sound.
    #[must_use]
    pub fn of(decides: &impl Serialize) -> Self {
        Self(hash("lock/1", decides))
    }
}

impl VoiceObjectKey {
    /// The key of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }
}

impl GroupKey {
    /// The group of lines spoken by `voice` in `language`.
    #[must_use]
    pub fn new(voice: &Voice, language: &str) -> Self {
        Self(hash("group/1", &(voice.key(), language)))
    }

    /// The group of lines that are kept in another engine's words than the rest of `voice` in `language`.
    #[must_use]
    pub fn of_engine(voice: &Voice, language: &str, engine: &str) -> Self {
        Self(hash("group/1", &(voice.key(), language, engine)))
    }
}

/// All that decides the samples of a take. Nothing else may change them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SynthInputs<'a> {
    /// Spoken text after the lexicon.
    pub text: &'a str,
    /// Silences inside it.
    pub pauses: &'a [Pause],
    /// Model and source of the voice, reference take included.
    pub model: &'a str,
    /// See `model`.
    pub source: &'a VoiceSource,
    /// BCP 47.
    pub language: &'a str,
    /// Name, version, weights hash, quantisation and sampling settings of the engine.
    pub engine: &'a str,
    /// Of the sampler.
    pub seed: u64,
}

impl SynthKey {
    /// The key of a take that a person recorded: a hash of its samples, as 32-bit float WAV, as they lie
    /// in the store.
    #[must_use]
    pub fn of_recording(wav: &[u8]) -> Self {
        Self(hash("recording/1", &hex(&Sha256::digest(wav))))
    }
}

impl SynthInputs<'_> {
    /// The key of the take these give.
    #[must_use]
    pub fn key(&self) -> SynthKey {
        SynthKey(hash("take/1", self))
    }
}

/// All that decides the bytes of a master and its delivery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MasterInputs<'a> {
    /// The take.
    pub synth_key: &'a SynthKey,
    /// Trim, fades, rate and bit rate.
    pub mastering: &'a Mastering,
    /// What is added to the take's level, in hundredths of a dB.
    pub gain_centibels: i32,
    /// Name and version of the encoder.
    pub encoder: Encoder,
    /// Tags written into the delivery, in order.
    pub tags: &'a [(&'a str, &'a str)],
}

impl MasterInputs<'_> {
    /// The key of the master and the delivery these give.
    #[must_use]
    pub fn key(&self) -> MasterKey {
        MasterKey(hash("master/1", self))
    }
}

/// Bytes that a recording's file may have: minutes of it, where seconds are enough.
pub const LARGEST_RECORDING: u64 = 50_000_000;

impl RecordingKey {
    /// The key of a recording's file.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        Self(hex(&Sha256::digest(file)))
    }
}

/// Where a recording lies that voices are cloned from: the file as it was handed in.
#[must_use]
pub fn recording_object(key: &RecordingKey) -> String {
    format!("recordings/{}/{key}", &key.0[..2])
}

/// Where a locked voice lies: JSON, by the hash of its bytes.
#[must_use]
pub fn lock_object(key: &VoiceObjectKey) -> String {
    format!("voices/locks/{}/{key}.json", &key.0[..2])
}

/// Where a clone prompt of a locked voice lies, by the hash of its bytes.
#[must_use]
pub fn voice_prompt_object(key: &VoiceObjectKey) -> String {
    format!("voices/prompts/{}/{key}", &key.0[..2])
}

/// Where a voice made ready lies that workers share; it can be made again at any time.
#[must_use]
pub fn prompt_object(key: &PromptKey) -> String {
    format!("prompts/{}/{key}.voice", &key.0[..2])
}

/// Where a take's samples lie: 32-bit float WAV, as spoken.
#[must_use]
pub fn take_object(key: &SynthKey) -> String {
    format!("takes/{}/{key}.wav", &key.0[..2])
}

/// Where a take's [`crate::TakeFacts`] lie. Written after the samples: where it exists, so do they.
#[must_use]
pub fn take_facts_object(key: &SynthKey) -> String {
    format!("takes/{}/{key}.json", &key.0[..2])
}

/// Where a master lies: 24-bit WAV.
#[must_use]
pub fn master_object(key: &MasterKey) -> String {
    format!("masters/{}/{key}.wav", &key.0[..2])
}

/// Where a delivery lies: AAC-LC in MP4. Written after the master: where it exists, so does that.
#[must_use]
pub fn delivery_object(key: &MasterKey) -> String {
    format!("deliveries/{}/{key}.m4a", &key.0[..2])
}

/// Where the manifest of a submission lies.
#[must_use]
pub fn manifest_object(episode: &EpisodeId, submission: &SubmissionId) -> String {
    format!("episodes/{episode}/{submission}/manifest.json")
}

/// Where it is kept what a submission changed against the one before; see [`crate::Edits`].
#[must_use]
pub fn edits_object(episode: &EpisodeId, submission: &SubmissionId) -> String {
    format!("episodes/{episode}/{submission}/edits.json")
}

/// Where an episode's line ids are remembered across edits.
#[must_use]
pub fn ledger_object(episode: &EpisodeId) -> String {
    format!("episodes/{episode}/lines.json")
}

/// Below which lies what people decided about the takes of an episode's lines, one object a step.
#[must_use]
pub fn take_steps_prefix(episode: &EpisodeId) -> String {
    format!("episodes/{episode}/takes/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ScratchSynthesiser;

    fn voice(name: &str, pitch: f32) -> Voice {
        let synthesiser = ScratchSynthesiser::Pico;
        let source =
            VoiceSource::Scratch { synthesiser, base: None, pitch, formant: 1.0, rate: 1.0 };
        Voice { name: name.into(), model: "scratch".into(), source }
    }

    #[test]
    fn renaming_a_voice_renders_nothing_anew() {
        assert_eq!(voice("mira", 1.0).key(), voice("otto", 1.0).key());
        assert_ne!(voice("mira", 1.0).key(), voice("mira", 1.1).key());
    }

    /// A changed hash would re-render every production's back catalogue: change it knowingly.
    #[test]
    fn keys_are_the_same_in_every_build() {
        let voice = voice("mira", 1.0);
        let inputs = SynthInputs {
            text: "Who's there?",
            pauses: &[Pause { at: 5, ms: 400 }],
            model: &voice.model,
            source: &voice.source,
            language: "en",
            engine: "scratch/1",
            seed: 7,
        };
        assert_eq!(
            (voice.key().to_string(), inputs.key().to_string()),
            (
                "18424220914f142ac5eb29df79d78d3250e80dc8d3d2ca1fba69958c8848f05b".to_owned(),
                "bea8d6967f8c2a7c039494d717f398412af3ef71b55a12d4a67d5b0b2832b067".to_owned(),
            )
        );
    }

    #[test]
    fn a_key_is_hex_and_nothing_else() {
        assert!(SynthKey::parse("../../etc/passwd").is_err());
        assert!(SynthKey::parse("A".repeat(64)).is_err());
        assert!(SynthKey::parse("a".repeat(64)).is_ok());
    }
}
