//! Lines that a person recorded.

use audio::{AudioError, Pcm};
use schemas::{
    ChosenKind, SynthKey, TakeFacts, Voice, VoiceSource, WorkerId, take_facts_object, take_object,
};
use store::{Store, StoreError};

use super::{KnownTake, LineBasis, RECORDING_ENGINE};

/// Model name of voices that a person recorded.
const MODEL: &str = "recording";
/// Rates that masters have too: recordings of these are kept as they are.
const KEPT_HZ: [u32; 3] = [24_000, 44_100, 48_000];
/// What all other rates become.
const USUAL_HZ: u32 = 48_000;
/// Below this a recording sounds like a telephone.
const LEAST_HZ: u32 = 16_000;
/// How long one line may be, in milliseconds.
const LENGTH_MS: std::ops::RangeInclusive<u64> = 100..=300_000;
/// A recording whose loudest sample is below this is silence.
const SILENT_DBFS: f32 = -60.0;
/// Samples from here on count as clipped.
const CLIPPED: f32 = 0.999;

/// Why a recording cannot stand in for a line.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is no audio that is read here.
    #[error("{0}: save it as WAV of 16, 24 or 32 bits")]
    Audio(#[from] AudioError),
    /// Its rate is too low.
    #[error("it has {0} samples a second; record with {LEAST_HZ} or more")]
    Rate(u32),
    /// It is too short or too long for a line.
    #[error("it is {0} ms long; a line is 0.1 s to 5 minutes")]
    Length(u64),
    /// There is nothing to be heard in it.
    #[error("nothing is to be heard in it; check what was recorded")]
    Silent,
    /// It holds values that are no sound.
    #[error("it holds samples that are no numbers; save it anew")]
    NotNumbers,
}

/// A recording that can stand in for a line.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The take.
    pub take: KnownTake,
    /// The performer, as a voice.
    pub voice: Voice,
    /// What is known of it.
    pub facts: TakeFacts,
    /// What should be known of it before it is used, a sentence each.
    pub advice: Vec<String>,
    /// As it is stored.
    wav: Vec<u8>,
}

/// Who recorded a line, and by whose leave.
#[derive(Debug, Clone, Copy)]
pub struct Performer<'a> {
    /// As the production calls them.
    pub name: &'a str,
    /// Where their consent is recorded.
    pub consent: Option<&'a str>,
}

/// Reads and checks a recording of the line that is usually `usual`. Channels are averaged, and rates
/// that masters do not have become 48 kHz.
///
/// # Errors
/// [`RecordingError`].
///
/// # Panics
/// Never: the name of what stored it is an id.
pub fn read_recording(
    file: &[u8],
    usual: &KnownTake,
    basis: &LineBasis,
    performer: Performer<'_>,
) -> Result<Recorded, RecordingError> {
    let pcm = audio::read_wav(file)?;
    if pcm.rate_hz < LEAST_HZ {
        return Err(RecordingError::Rate(pcm.rate_hz));
    }
    let length_ms = pcm.samples.len() as u64 * 1_000 / u64::from(pcm.rate_hz);
    if !LENGTH_MS.contains(&length_ms) {
        return Err(RecordingError::Length(length_ms));
    }
    if !pcm.samples.iter().all(|sample| sample.is_finite()) {
        return Err(RecordingError::NotNumbers);
    }
    let advice = advice(&pcm, length_ms, usual.estimated_ms.into());
    let pcm = if KEPT_HZ.contains(&pcm.rate_hz) { pcm } else { audio::resample(&pcm, USUAL_HZ)? };
    let level = audio::measure(&pcm);
    if level.peak_dbfs <= SILENT_DBFS {
        return Err(RecordingError::Silent);
    }
    let wav = audio::write_wav_f32(&pcm);
    let key = SynthKey::of_recording(&wav);
    let source = VoiceSource::Recorded { performer: performer.name.to_owned() };
    let name = format!("{} (recorded)", performer.name);
    let voice = Voice { name, model: MODEL.to_owned(), source };
    let kind = ChosenKind::Recorded {
        performer: performer.name.to_owned(),
        consent: performer.consent.map(str::to_owned),
    };
    let take = KnownTake {
        key: key.clone(),
        basis: basis.clone(),
        voice: voice.key(),
        engine: RECORDING_ENGINE.to_owned(),
        seed: 0,
        estimated_ms: u32::try_from(length_ms).unwrap_or(u32::MAX),
        kind,
        ..usual.clone()
    };
    let facts = TakeFacts {
        synth_key: key,
        samples: pcm.samples.len() as u64,
        rate_hz: pcm.rate_hz,
        lufs: level.lufs,
        peak_dbfs: level.peak_dbfs,
        bytes: wav.len() as u64,
        engine: RECORDING_ENGINE.to_owned(),
        worker: WorkerId::parse("recording").expect("it is an id"),
        synth_ms: 0,
        likeness: None,
    };
    Ok(Recorded { take, voice, facts, advice, wav })
}

/// What is odd about a recording, but no reason to refuse it.
fn advice(pcm: &Pcm, length_ms: u64, expected_ms: u64) -> Vec<String> {
    let mut advice = Vec::new();
    let clipped = pcm.samples.iter().filter(|sample| sample.abs() >= CLIPPED).count();
    if clipped * 1_000 > pcm.samples.len() {
        advice.push("it is clipped: record it again at a lower level".to_owned());
    }
    if length_ms > expected_ms * 4 || length_ms * 4 < expected_ms {
        advice.push(format!(
            "it is {} s long where about {} s are expected: is it this line?",
            length_ms.div_ceil(1_000),
            expected_ms.div_ceil(1_000)
        ));
    }
    advice
}

/// Stores a recording: the samples, then what is known of them.
///
/// # Errors
/// When the store cannot be written.
///
/// # Panics
/// Never: plain facts always serialise.
pub async fn store_recording(recorded: &Recorded, store: &Store) -> Result<(), StoreError> {
    let key = &recorded.take.key;
    store.put(&take_object(key), recorded.wav.clone()).await?;
    let json = serde_json::to_vec(&recorded.facts).expect("plain facts always serialise");
    store.put(&take_facts_object(key), json).await
}
