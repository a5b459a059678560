//! AAC in MP4, back to samples.

use std::io::Cursor;

use mp4_atom::{Atom, Buf, DecodeMaybe, Elst, Header, Moov, Trak};
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use crate::{AudioError, Pcm};

/// Decodes AAC in MP4, trimmed as its edit list says; several channels are averaged into one.
///
/// Without an edit list all that was decoded comes back, priming included.
///
/// # Errors
/// [`AudioError::Unreadable`] for anything else: other codecs and containers, several edits, and files
/// that end before their edit list does.
pub fn decode_aac(bytes: &[u8]) -> Result<Pcm, AudioError> {
    let edit = edit(bytes)?;
    let mut decoded = decode_all(bytes)?;
    if let Some(edit) = edit {
        edit.trim(&mut decoded)?;
    }
    Ok(decoded)
}

/// The part of the decoded samples that is to be heard.
struct Edit {
    /// The first sample, in media time.
    start: u64,
    /// How long it lasts, in movie time; 0 for to the end.
    length: u64,
    /// Units of movie time in a second.
    movie_hz: u32,
    /// Units of media time in a second.
    media_hz: u32,
}

impl Edit {
    fn trim(&self, pcm: &mut Pcm) -> Result<(), AudioError> {
        let start = scaled(self.start, self.media_hz, pcm.rate_hz);
        let length = scaled(self.length, self.movie_hz, pcm.rate_hz);
        let available = pcm.samples.len();
        let end = if self.length == 0 { available } else { start.saturating_add(length) };
        if start > end || end > available {
            let message = format!("{available} samples where the edit list has {end}");
            return Err(unreadable(&message));
        }
        pcm.samples.truncate(end);
        pcm.samples.drain(..start);
        Ok(())
    }
}

/// A time in units of `from_hz`, in samples, rounded.
fn scaled(time: u64, from_hz: u32, rate_hz: u32) -> usize {
    let from_hz = u128::from(from_hz.max(1));
    let samples = (u128::from(time) * u128::from(rate_hz) + from_hz / 2) / from_hz;
    usize::try_from(samples).unwrap_or(usize::MAX)
}

/// Reads the edit list of the one sound track.
fn edit(bytes: &[u8]) -> Result<Option<Edit>, AudioError> {
    let moov = moov(bytes)?;
    let is_sound = |track: &&Trak| track.mdia.hdlr.handler == b"soun".into();
    let Some(track) = moov.trak.iter().find(is_sound) else {
        return Err(unreadable("no sound track"));
    };
    let list = track.edts.as_ref().and_then(|edts| edts.elst.as_ref());
    let Some(Elst { entries }) = list.filter(|list| !list.entries.is_empty()) else {
        return Ok(None);
    };
    let [entry] = entries.as_slice() else { return Err(unreadable("several edits")) };
    let Some(start) = entry.media_time else { return Err(unreadable("an empty edit")) };
    Ok(Some(Edit {
        start,
        length: entry.segment_duration,
        movie_hz: moov.mvhd.timescale,
        media_hz: track.mdia.mdhd.timescale,
    }))
}

/// Finds the index among the atoms of the file.
fn moov(bytes: &[u8]) -> Result<Moov, AudioError> {
    let mut rest = bytes;
    while let Some(header) = Header::decode_maybe(&mut rest).map_err(|error| mp4(&error))? {
        let length = header.size.unwrap_or(rest.len());
        let Some(mut body) = rest.get(..length) else { break };
        if header.kind == Moov::KIND {
            return Moov::decode_body(&mut body).map_err(|error| mp4(&error));
        }
        rest.advance(length);
    }
    Err(unreadable("no index"))
}

/// Decodes every access unit, priming and padding included.
fn decode_all(bytes: &[u8]) -> Result<Pcm, AudioError> {
    let source = Box::new(Cursor::new(bytes.to_vec()));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension("m4a");
    let probe = symphonia::default::get_probe();
    let mut reader = probe
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| aac(&error))?;
    let (track, mut decoder) = open(reader.as_ref())?;
    let mut pcm = Pcm::default();
    while let Some(packet) = reader.next_packet().map_err(|error| aac(&error))? {
        if packet.track_id == track {
            append(&decoder.decode(&packet).map_err(|error| aac(&error))?, &mut pcm)?;
        }
    }
    Ok(pcm)
}

/// The sound track's number, and a decoder for it.
fn open(reader: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), AudioError> {
    let track = reader.default_track(TrackType::Audio);
    let track = track.ok_or_else(|| unreadable("no sound track"))?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| unreadable("an unknown codec"))?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| aac(&error))?;
    Ok((track.id, decoder))
}

/// Adds one decoded packet, its channels averaged.
fn append(decoded: &GenericAudioBufferRef<'_>, pcm: &mut Pcm) -> Result<(), AudioError> {
    let rate_hz = decoded.spec().rate();
    if pcm.rate_hz != 0 && pcm.rate_hz != rate_hz {
        return Err(unreadable("the sample rate changes"));
    }
    pcm.rate_hz = rate_hz;
    let mut samples: Vec<f32> = Vec::new();
    decoded.copy_to_vec_interleaved(&mut samples);
    let channels = decoded.num_planes().max(1);
    #[expect(clippy::cast_precision_loss, reason = "AAC has at most 48 channels")]
    let share = channels as f32;
    pcm.samples.extend(samples.chunks_exact(channels).map(|all| all.iter().sum::<f32>() / share));
    Ok(())
}

fn mp4(error: &mp4_atom::Error) -> AudioError {
    unreadable(&error.to_string())
}

fn aac(error: &Error) -> AudioError {
    unreadable(&error.to_string())
}

fn unreadable(why: &str) -> AudioError {
    AudioError::Unreadable(format!("AAC: {why}"))
}
