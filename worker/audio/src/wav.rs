//! WAV, in and out.

use crate::{AudioError, Pcm};

/// Format tag of integer samples.
const INTEGER: u16 = 1;
/// Format tag of IEEE float samples.
const FLOAT: u16 = 3;
/// Format tag that says: the real one is in the first two bytes of the sub-format.
const EXTENSIBLE: u16 = 0xFFFE;
/// From here up a length is what programs write that could not know it: the data goes to the end.
const UNKNOWN_LENGTH: u32 = 0x7FFF_0000;
/// What full scale is in 24 bits.
const FULL_SCALE_24: f32 = 8_388_608.0;

/// Writes 32-bit float WAV: bit for bit what the engine gave.
#[must_use]
pub fn write_wav_f32(pcm: &Pcm) -> Vec<u8> {
    let mut bytes = header(FLOAT, 4, pcm);
    bytes.extend(pcm.samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

/// Writes 24-bit WAV, rounding to the nearest step and clipping beyond full scale.
#[must_use]
pub fn write_wav24(pcm: &Pcm) -> Vec<u8> {
    let mut bytes = header(INTEGER, 3, pcm);
    for sample in &pcm.samples {
        let step = (sample * FULL_SCALE_24).round().clamp(-FULL_SCALE_24, FULL_SCALE_24 - 1.0);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 24 bits; NaN becomes 0")]
        bytes.extend_from_slice(&(step as i32).to_le_bytes()[..3]);
    }
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

/// Everything up to the samples. Lengths beyond 4 GiB are written as unknown, which readers take as
/// 'to the end'.
fn header(format: u16, sample_bytes: u16, pcm: &Pcm) -> Vec<u8> {
    let data_bytes = u32::try_from(pcm.samples.len() * usize::from(sample_bytes));
    // Float needs the longer format chunk and a count of samples.
    let extra = if format == FLOAT { 14 } else { 0 };
    let riff_bytes = data_bytes.ok().and_then(|bytes| bytes.checked_add(36 + extra + bytes % 2));
    let byte_rate = pcm.rate_hz.wrapping_mul(u32::from(sample_bytes));
    let mut bytes = Vec::with_capacity(58 + pcm.samples.len() * usize::from(sample_bytes) + 1);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&riff_bytes.unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&(if format == FLOAT { 18u32 } else { 16 }).to_le_bytes());
    bytes.extend_from_slice(&format.to_le_bytes());
    bytes.extend_from_slice(&1u16.to_le_bytes());
    bytes.extend_from_slice(&pcm.rate_hz.to_le_bytes());
    bytes.extend_from_slice(&byte_rate.to_le_bytes());
    bytes.extend_from_slice(&sample_bytes.to_le_bytes());
    bytes.extend_from_slice(&(8 * sample_bytes).to_le_bytes());
    if format == FLOAT {
        let count = u32::try_from(pcm.samples.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&0u16.to_le_bytes());
        bytes.extend_from_slice(b"fact");
        bytes.extend_from_slice(&4u32.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
    }
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_bytes.unwrap_or(u32::MAX).to_le_bytes());
    bytes
}

/// Reads WAV of 16, 24 or 32 bits, integer or float; several channels are averaged into one.
///
/// A length of 2 GiB and more means 'to the end', as programs write that stream into a pipe.
///
/// # Errors
/// [`AudioError::Unreadable`] for anything else, and when the file ends before its data does.
pub fn read_wav(bytes: &[u8]) -> Result<Pcm, AudioError> {
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(unreadable("no WAV header"));
    }
    let mut rest = &bytes[12..];
    let mut format = None;
    loop {
        let (Some(id), Some(length)) = (rest.get(..4), read_u32(rest, 4)) else {
            return Err(unreadable("it ends before its data"));
        };
        let body = &rest[8..];
        if id == b"data" {
            let format = format.ok_or_else(|| unreadable("its data come before its format"))?;
            return read_samples(&format, data(body, length)?);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if id == b"fmt " {
            format = Some(Format::read(body.get(..length).unwrap_or_default())?);
        }
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
}

/// How samples are laid out.
struct Format {
    /// [`INTEGER`] or [`FLOAT`].
    tag: u16,
    /// Never 0.
    channels: usize,
    /// Never 0.
    rate_hz: u32,
    /// Of one sample of one channel.
    bits: u16,
}

impl Format {
    fn read(body: &[u8]) -> Result<Self, AudioError> {
        let field = |at| read_u16(body, at).ok_or_else(|| unreadable("its format is cut short"));
        let tag = match field(0)? {
            EXTENSIBLE => field(24)?,
            tag => tag,
        };
        let (channels, bits) = (usize::from(field(2)?), field(14)?);
        let rate_hz = read_u32(body, 4).unwrap_or(0);
        let block_bytes = usize::from(field(12)?);
        if channels == 0 || rate_hz == 0 || block_bytes != channels * usize::from(bits / 8) {
            return Err(unreadable("its format contradicts itself"));
        }
        Ok(Self { tag, channels, rate_hz, bits })
    }
}

/// The bytes of the samples.
fn data(body: &[u8], length: u32) -> Result<&[u8], AudioError> {
    if length >= UNKNOWN_LENGTH {
        return Ok(body);
    }
    let missing = || unreadable(&format!("{length} bytes of data promised, {} there", body.len()));
    body.get(..length as usize).ok_or_else(missing)
}

fn read_samples(format: &Format, data: &[u8]) -> Result<Pcm, AudioError> {
    let read: fn(&[u8]) -> f32 = match (format.tag, format.bits) {
        (INTEGER, 16) => |b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0,
        (INTEGER, 24) => |b| integer(&[0, b[0], b[1], b[2]]),
        (INTEGER, 32) => integer,
        (FLOAT, 32) => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        (tag, bits) => return Err(unreadable(&format!("format {tag} of {bits} bits"))),
    };
    let sample_bytes = usize::from(format.bits / 8);
    #[expect(clippy::cast_precision_loss, reason = "at most 65 535 channels")]
    let share = format.channels as f32;
    let frames = data.chunks_exact(sample_bytes * format.channels);
    let mean = |frame: &[u8]| frame.chunks_exact(sample_bytes).map(read).sum::<f32>() / share;
    let samples = match format.channels {
        // A sum would turn −0 into 0, and float files are kept bit for bit.
        1 => frames.map(read).collect(),
        _ => frames.map(mean).collect(),
    };
    Ok(Pcm { samples, rate_hz: format.rate_hz })
}

/// Four little-endian bytes over full scale; 24 bits are exact, of 32 the lowest are rounded away.
#[expect(clippy::cast_possible_truncation, reason = "f32 holds 24 bits")]
fn integer(bytes: &[u8]) -> f32 {
    let value = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    (f64::from(value) / 2_147_483_648.0) as f32
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn unreadable(why: &str) -> AudioError {
    AudioError::Unreadable(format!("WAV: {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signals::noise;

    /// What another implementation reads: rate, bits, whether float, and samples.
    fn read_by_hound(bytes: &[u8]) -> (hound::WavSpec, Vec<f64>) {
        let mut reader = hound::WavReader::new(bytes).unwrap();
        let spec = reader.spec();
        let samples = match spec.sample_format {
            hound::SampleFormat::Float => {
                reader.samples::<f32>().map(|sample| f64::from(sample.unwrap())).collect()
            }
            hound::SampleFormat::Int => {
                reader.samples::<i32>().map(|sample| f64::from(sample.unwrap())).collect()
            }
        };
        (spec, samples)
    }

    fn written_by_hound(bits: u16, format: hound::SampleFormat, channels: u16) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: 22_050,
            bits_per_sample: bits,
            sample_format: format,
        };
        let mut cursor = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut cursor, spec).unwrap();
        for at in 0..i32::from(channels) * 3 {
            match format {
                hound::SampleFormat::Float => writer.write_sample(0.25f32).unwrap(),
                hound::SampleFormat::Int if at % 2 == 0 => {
                    writer.write_sample(1 << (bits - 2)).unwrap();
                }
                hound::SampleFormat::Int => writer.write_sample(0).unwrap(),
            }
        }
        writer.finalize().unwrap();
        cursor.into_inner()
    }

    #[test]
    fn others_read_what_is_written() {
        let pcm = noise(24_000, 0.9, 1_001);
        let (spec, samples) = read_by_hound(&write_wav_f32(&pcm));
        assert_eq!((spec.sample_rate, spec.bits_per_sample, spec.channels), (24_000, 32, 1));
        let wanted: Vec<f64> = pcm.samples.iter().map(|&sample| f64::from(sample)).collect();
        assert_eq!(samples, wanted);
        let (spec, samples) = read_by_hound(&write_wav24(&pcm));
        assert_eq!((spec.bits_per_sample, samples.len()), (24, 1_001));
        for (step, sample) in samples.iter().zip(&pcm.samples) {
            assert!((step - f64::from(*sample) * 8_388_608.0).abs() <= 0.5);
        }
    }

    #[test]
    fn what_others_write_is_read_and_channels_are_averaged() {
        use hound::SampleFormat::{Float, Int};
        for (bits, format) in [(16, Int), (24, Int), (32, Int), (32, Float)] {
            let mono = read_wav(&written_by_hound(bits, format, 1)).unwrap();
            assert_eq!((mono.rate_hz, mono.samples.len()), (22_050, 3), "{bits} {format:?}");
            let stereo = read_wav(&written_by_hound(bits, format, 2)).unwrap();
            assert_eq!(stereo.samples, [0.25; 3], "{bits} {format:?}");
        }
        let eight = read_wav(&written_by_hound(8, Int, 1)).unwrap_err();
        assert_eq!(eight.to_string(), "not readable audio: WAV: format 1 of 8 bits");
    }

    #[test]
    fn full_scale_is_clipped_and_not_wrapped() {
        let loud = Pcm { samples: vec![1.0, 7.0, -1.0, -7.0, f32::NAN], rate_hz: 48_000 };
        let highest = 8_388_607.0 / 8_388_608.0;
        let back = read_wav(&write_wav24(&loud)).unwrap();
        assert_eq!(back.samples, [highest, highest, -1.0, -1.0, 0.0]);
    }

    #[test]
    fn a_header_that_promises_gigabytes_is_refused_or_read_to_the_end() {
        let whole = write_wav24(&noise(24_000, 0.5, 100));
        let at = 40;
        let mut lying = whole.clone();
        lying[at..at + 4].copy_from_slice(&0x7000_0000u32.to_le_bytes());
        assert!(matches!(read_wav(&lying), Err(AudioError::Unreadable(_))));
        lying[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read_wav(&lying).unwrap(), read_wav(&whole).unwrap());
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let whole = write_wav_f32(&noise(24_000, 0.5, 100));
        for length in 0..whole.len() {
            assert!(read_wav(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn float_wav_keeps_every_bit(
            bits in prop::collection::vec(any::<u32>(), 0..300),
            rate_hz in 1u32..400_000,
        ) {
            let pcm = Pcm { samples: bits.iter().map(|&b| f32::from_bits(b)).collect(), rate_hz };
            let back = read_wav(&write_wav_f32(&pcm)).unwrap();
            let read: Vec<u32> = back.samples.iter().map(|sample| sample.to_bits()).collect();
            prop_assert_eq!(read, bits);
            prop_assert_eq!(back.rate_hz, rate_hz);
        }

        #[test]
        fn wav24_keeps_what_is_on_its_steps(
            steps in prop::collection::vec(-8_388_608i32..8_388_608, 0..300),
        ) {
            #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
            let samples: Vec<f32> = steps.iter().map(|&s| s as f32 / FULL_SCALE_24).collect();
            let pcm = Pcm { samples, rate_hz: 44_100 };
            prop_assert_eq!(read_wav(&write_wav24(&pcm)).unwrap(), pcm);
        }

        #[test]
        fn garbage_never_panics(
            garbage in prop::collection::vec(any::<u8>(), 0..200),
            at in 0usize..60,
            is_float: bool,
        ) {
            prop_assert!(read_wav(&garbage).is_err());
            let pcm = noise(24_000, 0.5, 30);
            let mut bytes = if is_float { write_wav_f32(&pcm) } else { write_wav24(&pcm) };
            for (place, value) in bytes[at..].iter_mut().zip(&garbage).take(5) {
                *place = *value;
            }
            if let Ok(read) = read_wav(&bytes) {
                prop_assert!(read.samples.len() <= bytes.len());
            }
        }
    }
}
