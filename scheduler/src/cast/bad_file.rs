//! Mistakes in files that people write, told with their place.

use std::ops::Range;

use serde::Serialize;

/// A mistake in a cast or lexicon file: where it is and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}; {advice}")]
pub struct BadFile {
    /// The file as the caller named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, counted in characters.
    pub column: usize,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do, without a full stop.
    pub advice: String,
}

/// A TOML file being read: makes its errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TomlFile<'a> {
    /// Its name, for messages.
    pub(crate) name: &'a str,
    /// All of it.
    pub(crate) text: &'a str,
}

impl TomlFile<'_> {
    /// Reads the file as a `T`.
    ///
    /// # Errors
    /// [`BadFile`] at the first place where it is not one.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(self) -> Result<T, BadFile> {
        toml::from_str(self.text).map_err(|err| {
            let message = err.message().replace('\n', " ");
            self.bad(&err.span().unwrap_or(0..0), message, "correct it and try again")
        })
    }

    /// Makes the error for what stands at the byte range `at`.
    pub(crate) fn bad(
        self,
        at: &Range<usize>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> BadFile {
        let start = at.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        BadFile {
            file: self.name.to_owned(),
            line: before.bytes().filter(|&b| b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            advice: advice.into(),
        }
    }
}
