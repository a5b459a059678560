//! What became of every line, against what should have.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use scheduler::finish::finish;
use schemas::{
    LineOutcome, LineRecord, LineState, delivery_object, hex, master_object, take_object,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use store::Store;

use super::episodes::Episodes;
use super::fault::Faults;
use super::history::History;
use super::{Farm, Trial};

/// Lines whose objects are read at once: the bucket's answers take longer than its work.
const LOOKS_AT_ONCE: usize = 16;

/// What a trial came to. Every count but the first two is 0 for a farm that keeps its promises.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verdict {
    /// Lines submitted.
    pub lines: u64,
    /// Lines that a manifest calls delivered and whose objects are in the bucket, whole.
    pub delivered: u64,
    /// Lines not delivered.
    pub lost: u64,
    /// Lines delivered more than once, or in more than one place of the manifests.
    pub doubled: u64,
    /// Lines that were neither done nor given up on when nothing happened any more, and lines still
    /// held by somebody.
    pub stuck: u64,
    /// Lines whose bytes are not those they have when rendered alone.
    pub other_bytes: u64,
    /// Lines whose attempts are not those that the events add up to.
    pub mischarged: u64,
    /// Events that were gone before they were read.
    pub missed_events: u64,
    /// Faults made.
    pub faults: u64,
    /// Of each kind.
    pub made: BTreeMap<&'static str, u64>,
    /// Kinds that this machine cannot make.
    pub left_out: Vec<&'static str>,
    /// What drew them.
    pub seed: u64,
}

impl Verdict {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let Self { lost, doubled, stuck, other_bytes, mischarged, missed_events, .. } = self;
        self.lines > 0
            && self.delivered == self.lines
            && [lost, doubled, stuck, other_bytes, mischarged, missed_events]
                .iter()
                .all(|n| **n == 0)
    }
}

/// Looks at every line in the queue, the manifests, the events and the bucket.
///
/// # Errors
/// When one of them cannot be read.
pub(super) async fn audit(
    trial: &Trial,
    farm: &Farm,
    history: &History,
    faults: &Faults,
    alone: &[LineRecord],
) -> anyhow::Result<Verdict> {
    let lines = farm.episodes.lines().await.context("the lines cannot be read")?;
    let store = farm.bucket.store().await?;
    let all = manifests(&farm.episodes, &store).await?;
    let mut verdict = Verdict {
        lines: trial.lines as u64,
        faults: faults.made(),
        made: faults.by_name(),
        left_out: faults.left_out(),
        seed: trial.seed,
        missed_events: history.missed(),
        stuck: all.held,
        ..Verdict::default()
    };
    verdict.doubled += (lines.len() as u64).saturating_sub(verdict.lines);
    let mut alone: HashMap<_, _> =
        alone.iter().map(|line| (line.job.synth_key.clone(), line)).collect();
    let mut once = Vec::new();
    for line in &lines {
        let delivered = all.delivered.get(&line.job.synth_key).copied().unwrap_or(0);
        verdict.doubled += u64::from(delivered > 1);
        verdict.stuck += u64::from(!line.state.is_final());
        once.extend((delivered == 1).then_some(line));
        let undisturbed = alone.remove(&line.job.synth_key);
        verdict.other_bytes += u64::from(!undisturbed.is_some_and(|other| is_same(line, other)));
    }
    let looks = once.into_iter().map(|line| is_whole(line, &store));
    let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
    while let Some(is_whole) = looks.try_next().await? {
        verdict.delivered += u64::from(is_whole);
    }
    for (submission, line, record) in &all.lines {
        let told = history.story(submission, line);
        verdict.doubled += u64::from(told.mastered > 1 || told.spoken > 1);
        verdict.mischarged += u64::from(told.charged != record.attempts);
    }
    verdict.lost = verdict.lines.saturating_sub(verdict.delivered);
    Ok(verdict)
}

/// What queue and manifests say.
struct Told {
    /// How often each take is delivered.
    delivered: HashMap<schemas::SynthKey, u64>,
    /// Every line of every submission.
    lines: Vec<(schemas::SubmissionId, schemas::LineId, LineRecord)>,
    /// Lines that somebody holds.
    held: u64,
}

async fn manifests(episodes: &Episodes, store: &Store) -> anyhow::Result<Told> {
    let address = episodes.queue().to_owned();
    let queue = tokio::task::spawn_blocking(move || queue::open(&address)).await??;
    let (mut delivered, mut lines) = (HashMap::new(), Vec::new());
    for progress in queue.submissions(None).await? {
        let id = progress.submission;
        for line in finish(&*queue, store, &id).await?.lines {
            if let LineOutcome::Delivered { take, .. } = line.outcome {
                *delivered.entry(take.synth_key).or_default() += 1;
            }
        }
        let records = queue.lines(&id).await?;
        lines.extend(records.into_iter().map(|line| (id.clone(), line.job.id.clone(), line)));
    }
    let held = queue.workers().await?.iter().map(|card| card.lines_held).sum();
    Ok(Told { delivered, lines, held })
}

/// Whether all objects of a line are in the bucket as its facts say.
async fn is_whole(line: &LineRecord, store: &Store) -> anyhow::Result<bool> {
    let (Some(take), Some(facts)) = (&line.take, &line.delivery) else { return Ok(false) };
    let delivery = store.get(&delivery_object(&facts.master_key)).await?;
    let take_bytes = store.size(&take_object(&take.synth_key)).await?;
    let master_bytes = store.size(&master_object(&facts.master_key)).await?;
    Ok(line.state == LineState::Done
        && hex(&Sha256::digest(&delivery)) == facts.delivery_sha256
        && take_bytes == Some(take.bytes)
        && master_bytes == Some(facts.master_bytes))
}

/// Whether both became the same bytes under the same names.
fn is_same(one: &LineRecord, other: &LineRecord) -> bool {
    let facts = |line: &LineRecord| {
        let facts = line.delivery.as_ref()?;
        Some((facts.master_key.clone(), facts.delivery_sha256.clone(), facts.samples))
    };
    facts(one).is_some() && facts(one) == facts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Verdict {
        Verdict { lines: 9, delivered: 9, ..Verdict::default() }
    }

    #[test]
    fn any_broken_promise_is_a_bad_end() {
        assert!(good().is_good());
        for bad in [
            Verdict::default(),
            Verdict { delivered: 8, ..good() },
            Verdict { lost: 1, ..good() },
            Verdict { doubled: 1, ..good() },
            Verdict { stuck: 1, ..good() },
            Verdict { other_bytes: 1, ..good() },
            Verdict { mischarged: 1, ..good() },
            Verdict { missed_events: 1, ..good() },
        ] {
            assert!(!bad.is_good(), "{bad:?}");
        }
    }
}
