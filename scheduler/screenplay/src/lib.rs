//! Fountain, FDX, Highland and TextBundle into one [`Script`], with spans and doubts.
//!
//! Any text is a screenplay: reading text never fails, but what the reader was not sure of is
//! collected as [`Doubt`]s. Only what is not text at all — a broken archive, a file beyond the
//! limits, XML that is not XML — is [`Unreadable`]. The crate knows nothing of voices or queues.

mod script;

pub use script::{
    Doubt, Dual, Element, ElementKind, Emphasis, Extension, Format, Part, PlacedParenthetical,
    Script, Severity, Span, Speech, Spoken, TitleField,
};

/// Why a file cannot be read as a screenplay at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {advice}")]
pub struct Unreadable {
    /// What is wrong with it, lower case.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// Line and column, from 1, where that can be said.
    pub at: Option<(u32, u32)>,
}

/// Reads a screenplay from a file's bytes; `name` is the file's name and helps to tell formats apart.
///
/// # Errors
/// [`Unreadable`] for what is no screenplay in any format.
pub fn read(name: &str, bytes: &[u8]) -> Result<Script, Unreadable> {
    todo!("{name} {bytes:?}")
}

/// Reads a screenplay from disk: a file, or a `.textbundle` folder.
///
/// # Errors
/// [`Unreadable`] when it cannot be opened or is no screenplay in any format.
pub fn read_path(path: &std::path::Path) -> Result<Script, Unreadable> {
    todo!("{path:?}")
}

/// What speakers' names are compared by: NFC, upper case, inner spaces collapsed, markup removed.
#[must_use]
pub fn speaker_key(name: &str) -> String {
    todo!("{name}")
}
