//! Qwen3-TTS 12 Hz: text to 16 codes a frame, codes to samples, a voice from a recording.
//!
//! Source: QwenLM/Qwen3-TTS at `022e286`.

mod check;
mod checkpoint;
pub mod codec;
pub mod config;
mod error;
mod frame_model;
pub mod frames;
mod predictor;
pub mod prompt;
#[cfg(test)]
mod golden;
mod released;
pub mod sampling;
mod stack;
mod tables;
mod talker;
mod row_conv;
pub mod speaker;
pub mod tokenizer;
pub mod voice;
pub mod weights;

pub use checkpoint::Checkpoint;
pub use error::LoadError;
pub use frame_model::{FrameModel, Prefix};
pub use tables::{Frame, Tables};
