//! A sound file of any usual kind, to samples.

use std::io::Cursor;

use audio::Pcm;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use crate::VoiceError;

/// Seconds that are decoded, and no more: a reference is seconds long.
const LONGEST_S: usize = 180;
/// Channels of a file.
const MOST_CHANNELS: usize = 32;
/// A sample this near to full scale was cut off there, if its neighbours were too.
const FULL_SCALE: f32 = 0.999;
/// Neighbours at full scale from which on they are called clipped.
const CLIPPED_RUN: usize = 3;

/// A decoded file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decoded {
    /// Its channels, averaged.
    pub(super) pcm: Pcm,
    /// Samples in runs at full scale, over all channels.
    pub(super) clipped: u64,
    /// What it is, e.g. `flac`.
    pub(super) format: &'static str,
}

/// What a file is, by how it begins.
pub(super) fn format(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'R', b'I', b'F', b'F', ..] if bytes.get(8..12) == Some(b"WAVE") => Some("wav"),
        [b'f', b'L', b'a', b'C', ..] => Some("flac"),
        [b'I', b'D', b'3', ..] => Some("mp3"),
        [0xff, second, ..] if second & 0xe6 == 0xe2 => Some("mp3"),
        _ if bytes.get(4..8) == Some(b"ftyp") => Some("m4a"),
        _ => None,
    }
}

/// Decodes a file.
///
/// # Errors
/// [`VoiceError::File`] when it is of no kind that is read, is damaged from its beginning, or is longer
/// than three minutes.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, VoiceError> {
    let format = format(bytes).ok_or_else(|| {
        VoiceError::File("this is no recording that can be read: give wav, flac, mp3 or m4a".into())
    })?;
    let mut reader = probe(bytes, format)?;
    let (track, mut decoder) = open(reader.as_ref())?;
    let mut mix = Mix::default();
    let mut spoilt = 0;
    loop {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A file that was cut off is heard as far as it goes.
            Err(error) if mix.pcm.samples.is_empty() => return Err(unreadable(&error)),
            Err(_) => break,
        };
        if packet.track_id != track {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(samples) => mix.add(&samples)?,
            // Decoders of streams may need a packet or two to find their feet.
            Err(Error::DecodeError(_)) if spoilt < 8 => spoilt += 1,
            Err(error) => return Err(unreadable(&error)),
        }
    }
    Ok(Decoded { clipped: mix.clipped(), pcm: mix.pcm, format })
}

fn probe(bytes: &[u8], format: &str) -> Result<Box<dyn FormatReader>, VoiceError> {
    let source = Box::new(Cursor::new(bytes.to_vec()));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension(format);
    symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| unreadable(&error))
}

fn open(reader: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), VoiceError> {
    let no_sound = || VoiceError::File("there is no sound in the file that can be read".into());
    let track = reader.default_track(TrackType::Audio).ok_or_else(no_sound)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters.ok_or_else(no_sound)?, &AudioDecoderOptions::default())
        .map_err(|error| unreadable(&error))?;
    Ok((track.id, decoder))
}

/// Packets put together.
#[derive(Default)]
struct Mix {
    pcm: Pcm,
    /// Per channel: samples at full scale in a row up to here, and in runs that were long enough.
    runs: Vec<(usize, u64)>,
}

impl Mix {
    fn add(&mut self, decoded: &GenericAudioBufferRef<'_>) -> Result<(), VoiceError> {
        let (rate_hz, channels) = (decoded.spec().rate(), decoded.num_planes().max(1));
        let is_first = self.runs.is_empty();
        if channels > MOST_CHANNELS || !is_first && self.runs.len() != channels {
            return Err(VoiceError::File(
                "the channels of the recording cannot be told apart".into(),
            ));
        }
        if !is_first && self.pcm.rate_hz != rate_hz {
            return Err(VoiceError::File(
                "the sample rate of the recording changes within it".into(),
            ));
        }
        self.pcm.rate_hz = rate_hz;
        self.runs.resize(channels, (0, 0));
        let mut samples: Vec<f32> = Vec::new();
        decoded.copy_to_vec_interleaved(&mut samples);
        #[expect(clippy::cast_precision_loss, reason = "at most 32 channels")]
        let share = channels as f32;
        for all in samples.chunks_exact(channels) {
            self.pcm.samples.push(all.iter().sum::<f32>() / share);
            for (sample, (run, clipped)) in all.iter().zip(&mut self.runs) {
                *run = if sample.abs() >= FULL_SCALE { *run + 1 } else { 0 };
                if *run == CLIPPED_RUN {
                    *clipped += CLIPPED_RUN as u64;
                } else if *run > CLIPPED_RUN {
                    *clipped += 1;
                }
            }
        }
        if self.pcm.samples.len() > LONGEST_S * rate_hz as usize {
            return Err(VoiceError::File(format!(
                "the recording is longer than {} minutes: cut out 5 to 30 seconds of one person speaking",
                LONGEST_S / 60
            )));
        }
        Ok(())
    }

    fn clipped(&self) -> u64 {
        self.runs.iter().map(|(_, clipped)| clipped).sum()
    }
}

fn unreadable(error: &Error) -> VoiceError {
    VoiceError::File(format!("the recording cannot be decoded: {error}"))
}
