//! Locked voices: what one is, the library that keeps them, and the files they travel in.
//!
//! A [`Lock`] is a voice that nobody can change any more: reference takes by mood, who may be heard in
//! them and by whose leave, where they came from, and what models made of them. The library keeps
//! locks in a store under a name and a version that counts up; the same actor speaks next season.
//!
//! Knows nothing of queues, and of models only their names: what they make of a voice is bytes here.

mod adopt;
mod check;
mod consent;
mod embedding;
mod error;
mod library;
mod lock;
mod mood;
mod name;
mod pack;
mod portable;
mod profile;
mod provenance;
mod recording;
#[cfg(test)]
mod schema_files;
mod take;
mod time;
mod verify;
mod vox;

pub use adopt::{About, NewTake, Unlocked, clone_voice};
pub use consent::{Consent, Note, RecordingConsent};
pub use embedding::Embedding;
pub use error::VoiceError;
pub use library::{Library, Locked};
pub use lock::{Lock, LockedVoice, ModelVoice, Prompt, PromptForm};
pub use mood::{MoodRules, NEUTRAL};
pub use name::VoiceName;
pub use pack::{pack, unpack};
pub use portable::PortablePrompt;
pub use profile::Profile;
pub use provenance::{Made, Provenance, Source};
pub use recording::{Embedder, MOST_FILE_BYTES, Recording, take_in};
pub use take::{Quality, Take};
pub use time::rfc3339;
pub use verify::{Fault, Verdicts};
pub use vox::{
    Clip, Foreign, Limits, Manifest, Parts, Vox, VoxClip, VoxEmbedding, VoxProsody, VoxProvenance,
    VoxVoice, read_vox, write_vox,
};
