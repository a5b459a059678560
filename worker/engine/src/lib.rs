//! Turns text into frames and frames into samples, many lines at once.
//!
//! No tokio, network, clock, environment or global randomness in here: a line's samples follow from
//! its [`Request`] alone. One thread owns a [`Speaker`] and turns it; whoever asks for lines talks
//! to that thread.

mod error;
mod estimate;
pub mod qwen3_tts;
pub mod scratch;
mod speaker;

pub use error::{DeviceError, EngineError, LineError};
pub use estimate::estimate_ms;
pub use speaker::{Caps, Finished, Request, Samples, Speaker};
