//! PCM in, masters and deliveries out: resampling, trim, loudness, AAC in MP4.
//!
//! Pure functions over one channel of samples; no candle, tokio or network. The order a line goes
//! through is [`finish()`] (resample, trim, gain, ceiling, fades), then [`write_wav24`] and
//! [`encode_aac`]; [`mix()`] lays finished lines into an episode, which [`AacEncoder`] takes in pieces.
//!
//! All of it up to AAC is scalar arithmetic in a fixed order, so that the same take gives the same
//! master on every machine.

mod aac;
mod finish;
mod gain;
mod level;
mod limiter;
mod mix;
mod pitch;
mod resample;
#[cfg(test)]
mod signals;
mod trim;
mod wav;

pub use aac::{AacEncoder, decode_aac, encode_aac, encoder};
pub use finish::finish;
pub use gain::{line_gain_db, voice_gain_db};
pub use level::{measure, peaks};
pub use mix::mix;
pub use pitch::median_pitch_hz;
pub use resample::resample;
pub use wav::{read_wav, write_wav_f32, write_wav24};

/// Samples of one channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pcm {
    /// −1 to 1; values beyond are clipped when written as integers.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate_hz: u32,
}

/// How loud something is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Integrated loudness in LUFS (EBU R128); `None` when too short (under 400 ms) or too quiet.
    pub lufs: Option<f32>,
    /// Highest sample in dBFS; −120 for silence.
    pub peak_dbfs: f32,
}

/// Why audio cannot be processed.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// There is no sound in it.
    #[error("the audio is silent")]
    Silent,
    /// It is not audio of a kind that is read here.
    #[error("not readable audio: {0}")]
    Unreadable(String),
    /// It could not be resampled or encoded. Our own samples always are: a bug if it happens.
    #[error("audio cannot be encoded: {0}")]
    Encode(String),
}

/// One tag of a delivery: what it is called and says, e.g. `("title", "sc001-l0001")`.
pub type Tag<'a> = (&'a str, &'a str);
