//! Finding what nothing refers to any more, and taking it out of the store.
//!
//! Objects are named by content, so nothing says of itself whose it is. An object is referred to by the
//! lines of every submission that the queue knows, by every manifest that is stored, by every locked
//! voice, and by what people decided about takes. What none of these names, and what has lain untouched
//! for long, is left over from scripts that were changed, settings that were tried, and submissions that
//! were forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use queue::{Queue, QueueError};
use schemas::{
    LineOutcome, LineRecord, Manifest, MasterKey, RecordingKey, SubmissionId, SynthKey, Voice,
    VoiceSource, delivery_object, master_object, prompt_object, recording_object,
    take_facts_object, take_object,
};
use serde::Serialize;
use store::{Entry, Store, StoreError};
use voices::Library;

use crate::takes::{self, TakesError};
use crate::voices::{DraftError, drafted_recordings, prompts_of};

/// What may be taken away when nothing refers to it. Nothing else in a store is ever touched: manifests,
/// ledgers and whatever else somebody put there.
pub const KINDS: [&str; 8] = [
    "deliveries",
    "masters",
    "probes",
    "prompts",
    "recordings",
    "takes",
    "voices/locks",
    "voices/prompts",
];

/// Objects deleted between two looks at the queue.
const AT_ONCE: usize = 100;

/// Why nothing, or nothing more, was taken away.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Without the queue it cannot be known what is still needed.
    #[error("the queue cannot be read, so nothing is deleted")]
    Queue(#[from] QueueError),
    /// The store cannot be read or written.
    #[error("the store cannot be swept")]
    Store(#[from] StoreError),
    /// It cannot be known which recordings voices in the making need.
    #[error("the drafts of voices cannot be read, so nothing is deleted")]
    Drafts(#[from] DraftError),
    /// What was decided about takes cannot be read, and it cannot be known which are needed.
    #[error("nothing is deleted")]
    Takes(#[from] TakesError),
    /// The voice library cannot be read, and it cannot be known what its voices are made of.
    #[error("the voices in the store cannot be read, so nothing is deleted")]
    Voices(#[from] voices::VoiceError),
    /// A manifest is not one, and it cannot be known what it refers to.
    #[error("`{key}` in the store is no manifest this program can read, so nothing is deleted")]
    Manifest {
        /// Which object.
        key: String,
        /// What the reader said.
        #[source]
        source: serde_json::Error,
    },
}

/// Objects of one kind, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// How many.
    pub objects: u64,
    /// How long all of them are together.
    pub bytes: u64,
    /// How long the oldest lies there untouched, in seconds.
    pub oldest_seconds: u64,
    /// And the youngest.
    pub youngest_seconds: u64,
}

/// What nothing refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Ordered by key, so that what says that something is there goes before it does.
    pub unreferenced: Vec<Entry>,
    /// Submissions that the queue knew.
    pub submissions: BTreeSet<SubmissionId>,
    /// Manifests that the store had.
    pub manifests: u64,
}

/// What [`delete`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Objects taken away.
    pub objects: u64,
    /// How long they were together.
    pub bytes: u64,
    /// Objects that were left: by then something referred to them, they were written anew, or gone.
    pub spared: u64,
}

impl Findings {
    /// The findings by kind: every one of [`KINDS`] of which there is something. Ages are counted up to
    /// `now`.
    #[must_use]
    pub fn by_kind(&self, now: SystemTime) -> BTreeMap<&'static str, Sum> {
        let mut sums: BTreeMap<_, Sum> = BTreeMap::new();
        for entry in &self.unreferenced {
            let Some(kind) = kind_of(&entry.key) else { continue };
            let age = now.duration_since(entry.changed_at).unwrap_or_default().as_secs();
            let sum = sums.entry(kind).or_insert(Sum { youngest_seconds: age, ..Sum::default() });
            sum.objects += 1;
            sum.bytes += entry.bytes;
            sum.oldest_seconds = sum.oldest_seconds.max(age);
            sum.youngest_seconds = sum.youngest_seconds.min(age);
        }
        sums
    }
}

/// Finds what nothing refers to and what nobody wrote for `older_than` before `now`. Changes nothing.
///
/// # Errors
/// When queue or store cannot be read, or a manifest.
pub async fn look(
    queue: &dyn Queue,
    store: &Store,
    older_than: Duration,
    now: SystemTime,
) -> Result<Findings, SweepError> {
    let mut old = BTreeMap::new();
    for kind in KINDS {
        let prefix = format!("{kind}/");
        let mut entries = std::pin::pin!(store.entries(&prefix));
        while let Some(entry) = entries.try_next().await? {
            if now.duration_since(entry.changed_at).is_ok_and(|age| age >= older_than) {
                old.insert(entry.key.clone(), entry);
            }
        }
    }
    for object in drafted_recordings(store).await? {
        old.remove(&object);
    }
    // References are read after the listing: what began to be needed meanwhile is among them.
    let (referenced, manifests) = of_manifests(store).await?;
    let mut submissions = BTreeSet::new();
    let of_voices = Library::new(store.clone()).referenced().await?;
    let of_submissions = of_new_submissions(queue, &mut submissions).await?;
    for key in of_submissions.iter().chain(&referenced).chain(&of_voices) {
        old.remove(key);
    }
    Ok(Findings { unreferenced: old.into_values().collect(), submissions, manifests })
}

/// Takes away what was found, looking again before each hundred at what was submitted since, and at
/// every object whether it was written anew.
///
/// A submission that refers to an object in the very moment in which that is deleted loses it: its line
/// is spoken again, or fails and says that its take is gone. Hence the age.
///
/// # Errors
/// When queue or store fail; what was taken away by then is gone.
pub async fn delete(
    queue: &dyn Queue,
    store: &Store,
    findings: &Findings,
) -> Result<Deleted, SweepError> {
    let mut deleted = Deleted::default();
    let mut known = findings.submissions.clone();
    let mut referenced = Library::new(store.clone()).referenced().await?;
    for entries in findings.unreferenced.chunks(AT_ONCE) {
        referenced.extend(of_new_submissions(queue, &mut known).await?);
        for entry in entries {
            let is_needed = referenced.contains(&entry.key);
            if is_needed || store.entry(&entry.key).await?.as_ref() != Some(entry) {
                deleted.spared += 1;
                continue;
            }
            store.delete(&entry.key).await?;
            deleted.objects += 1;
            deleted.bytes += entry.bytes;
        }
    }
    Ok(deleted)
}

/// The kind of an object, if it is one that may be taken away.
fn kind_of(key: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| key.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/')))
}

/// What submissions refer to that are not in `known`, and puts them there.
async fn of_new_submissions(
    queue: &dyn Queue,
    known: &mut BTreeSet<SubmissionId>,
) -> Result<BTreeSet<String>, SweepError> {
    let mut keys = BTreeSet::new();
    for progress in queue.submissions(None).await? {
        let id = progress.submission;
        if !known.insert(id.clone()) {
            continue;
        }
        match (queue.submission(&id).await?, queue.lines(&id).await) {
            (Some(submission), Ok(lines)) => {
                keys.extend(submission.voices.iter().filter_map(of_voice));
                let jobs = lines.iter().map(|line| &line.job);
                keys.extend(prompts_of(&submission.voices, jobs).keys().map(prompt_object));
                for line in &lines {
                    of_line(line, &mut keys);
                }
            }
            // Forgotten since it was listed.
            (None, _) | (_, Err(QueueError::NoSuchSubmission(_))) => {}
            (Some(_), Err(error)) => return Err(error.into()),
        }
    }
    Ok(keys)
}

fn of_line(line: &LineRecord, keys: &mut BTreeSet<String>) {
    of_take(&line.job.synth_key, keys);
    if let Some(take) = &line.take {
        of_take(&take.synth_key, keys);
    }
    if let Some(delivery) = &line.delivery {
        of_master(&delivery.master_key, keys);
    }
}

fn of_take(key: &SynthKey, keys: &mut BTreeSet<String>) {
    keys.extend([take_object(key), take_facts_object(key)]);
}

fn of_master(key: &MasterKey, keys: &mut BTreeSet<String>) {
    keys.extend([master_object(key), delivery_object(key)]);
}

/// The recording that a voice is cloned from.
fn of_voice(voice: &Voice) -> Option<String> {
    match &voice.source {
        VoiceSource::Clone { reference } => {
            let key = RecordingKey::parse(reference.audio_sha256.clone()).ok()?;
            Some(recording_object(&key))
        }
        VoiceSource::Scratch { .. }
        | VoiceSource::Preset { .. }
        | VoiceSource::Design { .. }
        | VoiceSource::Recorded { .. } => None,
    }
}

/// What the stored manifests refer to, and how many there are.
async fn of_manifests(store: &Store) -> Result<(BTreeSet<String>, u64), SweepError> {
    let mut keys = BTreeSet::new();
    let mut manifests = 0;
    let mut entries = std::pin::pin!(store.entries("episodes/"));
    while let Some(entry) = entries.try_next().await? {
        let is_step = takes::is_step(&entry.key);
        if !is_step && !entry.key.ends_with("/manifest.json") {
            continue;
        }
        let json = match store.get(&entry.key).await {
            Ok(json) => json,
            Err(StoreError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        if is_step {
            let step = takes::read_step(&entry.key, &json)?;
            for take in step.lines.iter().flat_map(|line| &line.takes) {
                of_take(&take.key, &mut keys);
            }
            continue;
        }
        let manifest: Manifest = serde_json::from_slice(&json)
            .map_err(|source| SweepError::Manifest { key: entry.key, source })?;
        manifests += 1;
        keys.extend(manifest.voices.iter().filter_map(|voice| of_voice(&voice.voice)));
        for line in &manifest.lines {
            if let LineOutcome::Delivered { take, delivery, .. } = &line.outcome {
                of_take(&take.synth_key, &mut keys);
                of_master(&delivery.master_key, &mut keys);
            }
        }
    }
    Ok((keys, manifests))
}
