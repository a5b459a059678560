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

mod arguments;
mod awake;
mod deliver;
mod device;
mod ends;
mod engine_thread;
mod engines;
mod error;
mod gauges;
mod hardware;
mod laps;
mod lease_keeper;
mod listeners;
mod local_models;
mod master;
mod memory;
mod metrics_listener;
pub mod models;
mod outage;
mod prompt_store;
mod recordings;
mod register;
mod render;
mod report;
mod room;
mod run;
mod scratch;
mod settings;
mod shared_prompts;
mod shelf;
mod speak;
mod spool;
mod tally;
mod until_empty;
mod weight_hashes;
mod whole_file;

pub use arguments::{DeviceArg, ModelArgs, WeightsArg};
pub use device::{DeviceSettings, Model};
pub use engine_thread::{Engines, OpenError, Spoken};
pub use engines::EngineSet;
pub use error::WorkerError;
pub use hardware::{hardware, host};
pub use listeners::{ListenError, Listeners};
pub use local_models::{LocalModel, LocalModels, ModelError, ModelSettings};
pub use memory::{machine_bytes, parse_bytes, parse_duration, usual_budget, written_bytes};
pub use metrics_listener::{answer_scrapes, listen_for_scrapes};
pub use outage::with_causes;
pub use prompt_store::PromptFiles;
pub use recordings::RecordingCache;
pub use report::RenderError;
pub use run::{run, run_with};
pub use scratch::{Programs, cores, scratch_speaker};
pub use settings::Settings;
pub use shared_prompts::{fetch_prompt, put_prompt, shared_key};
pub use spool::SpoolSettings;
pub use tally::Report;
