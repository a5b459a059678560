//! What can go wrong with voices.

use store::StoreError;

use crate::VoiceName;

/// Why a voice cannot be had, kept or read; the variants differ in what the caller does.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// It cannot be the name of a voice.
    #[error(
        "`{name}` cannot be the name of a voice: use 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a \
         letter or digit, e.g. `{better}`"
    )]
    BadName {
        /// What was given.
        name: String,
        /// One that would do.
        better: String,
    },
    /// The voice is not as voices are; it says what is wrong and what would be right.
    #[error("{0}")]
    Invalid(String),
    /// What was to be a lock cannot be read as one.
    #[error("not a lock this program can read")]
    Unreadable(#[source] serde_json::Error),
    /// The library has no such voice.
    #[error("no voice `{wanted}` in the library; {known}")]
    NoSuchVoice {
        /// What was asked for, e.g. `mira` or `mira 3`.
        wanted: String,
        /// What there is, as half a sentence.
        known: String,
    },
    /// Others are locking a voice of the same name; nothing was written.
    #[error("others are locking `{0}` at this moment; run it again in a while")]
    Contended(VoiceName),
    /// What a voice is made of is not in the library any more, or is not what its hash says.
    #[error("{what} of the voice `{voice}` is {state}: {advice}")]
    Lost {
        /// Name and version.
        voice: String,
        /// Which part of it.
        what: String,
        /// `missing` or `damaged`.
        state: &'static str,
        /// How to mend it.
        advice: &'static str,
    },
    /// A file is no voice file, is damaged, or is beyond what is taken; it says which.
    #[error("{0}")]
    File(String),
    /// The store failed.
    #[error("the voice library cannot be used")]
    Store(#[from] StoreError),
}
