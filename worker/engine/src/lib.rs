//! Turns text into frames and frames into samples, many lines at once.
//!
//! No tokio, network, clock, environment or global randomness in here: a line's samples follow from
//! its [`Request`] alone. One thread owns a [`Speaker`] and turns it; whoever asks for lines talks
//! to that thread.

mod batch;
mod error;
mod estimate;
mod likeness;
mod model;
mod passages;
mod prompts;
pub mod qwen3_tts;
pub mod scratch;
mod speaker;

pub use batch::ContinuousBatch;
pub use error::{DeviceError, EngineError, LineError};
pub use estimate::estimate_ms;
pub use likeness::likeness;
pub use model::{LinePlan, Seating, SpeechModel, Step, Utterance, Vocoder};
pub use prompts::{PromptCounts, PromptStore, prompt_key};
pub use speaker::{Caps, Finished, Request, Samples, Speaker, Unwatched, Watch, Work};
