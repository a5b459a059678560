//! An episode once more, with what is decided now: nothing is spoken for it that was spoken before.

use std::collections::{BTreeMap, BTreeSet};

use queue::{Added, Queue, QueueError};
use schemas::{
    GroupKey, LineRecord, ManifestVoice, QueuedLine, Submission, SubmissionId, SynthKey, TakeFacts,
    Voice, VoiceKey,
};
use store::Store;

use super::{Choice, Decisions, KnownTake, LineBasis};
use crate::ledger::Ledger;
use crate::plan::{SubmissionSettings, submission_of};
use crate::submit::{SubmitError, existing_takes, read_ledger, whole_submission};

/// An episode that was submitted again.
#[derive(Debug)]
pub struct Again {
    /// Its newest submission; the one before where nothing changed.
    pub id: SubmissionId,
    /// What the queue did.
    pub added: Added,
    /// Lines that are still to be spoken.
    pub to_speak: u64,
}

/// What script and cast give for a line, and what a choice of a take of it rests on; `None` when that
/// is not remembered, because an older program submitted the episode.
#[must_use]
pub fn planned(
    record: &LineRecord,
    ledger: &Ledger,
    decisions: &Decisions,
) -> Option<(LineBasis, KnownTake)> {
    let remembered = ledger.remembered(&record.job.id)?;
    let (key, basis) = (remembered.synth_key, &remembered.made_of.basis);
    if record.job.synth_key == *key {
        return Some((basis.clone(), KnownTake::of_job(&record.job, basis)));
    }
    let known = decisions.line(&record.job.id)?.takes().iter().find(|take| take.key == *key)?;
    Some((basis.clone(), known.clone()))
}

/// Submits an episode again with the takes that are chosen now, made of one of its submissions.
///
/// A chosen take that was never rendered, or whose audio is gone, is spoken; all others are mastered only.
///
/// # Errors
/// [`SubmitError`]; repeating it is harmless.
pub async fn again(
    id: &SubmissionId,
    decisions: &Decisions,
    queue: &dyn Queue,
    store: &Store,
) -> Result<Again, SubmitError> {
    let submission =
        queue.submission(id).await?.ok_or_else(|| QueueError::NoSuchSubmission(id.to_string()))?;
    let records = queue.lines(id).await?;
    let ledger = read_ledger(&submission.episode, store).await?.unwrap_or_default();
    let chosen: BTreeSet<SynthKey> = decisions
        .lines()
        .flat_map(|(_, line)| line.takes().iter().map(|take| take.key.clone()))
        .collect();
    let jobs = records.iter().map(|record| record.job.synth_key.clone());
    let stored = existing_takes(jobs.chain(chosen).collect(), store).await?;
    let rewrite = Rewrite {
        voices: submission.voices.iter().map(|voice| (voice.key(), voice)).collect(),
        ledger: &ledger,
        decisions,
        stored: &stored,
    };
    let lines: Vec<QueuedLine> = records.iter().map(|record| rewrite.line(record)).collect();
    let voices = rewrite.heard(&lines);
    let to_speak = lines.iter().filter(|line| line.take.is_none()).count() as u64;
    let build = |restart| {
        let settings = settings(&submission, restart);
        submission_of(&submission.title, voices.clone(), lines.clone(), &settings)
    };
    let (mut new, _) = whole_submission(build, queue, store).await?;
    new.submission.trace.clone_from(&submission.trace);
    let id = new.submission.id.clone();
    // The same once more would set failed lines going again.
    let is_same = new.submission.id == submission.id;
    let added = if is_same { Added::default() } else { queue.submit(new).await? };
    Ok(Again { id, added, to_speak })
}

fn settings(submission: &Submission, restart: u32) -> SubmissionSettings {
    SubmissionSettings {
        episode: submission.episode.clone(),
        priority: submission.priority,
        max_attempts: submission.max_attempts,
        shares: submission.shares,
        tag: submission.tag.clone(),
        mastering: submission.mastering.clone(),
        // Lines bring theirs along.
        takes: BTreeMap::new(),
        restart,
    }
}

/// Lines of a submission on their way into the next.
struct Rewrite<'a> {
    voices: BTreeMap<VoiceKey, &'a Voice>,
    ledger: &'a Ledger,
    decisions: &'a Decisions,
    stored: &'a BTreeMap<SynthKey, TakeFacts>,
}

impl Rewrite<'_> {
    fn voice(&self, key: &VoiceKey) -> Option<&Voice> {
        self.voices.get(key).copied().or_else(|| self.decisions.voice(key))
    }

    fn line(&self, record: &LineRecord) -> QueuedLine {
        let mut job = record.job.clone();
        let mut group = self.voice(&job.voice).map(|voice| GroupKey::new(voice, &job.language));
        if let Some((basis, usual)) = planned(record, self.ledger, self.decisions) {
            // The usual one first, because the choice of before may be undone.
            job.engine.clone_from(&usual.engine);
            let chosen = match self.decisions.choice(&job.id, &basis) {
                Choice::Stands(take) if self.is_usable(take, &usual) => Some(take),
                Choice::Stands(_) | Choice::Usual | Choice::Lapsed(..) => None,
            };
            for take in [Some(&usual), chosen].into_iter().flatten() {
                if let Some(voice) = self.voice(&take.voice) {
                    group = Some(take.put_into(&mut job, voice));
                }
            }
        }
        let take = self.stored.get(&job.synth_key).cloned();
        let group = group.expect("a submission has the voices of its lines");
        QueuedLine { order: record.order, group, job, take }
    }

    fn is_usable(&self, take: &KnownTake, usual: &KnownTake) -> bool {
        let can_be_spoken = !take.is_recorded() && take.engine == usual.engine;
        can_be_spoken || self.stored.contains_key(&take.key)
    }

    /// The voices that lines are heard in, by key.
    fn heard(&self, lines: &[QueuedLine]) -> Vec<ManifestVoice> {
        let keys: BTreeSet<_> = lines.iter().map(|line| &line.job.voice).collect();
        let keyed = |key: &VoiceKey| {
            let voice = self.voice(key)?.clone();
            Some(ManifestVoice { key: key.clone(), voice })
        };
        keys.into_iter().filter_map(keyed).collect()
    }
}
