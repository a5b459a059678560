//! Recordings that voices are cloned from, on their way to the workers.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemas::{LARGEST_RECORDING, RecordingKey, VoiceSource, recording_object};
use store::Store;

use super::{Prepared, SubmitError};

/// Files of recordings by their hash.
pub type Recordings = BTreeMap<RecordingKey, Bytes>;

/// Puts the recordings that lines of a plan still have to be spoken with into the store, unless they
/// are there.
///
/// # Errors
/// [`SubmitError::Recording`] when one is neither at hand nor in the store, or is too large.
pub(super) async fn store_recordings(
    prepared: &Prepared,
    at_hand: &Recordings,
    store: &Store,
) -> Result<(), SubmitError> {
    for (name, key) in needed(prepared) {
        let object = recording_object(&key);
        let there = store.size(&object).await?;
        match at_hand.get(&key) {
            Some(file) if file.len() as u64 > LARGEST_RECORDING => {
                let problem = format!(
                    "has {} bytes, more than the {LARGEST_RECORDING} that are taken; a few seconds of \
                     speech are enough",
                    file.len()
                );
                return Err(SubmitError::Recording { name, problem });
            }
            Some(file) if there == Some(file.len() as u64) => {}
            Some(file) => store.put(&object, file.clone()).await?,
            None if there.is_some() => {}
            None => {
                let problem = "is neither with the cast nor in the store; hand it in with the cast";
                return Err(SubmitError::Recording { name, problem: problem.to_owned() });
            }
        }
    }
    Ok(())
}

/// Recordings of voices that have a line without a take, each once, with a voice it is for.
fn needed(prepared: &Prepared) -> BTreeMap<String, RecordingKey> {
    let plan = &prepared.plan;
    let open = |voice: &schemas::VoiceKey| {
        let mut lines = plan.lines.iter().filter(|line| line.job.voice == *voice);
        lines.any(|line| !prepared.takes.contains_key(&line.job.synth_key))
    };
    let recordings = plan.voices.iter().filter(|keyed| open(&keyed.key)).filter_map(|keyed| {
        let VoiceSource::Clone { reference } = &keyed.voice.source else { return None };
        let key = RecordingKey::parse(reference.audio_sha256.clone()).ok()?;
        Some((format!("{} ({})", keyed.voice.name, reference.mood), key))
    });
    recordings.collect()
}
