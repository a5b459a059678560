//! What can go wrong with voices.

use store::StoreError;

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
    /// The store failed.
    #[error("the voice library cannot be used")]
    Store(#[from] StoreError),
}
