//! What the engine can fail with, by who suffers.

/// Why one line cannot be spoken. The rest of the batch goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Nothing in the text can be spoken, or it came out silent or without end.
    #[error("{0}")]
    Text(String),
    /// The voice cannot be made ready here: what is missing and how to get it.
    #[error("{0}")]
    Voice(String),
    /// The synthesiser failed on this line; another try may succeed.
    #[error("{0}")]
    Failed(String),
}

/// The device failed: every seated line is lost and the process should end.
#[derive(Debug, thiserror::Error)]
#[error("device failed: {0}")]
pub struct DeviceError(pub String);

/// Either of the two, where a model can fail both ways.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// One line suffers.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Every line suffers.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// The start of a text, to tell a line by in a message.
pub(crate) fn excerpt(text: &str) -> String {
    const KEPT: usize = 40;
    match text.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}
