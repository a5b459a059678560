//! What can go wrong inside a transaction, and what it means to the caller.

use rusqlite::ErrorCode;

use crate::QueueError;

/// An error inside a transaction, before the file's name is known to it.
#[derive(Debug)]
pub(super) enum Fault {
    /// What SQLite said.
    Sql(rusqlite::Error),
    /// A row that cannot be read.
    Row {
        /// Which.
        what: String,
        /// What the reader said.
        source: serde_json::Error,
    },
    /// Decided already.
    Queue(QueueError),
}

impl From<rusqlite::Error> for Fault {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sql(source)
    }
}

impl From<QueueError> for Fault {
    fn from(err: QueueError) -> Self {
        Self::Queue(err)
    }
}

impl Fault {
    /// Says what it means for the queue at `place`.
    pub(super) fn at(self, place: &str) -> QueueError {
        match self {
            Self::Queue(err) => err,
            Self::Row { what, source } => QueueError::Corrupt { what, source },
            Self::Sql(source) => {
                let place = place.to_owned();
                match advice(&source) {
                    None => QueueError::Unavailable { place, source: Box::new(source) },
                    Some(advice) => QueueError::Broken { place, advice, source: Box::new(source) },
                }
            }
        }
    }
}

/// What a person should do; `None` when waiting helps.
fn advice(err: &rusqlite::Error) -> Option<&'static str> {
    match err.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted,
        ) => None,
        Some(ErrorCode::DiskFull) => Some("free some space on its disk, then start again"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Some("make the file and its folder writable for this user")
        }
        Some(ErrorCode::CannotOpen) => Some(
            "check that it is a file, and that its folder exists and is writable for this user",
        ),
        Some(ErrorCode::SystemIoFailure) => {
            Some("check the disk; if it is full, free some space, then start again")
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            Some("the file is damaged: move it away and submit again; what was rendered is kept")
        }
        Some(ErrorCode::NotADatabase) => Some("it is not a queue: give another path"),
        _ => Some("this is a bug: report it together with the log"),
    }
}
