//! AAC-LC in MP4, out and in.

use std::ops::RangeInclusive;

use schemas::Encoder;

use crate::{AudioError, Pcm, Tag};

#[cfg(target_os = "macos")]
mod audiotoolbox;
mod decode;
mod mux;
#[cfg(not(target_os = "macos"))]
mod software;
mod tags;

pub use decode::decode_aac;

#[cfg(target_os = "macos")]
use audiotoolbox::Coder;
#[cfg(not(target_os = "macos"))]
use software::Coder;

/// What a delivery may cost, in bits a second.
const BITRATES_BPS: RangeInclusive<u32> = 24_000..=256_000;
/// Samples an access unit carries.
const FRAME: u32 = 1_024;
/// Samples handed to a coder at once.
const BLOCK: usize = 16 * FRAME as usize;
/// The sample rates of AAC, in Hz, in the order of their indices in its headers.
const RATES_HZ: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
/// The highest rate written here: the sample entry of MP4 has 16 bits for it.
const HIGHEST_RATE_HZ: u32 = 64_000;

/// Which encoder [`encode_aac`] uses on this platform.
#[must_use]
pub fn encoder() -> Encoder {
    Coder::NAME
}

/// Encodes AAC-LC in MP4, exact to the sample by its edit list.
///
/// The index stands before the samples, so that players can start while loading. `tags` called
/// `title`, `artist`, `album`, `comment`, `genre`, `date`, `description`, `grouping`, `composer` and
/// `encoder` become what music players show; others keep their own names. Samples beyond ±1 are
/// clipped. A bit rate beyond what AAC has room for at a sample rate (6 bits a sample) is lowered to it.
///
/// # Errors
/// [`AudioError::Encode`] on a bit rate outside 24 000 to 256 000 or a sample rate AAC does not have
/// (above 64 000 Hz: MP4 does not), without any samples, on one that is not a finite number, on more
/// than 4 GiB, and when the encoder fails.
pub fn encode_aac(pcm: &Pcm, bitrate_bps: u32, tags: &[Tag<'_>]) -> Result<Vec<u8>, AudioError> {
    let mut encoder = AacEncoder::new(pcm.rate_hz, bitrate_bps)?;
    encoder.push(&pcm.samples)?;
    encoder.finish(tags)
}

/// Encodes what is too long to be held twice, piece by piece; gives what [`encode_aac`] gives for all
/// of it at once.
///
/// After an error it is of no further use.
pub struct AacEncoder {
    coder: Coder,
    units: AccessUnits,
    rate_hz: u32,
    /// Samples pushed.
    samples: u64,
    /// Clipped copies of what is being pushed.
    block: Vec<f32>,
}

/// Encoded frames, one after the other.
#[derive(Debug, Default)]
struct AccessUnits {
    bytes: Vec<u8>,
    /// Of each unit, in bytes.
    sizes: Vec<u32>,
}

impl AccessUnits {
    fn push(&mut self, unit: &[u8]) -> Result<(), AudioError> {
        let size = u32::try_from(unit.len())
            .map_err(|_| AudioError::Encode("an access unit of more than 4 GiB".into()))?;
        self.bytes.extend_from_slice(unit);
        self.sizes.push(size);
        Ok(())
    }

    /// Keeps the first `count` units.
    fn truncate(&mut self, count: usize) {
        self.sizes.truncate(count);
        self.bytes.truncate(self.sizes.iter().map(|&size| size as usize).sum());
    }
}

impl AacEncoder {
    /// Starts an encoder for one channel at `rate_hz`.
    ///
    /// # Errors
    /// As [`encode_aac`], on rates.
    pub fn new(rate_hz: u32, bitrate_bps: u32) -> Result<Self, AudioError> {
        if !BITRATES_BPS.contains(&bitrate_bps) {
            let message = format!("{bitrate_bps} bit/s is not within 24 000 to 256 000");
            return Err(AudioError::Encode(message));
        }
        if rate_hz > HIGHEST_RATE_HZ || !RATES_HZ.contains(&rate_hz) {
            return Err(AudioError::Encode(format!("AAC in MP4 has no rate of {rate_hz} Hz")));
        }
        let coder = Coder::new(rate_hz, bitrate_bps.min(6 * rate_hz))?;
        let units = AccessUnits::default();
        Ok(Self { coder, units, rate_hz, samples: 0, block: Vec::new() })
    }

    /// Encodes more samples, any number of them.
    ///
    /// # Errors
    /// As [`encode_aac`], on a sample that is not a finite number and when the encoder fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        for block in samples.chunks(BLOCK) {
            if let Some(at) = block.iter().position(|sample| !sample.is_finite()) {
                let at = self.samples + at as u64;
                return Err(AudioError::Encode(format!("sample {at} is not a finite number")));
            }
            self.block.clear();
            self.block.extend(block.iter().map(|sample| sample.clamp(-1.0, 1.0)));
            self.coder.push(&self.block, &mut self.units)?;
            self.samples += block.len() as u64;
        }
        Ok(())
    }

    /// Ends the encoding and returns the whole file.
    ///
    /// # Errors
    /// As [`encode_aac`], without any samples, on more than 4 GiB, and when the encoder fails.
    pub fn finish(mut self, tags: &[Tag<'_>]) -> Result<Vec<u8>, AudioError> {
        if self.samples == 0 {
            return Err(AudioError::Encode("no samples".into()));
        }
        let priming = self.coder.finish(&mut self.units)?;
        let needed = (u64::from(priming) + self.samples).div_ceil(u64::from(FRAME));
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        if self.units.sizes.len() < needed {
            let message = format!("the encoder gave {} of {needed} units", self.units.sizes.len());
            return Err(AudioError::Encode(message));
        }
        self.units.truncate(needed);
        let Self { units, rate_hz, samples, .. } = self;
        mux::mux(&mux::Track { rate_hz, priming, samples, units }, tags)
    }
}

/// How AAC's headers call a sample rate.
fn rate_index(rate_hz: u32) -> u8 {
    let index = RATES_HZ.iter().position(|&rate| rate == rate_hz);
    index.and_then(|index| u8::try_from(index).ok()).expect("checked when the encoder was made")
}

#[cfg(test)]
mod tests;
