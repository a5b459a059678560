//! What ends a worker before its time.

use std::path::PathBuf;

use queue::QueueError;
use store::StoreError;

use crate::OpenError;

/// Why a worker stopped by itself; a person must act before it is worth starting again. What it
/// held was given back uncharged, as far as the queue could be reached.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The engine could not be opened; nothing was claimed.
    #[error("the engine cannot be opened")]
    Open(#[source] OpenError),
    /// The device failed, or the thread that owns it died.
    #[error(
        "the device failed: {0}; restart the worker, and look at the device if it happens again"
    )]
    Device(String),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue is damaged, or newer than this program.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Nothing is left but lines for engines that are not here, and nobody else took them.
    #[error(
        "{lines} lines wait for a worker that has {engines}, and none has taken them; start one that \
         does, or cancel the lines"
    )]
    Unspoken {
        /// How many lines; at least 1.
        lines: u64,
        /// Name and version of their engines, in backticks, divided by commas.
        engines: String,
    },
    /// The folder for audio that waits for the store cannot be used; nothing was claimed.
    #[error(
        "finished audio cannot be kept in {}; name a folder that may be written with --spool, or do \
         without by --spool-size 0", folder.display()
    )]
    Spool {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What hands out batches ended with an error.
    #[error("batches cannot be had from the queue: {0}")]
    Source(String),
}
