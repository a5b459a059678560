//! One look at the queue: all that a view is drawn from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::bail;
use queue::{Queue, WorkerCard};
use schemas::{Counts, LineRecord, LineState, Progress, Standing, SubmissionId, Tag};

use crate::pace;

/// What the queue told at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// This machine's clock: Unix milliseconds.
    pub(super) now_ms: u64,
    /// The submissions that are watched, the one submitted last first.
    pub(super) all: Vec<Progress>,
    /// The workers heard of within the last hour, by name.
    pub(super) cards: Vec<WorkerCard>,
    /// The lines of the submission that is shown in detail, in script order.
    pub(super) lines: Arc<Vec<LineRecord>>,
    /// The tag that this submission asks workers for.
    pub(super) tag: Option<Tag>,
    /// Of which submission these are, and when something last happened to it.
    pub(super) of: Option<(SubmissionId, u64)>,
}

impl Look {
    /// Asks the queue. The lines of submission number `chosen` are read again only when something
    /// happened to one of them since `before`.
    ///
    /// # Errors
    /// When the queue cannot be reached, or has forgotten the only submission that is watched.
    pub(super) async fn take(
        queue: &dyn Queue,
        only: Option<&SubmissionId>,
        chosen: usize,
        before: Look,
    ) -> anyhow::Result<Self> {
        let all = match only {
            Some(id) => match queue.progress(id).await? {
                Some(progress) => vec![progress],
                None => bail!("submission {id} is gone: somebody forgot it"),
            },
            None => queue.submissions(None).await?,
        };
        let of = all.get(chosen).map(|shown| (shown.submission.clone(), shown.changed_at_ms));
        let (lines, tag) = match &of {
            None => (Arc::default(), None),
            Some(_) if of == before.of => (before.lines, before.tag),
            Some((id, _)) => {
                let submission = queue.submission(id).await?;
                let tag = submission.and_then(|submission| submission.tag);
                (Arc::new(queue.lines(id).await?), tag)
            }
        };
        Ok(Self { now_ms: pace::now_ms(), all, cards: queue.workers().await?, lines, tag, of })
    }

    /// How many lines in all are open.
    pub(super) fn open(&self) -> u64 {
        self.all.iter().map(|progress| progress.lines.open()).sum()
    }

    /// Lines that a worker has of the submission shown in detail.
    pub(super) fn held_by(&self, card: &WorkerCard) -> impl Iterator<Item = &LineRecord> {
        let worker = card.worker.clone();
        self.lines.iter().filter(move |record| {
            record.state == LineState::Leased && record.worker.as_ref() == Some(&worker)
        })
    }

    /// Failed lines of the submission shown in detail, the one that failed last first.
    pub(super) fn failures(&self) -> Vec<&LineRecord> {
        let is_failed = |record: &&LineRecord| record.state == LineState::Failed;
        let mut failed: Vec<_> = self.lines.iter().filter(is_failed).collect();
        failed.sort_by_key(|record| std::cmp::Reverse(record.changed_at_ms));
        failed
    }

    /// Lines by character, the one with the most open lines first.
    pub(super) fn characters(&self) -> Vec<(&str, Counts)> {
        let mut sums: BTreeMap<&str, Counts> = BTreeMap::new();
        for record in self.lines.iter() {
            let standing = Standing::of(record.stage, record.state);
            *sums.entry(&record.job.character).or_default().of_mut(standing) += 1;
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(name, counts)| (std::cmp::Reverse(counts.open()), *name));
        sums
    }

    /// Voices with open lines, voices in all, and groups with open lines.
    pub(super) fn voices_left(&self) -> (usize, usize, usize) {
        let distinct = |is_counted: fn(&LineRecord) -> bool| {
            let counted = self.lines.iter().filter(|record| is_counted(record));
            counted.map(LineRecord::voice).collect::<BTreeSet<_>>().len()
        };
        let is_open = |record: &LineRecord| !record.state.is_final();
        let open = self.lines.iter().filter(|record| is_open(record));
        let groups: BTreeSet<_> =
            open.map(|record| (record.voice(), &record.job.language)).collect();
        (distinct(|record| !record.state.is_final()), distinct(|_| true), groups.len())
    }
}
