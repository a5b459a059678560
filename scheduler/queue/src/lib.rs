//! Leases, retries, dead letters and progress of lines, behind one contract.
//!
//! Lines live in the queue, each with its own state; a worker claims a *batch* of them — lines of
//! one group in one stage — and settles each on its own, so that a crash costs only the lines that
//! were not settled. [`Queue`] is the contract; its test suite runs against every implementation.
//! [`SqliteQueue`] keeps it in one file, for one machine; [`RedisQueue`] in a server, for a farm;
//! [`BatchSource`] hands its batches to an
//! apalis worker.

#![expect(clippy::similar_names, reason = "stage and state are the words of the contract")]

mod address;
mod check;
mod choose;
mod contract;
mod counts;
mod error;
mod redis;
mod source;
mod sqlite;
mod state;
mod workers;

pub use address::open;
pub use contract::{
    Added, Fence, NewSubmission, Queue, Renewal, Selection, SubmissionChange, Want,
};
pub use error::QueueError;
pub use redis::RedisQueue;
pub use source::{BatchSource, WantNow};
pub use sqlite::{Clock, SqliteQueue};
pub use workers::{WorkerCard, WorkerHour};
