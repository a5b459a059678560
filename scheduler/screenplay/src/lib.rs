//! Fountain, FDX, Highland and TextBundle into one [`Script`], with spans and doubts.
//!
//! Any text is a screenplay: reading text never fails, but what the reader was not sure of is
//! collected as [`Doubt`]s. Only what is not text at all — a broken archive, a file beyond the
//! limits, XML that is not XML — is [`Unreadable`]. The crate knows nothing of voices or queues.

mod container;
mod cursor;
mod decode;
mod doubts;
mod fdx;
mod fountain;
mod inline;
mod limits;
mod names;
mod read;
mod script;

pub use fdx::print_fdx;
pub use fountain::print_fountain;
pub use names::speaker_key;
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

impl Unreadable {
    /// An error about the file as a whole.
    pub(crate) fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { message: message.into(), advice: advice.into(), at: None }
    }

    /// The same error, at a line and column.
    pub(crate) fn placed(self, line: u32, column: u32) -> Self {
        Self { at: Some((line, column)), ..self }
    }
}

/// Reads a screenplay from a file's bytes; `name` is the file's name and helps to tell formats apart.
///
/// # Errors
/// [`Unreadable`] for what is no screenplay in any format.
pub fn read(name: &str, bytes: &[u8]) -> Result<Script, Unreadable> {
    read::bytes(name, bytes)
}

/// Reads a screenplay from disk: a file, or a `.textbundle` folder.
///
/// # Errors
/// [`Unreadable`] when it cannot be opened or is no screenplay in any format.
pub fn read_path(path: &std::path::Path) -> Result<Script, Unreadable> {
    read::path(path)
}
