//! Renders leased lines: voices made ready, engine driven, audio delivered.
//!
//! One room per stage, and a line walks through them in order:
//!
//! ```text
//!  lease ─▶ speak: start ─▶ engine thread ─▶ measure ─▶ store take ─▶ settle Spoken
//!  lease ─▶ master: start ─▶ read take ─▶ finish ─▶ encode ─▶ store master, delivery ─▶ settle Mastered
//! ```
//!
//! A line counts as done only once its object is in the store; every settlement is fenced by the
//! lease it was given under. [`run()`] is all a program needs; the binary `tableread-worker` and the
//! scheduler's `render` both call it.

mod deliver;
mod engine_thread;
mod error;
mod lease_keeper;
mod master;
pub mod models;
mod outage;
mod prompt_store;
mod render;
mod report;
mod room;
mod run;
mod scratch;
mod settings;
mod speak;
mod tally;
mod until_empty;

pub use engine_thread::{Engines, OpenError, Spoken};
pub use error::WorkerError;
pub use outage::with_causes;
pub use prompt_store::PromptFiles;
pub use report::RenderError;
pub use run::run;
pub use scratch::{Programs, cores, scratch_speaker};
pub use settings::Settings;
pub use tally::Report;
