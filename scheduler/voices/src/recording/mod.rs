//! Recordings of people, made into reference takes.

mod decode;
mod measure;

use audio::{AudioError, Pcm};
use schemas::Mastering;

use crate::{Embedding, Quality, Source, VoiceError};
use measure::Levels;

/// Bytes that a recording's file may have.
pub const MOST_FILE_BYTES: u64 = 200_000_000;

/// Rate of reference takes: what the models hear.
const RATE_HZ: u32 = 24_000;
/// Where a take's loudness goes, in LUFS.
const TARGET_LUFS: f32 = -23.0;
/// Seconds of sound below which nothing can be cloned.
const LEAST_S: f32 = 1.0;
/// Seconds from which on a clone is clear.
const ENOUGH_S: f32 = 3.0;
/// Seconds above which a take only costs time.
const PLENTY_S: f32 = 30.0;
/// Seconds above which engines refuse a take.
const MOST_S: f32 = 120.0;
/// Seconds of a part in which a speaker is heard.
const PART_S: usize = 3;
/// Similarity of a part to the whole from which on there is one speaker.
const ONE_SPEAKER: f32 = 0.5;

/// Hears who speaks: a model that is at hand.
pub trait Embedder {
    /// The speaker of one channel of samples at 24 kHz; `None` when it cannot be told.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn embed(&mut self, samples: &[f32]) -> Result<Option<Embedding>, String>;
}

/// A recording made ready to be a reference take.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// One channel at 24 kHz, trimmed and at −23 LUFS where its peaks allow, as a 24-bit WAV.
    pub wav: Vec<u8>,
    /// The same as samples.
    pub pcm: Pcm,
    /// How long that is.
    pub duration_ms: u64,
    /// Its loudness now; absent when too short to have one.
    pub lufs: Option<f32>,
    /// What was measured of it before.
    pub quality: Quality,
    /// The file it was made from.
    pub source: Source,
    /// What could be better and how, each as a sentence.
    pub advice: Vec<String>,
}

/// Makes a recording ready: mono, 24 kHz, trimmed, levelled, measured. `embedder` is asked whether one
/// person speaks; without one that is not known.
///
/// # Errors
/// [`VoiceError::File`] on what cannot be read, [`VoiceError::Invalid`] on what cannot be cloned: silence,
/// less than a second, more than two minutes.
pub fn take_in(file: &[u8], embedder: Option<&mut dyn Embedder>) -> Result<Recording, VoiceError> {
    if file.len() as u64 > MOST_FILE_BYTES {
        return Err(VoiceError::File(format!(
            "the recording has more than {} MB: cut out 5 to 30 seconds of one person speaking",
            MOST_FILE_BYTES / 1_000_000
        )));
    }
    let decoded = decode::decode(file)?;
    let before = audio::measure(&decoded.pcm);
    let plain = finish(&decoded.pcm, 0.0)?;
    let levels = Levels::of(&plain);
    let level = audio::measure(&plain);
    // Peaks that would be above the ceiling are turned down by the limiter: a little is not heard.
    let gain_db = level.lufs.map_or(-3.0 - level.peak_dbfs, |lufs| TARGET_LUFS - lufs);
    let pcm = finish(&decoded.pcm, gain_db.min(3.0 - level.peak_dbfs))?;
    let mut quality = Quality {
        peak_dbfs: Some(before.peak_dbfs),
        noise_dbfs: levels.as_ref().map(|levels| levels.noise_dbfs),
        signal_to_noise_db: levels.as_ref().map(Levels::signal_to_noise_db),
        clipped_samples: decoded.clipped,
        decay_ms: levels.as_ref().and_then(Levels::decay_ms),
        speaker_similarity: None,
    };
    let seconds = seconds(&pcm);
    check_length(seconds)?;
    let mut advice = Vec::new();
    match embedder.map(|embedder| speaker_similarity(&pcm, embedder)) {
        None | Some(Ok(None)) => {}
        Some(Ok(Some(similarity))) => quality.speaker_similarity = Some(similarity),
        Some(Err(problem)) => {
            advice.push(format!("whether one person speaks was not heard: {problem}"));
        }
    }
    advise(&quality, seconds, &mut advice);
    let source = Source {
        sha256: schemas::RecordingKey::of(file).to_string(),
        bytes: file.len() as u64,
        format: decoded.format.to_owned(),
    };
    let duration_ms = pcm.samples.len() as u64 * 1_000 / u64::from(RATE_HZ);
    let lufs = audio::measure(&pcm).lufs;
    Ok(Recording { wav: audio::write_wav24(&pcm), pcm, duration_ms, lufs, quality, source, advice })
}

fn finish(pcm: &Pcm, gain_db: f32) -> Result<Pcm, VoiceError> {
    let mastering = Mastering {
        rate_hz: RATE_HZ,
        ceiling_dbfs: if gain_db == 0.0 { 0.0 } else { -1.0 },
        head_ms: 100,
        tail_ms: 200,
        fade_ms: 5,
        ..Mastering::default()
    };
    audio::finish(pcm, gain_db, &mastering).map_err(|error| match error {
        AudioError::Silent => {
            VoiceError::Invalid("the recording is silent: is it the right file?".into())
        }
        AudioError::Unreadable(_) | AudioError::Encode(_) => {
            VoiceError::File(format!("the recording cannot be used: {error}"))
        }
    })
}

fn seconds(pcm: &Pcm) -> f32 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "minutes of samples, to a hundredth of a second"
    )]
    let seconds = pcm.samples.len() as f32 / pcm.rate_hz as f32;
    seconds
}

fn check_length(seconds: f32) -> Result<(), VoiceError> {
    if seconds < LEAST_S {
        return Err(VoiceError::Invalid(format!(
            "the recording has {seconds:.1} s of sound, too short to clone: record 5 to 15 seconds"
        )));
    }
    if seconds > MOST_S {
        return Err(VoiceError::Invalid(format!(
            "the recording has {seconds:.0} s of sound, more than is taken: cut out 5 to 30 seconds"
        )));
    }
    Ok(())
}

/// The lowest similarity of the speaker in a part to the speaker in the whole.
fn speaker_similarity(pcm: &Pcm, embedder: &mut dyn Embedder) -> Result<Option<f32>, String> {
    let part = PART_S * RATE_HZ as usize;
    if pcm.samples.len() < 2 * part {
        return Ok(None);
    }
    let Some(whole) = embedder.embed(&pcm.samples)? else { return Ok(None) };
    let mut lowest: Option<f32> = None;
    for samples in pcm.samples.chunks_exact(part) {
        let Some(one) = embedder.embed(samples)? else { continue };
        let similarity = one.similarity(&whole).ok_or("the model gave vectors of two widths")?;
        lowest = Some(lowest.map_or(similarity, |lowest| lowest.min(similarity)));
    }
    Ok(lowest)
}

/// What could be better, plainly.
fn advise(quality: &Quality, seconds: f32, advice: &mut Vec<String>) {
    if seconds < ENOUGH_S {
        advice.push(format!(
            "short: {seconds:.1} s of sound; with 5 to 15 seconds the clone is nearer to the voice"
        ));
    }
    if seconds > PLENTY_S {
        advice.push(format!(
            "long: {seconds:.0} s of sound; 5 to 15 seconds give the same voice and cost every line less"
        ));
    }
    if quality.clipped_samples > 0 {
        advice.push(format!(
            "clipped: {} samples are cut off at full scale, which the clone repeats; record it quieter",
            quality.clipped_samples
        ));
    }
    if let (Some(noise), Some(ratio)) = (quality.noise_dbfs, quality.signal_to_noise_db)
        && ratio < 25.0
    {
        advice.push(format!(
            "noisy: speech is only {ratio:.0} dB above the background ({noise:.0} dBFS); record nearer to \
             the microphone or in a quieter room"
        ));
    }
    if let Some(decay) = quality.decay_ms.filter(|decay| *decay > 250) {
        advice.push(format!(
            "the room is heard: words take {decay} ms to fade by 20 dB; record among curtains or clothes"
        ));
    }
    if let Some(similarity) = quality.speaker_similarity.filter(|found| *found < ONE_SPEAKER) {
        advice.push(format!(
            "more than one person seems to speak (similarity {similarity:.2}): cut out one of them"
        ));
    }
}
