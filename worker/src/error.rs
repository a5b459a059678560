//! What ends a worker before its time.

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
    /// What hands out batches ended with an error.
    #[error("batches cannot be had from the queue: {0}")]
    Source(String),
}
