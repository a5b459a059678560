//! Qwen3-TTS 12 Hz: text to 16 codes a frame, codes to samples, a voice from a recording.
//!
//! Source: QwenLM/Qwen3-TTS at `022e286`.

pub mod bench;
mod check;
mod checkpoint;
pub mod codec;
pub mod config;
#[cfg(feature = "cuda")]
mod cuda;
mod device;
mod distance;
mod error;
mod frame_model;
pub mod frames;
#[cfg(test)]
mod golden;
mod identity;
mod language;
mod length;
mod lines;
mod model;
mod open;
mod predictor;
mod product;
pub mod prompt;
pub mod proof;
mod ready;
mod released;
mod request;
mod row_conv;
pub mod sampling;
pub mod speaker;
mod stack;
mod tables;
mod talker;
pub mod tokenizer;
mod vocoder;
pub mod voice;
pub mod weights;

pub use candle_core::Device;
pub use checkpoint::Checkpoint;
pub use device::{Processor, device, device_bytes, device_name};
pub use error::LoadError;
pub use frame_model::{FrameModel, Prefix};
pub use identity::{Identity, hash_file, memory_bytes};
pub use language::LANGUAGES;
pub use lines::{SpokenLine, Tally};
pub use model::{QwenConfig, QwenModel, QwenSeats};
pub use open::{OpenConfig, OpenError, open};
pub use ready::{LONGEST_RECORDING_S, RATE_HZ, ReadyVoice, Recordings};
pub use request::{Choosing, LineRequest, VoiceRequest, Who};
pub use tables::{Frame, Tables};
pub use vocoder::QwenVocoder;

use crate::DeviceError;

/// What the engine is told when candle fails.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn device_failed(error: candle_core::Error) -> DeviceError {
    DeviceError(error.to_string())
}
