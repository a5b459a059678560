//! PCM in, masters and deliveries out: resampling, trim, loudness, AAC in MP4.
//!
//! Pure functions over one channel of samples; no candle, tokio or network. The order a line goes
//! through is [`finish`] (resample, trim, gain, ceiling, fades), then [`write_wav24`] and
//! [`encode_aac`].

use schemas::{Encoder, Mastering};

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

/// Measures loudness and peak.
#[must_use]
pub fn measure(pcm: &Pcm) -> Level {
    todo!("{pcm:?}")
}

/// Resamples to `rate_hz`; the same rate gives the same samples back.
///
/// # Errors
/// [`AudioError::Encode`] on a rate of 0.
pub fn resample(pcm: &Pcm, rate_hz: u32) -> Result<Pcm, AudioError> {
    todo!("{pcm:?} {rate_hz}")
}

/// Returns the one gain of a voice, in dB rounded to half a dB, from its takes' loudness and length.
///
/// `takes` holds LUFS and milliseconds of every take of the voice in the episode. Loudness is averaged
/// in power, weighted by length; takes without a measured loudness do not count; without any the gain is 0.
#[must_use]
pub fn voice_gain_db(takes: &[(Option<f32>, u64)], target_lufs: f32) -> f32 {
    todo!("{takes:?} {target_lufs}")
}

/// Returns what is added to a line: its voice's gain, moved towards the target by at most
/// `line_correction_db`, rounded to a tenth of a dB.
#[must_use]
pub fn line_gain_db(voice_gain_db: f32, lufs: Option<f32>, mastering: &Mastering) -> f32 {
    todo!("{voice_gain_db} {lufs:?} {mastering:?}")
}

/// Makes a master of a take: resample, trim, gain, ceiling, fades.
///
/// # Errors
/// [`AudioError::Silent`] when nothing in it is louder than −60 dBFS.
pub fn finish(take: &Pcm, gain_db: f32, mastering: &Mastering) -> Result<Pcm, AudioError> {
    todo!("{take:?} {gain_db} {mastering:?}")
}

/// Writes 32-bit float WAV: bit for bit what the engine gave.
#[must_use]
pub fn write_wav_f32(pcm: &Pcm) -> Vec<u8> {
    todo!("{pcm:?}")
}

/// Writes 24-bit WAV, rounding to the nearest step and clipping beyond full scale.
#[must_use]
pub fn write_wav24(pcm: &Pcm) -> Vec<u8> {
    todo!("{pcm:?}")
}

/// Reads WAV of 16, 24 or 32 bits, integer or float; several channels are averaged into one.
///
/// # Errors
/// [`AudioError::Unreadable`] for anything else.
pub fn read_wav(bytes: &[u8]) -> Result<Pcm, AudioError> {
    todo!("{bytes:?}")
}

/// Which encoder [`encode_aac`] uses on this platform.
#[must_use]
pub fn encoder() -> Encoder {
    Encoder::Syom
}

/// Encodes AAC-LC in MP4, exact to the sample by its edit list.
///
/// # Errors
/// [`AudioError::Encode`] on a bit rate outside 24 000 to 256 000 or a sample rate AAC does not have.
pub fn encode_aac(pcm: &Pcm, bitrate_bps: u32, tags: &[Tag<'_>]) -> Result<Vec<u8>, AudioError> {
    todo!("{pcm:?} {bitrate_bps} {tags:?}")
}

/// Decodes AAC in MP4, trimmed as its edit list says.
///
/// # Errors
/// [`AudioError::Unreadable`] for anything else.
pub fn decode_aac(bytes: &[u8]) -> Result<Pcm, AudioError> {
    todo!("{bytes:?}")
}
