//! What an operator asks of an episode, answered in sentences: is it done, when, what holds it up.

use std::collections::{BTreeMap, BTreeSet};

use queue::WorkerCard;
use schemas::{LineRecord, LineState, Progress, Stage, SubmissionState};

use super::moment::clock;
use super::output::{counted, duration};
use crate::pace::{self, is_alive};

/// Said when lines are open and no worker was heard of lately.
pub(super) const NOBODY: &str =
    "No worker is there to render what is open; start one: tableread-worker run";

/// Says where an episode stands and when it will be done.
pub(super) fn standing(progress: &Progress, cards: &[WorkerCard], now_ms: u64) -> String {
    let Progress { lines, episode, .. } = progress;
    let finished = || {
        let took = progress.changed_at_ms.saturating_sub(progress.submitted_at_ms);
        format!(
            "at {} UTC, {} after it was submitted",
            clock(progress.changed_at_ms),
            duration(took)
        )
    };
    match progress.state {
        SubmissionState::Done => format!("{episode} is done since {}.", finished()),
        SubmissionState::Failed => format!(
            "{episode} is over with {}; the last ended {}.",
            counted(lines.failed, "failed line"),
            finished()
        ),
        SubmissionState::Cancelled => format!("{episode} is cancelled."),
        SubmissionState::Paused => format!(
            "{episode} is paused with {} open; go on with: tableread resume {episode}",
            counted(lines.open(), "line")
        ),
        SubmissionState::Active => {
            let open = counted(lines.open(), "line");
            match pace::left_ms(progress, pace::speed(cards, now_ms)) {
                Some(0) => format!("{episode} has {open} open, all spoken and to be mastered."),
                Some(left_ms) => format!(
                    "{episode} has {open} open: about {} left, done around {} UTC.",
                    duration(left_ms),
                    clock(now_ms + left_ms)
                ),
                None => format!("{episode} has {open} open; nothing is known of its pace yet."),
            }
        }
    }
}

/// Names what keeps lines from being rendered, a sentence each.
pub(super) fn hold_ups(records: &[LineRecord], cards: &[WorkerCard], now_ms: u64) -> Vec<String> {
    let is_able = |card: &&WorkerCard| is_alive(card, now_ms) && !card.is_ordered_to_drain;
    let able: Vec<_> = cards.iter().filter(is_able).collect();
    let is_open =
        |record: &&LineRecord| !record.state.is_final() && record.state != LineState::Leased;
    let open: Vec<_> = records.iter().filter(is_open).collect();
    if open.is_empty() {
        return Vec::new();
    }
    if able.is_empty() {
        return vec![NOBODY.to_owned()];
    }
    let reports = able.iter().filter_map(|card| card.report.as_ref());
    let engines: BTreeSet<_> =
        reports.flat_map(|report| &report.engines).map(|engine| engine.engine.as_str()).collect();
    let mut missing: BTreeMap<&str, u64> = BTreeMap::new();
    for record in open.iter().filter(|record| record.stage == Stage::Speak) {
        if !engines.contains(record.job.engine.as_str()) {
            *missing.entry(&record.job.engine).or_default() += 1;
        }
    }
    let missing = missing.into_iter().map(|(engine, lines)| {
        format!(
            "No worker that is there has the engine `{engine}`, which {} to be spoken with: start one \
             that has, or queue the episode for another with --engine",
            if lines == 1 { "1 line is".to_owned() } else { format!("{lines} lines are") }
        )
    });
    let paused = able.iter().filter_map(|card| {
        let detail = card.report.as_ref()?.detail.as_ref()?;
        Some(format!("{}: {detail}", card.worker))
    });
    missing.chain(paused).collect()
}

/// Names workers that are much slower than others with the same engine, a sentence each.
pub(super) fn slow_ones(cards: &[WorkerCard], now_ms: u64) -> Vec<String> {
    pace::slow(cards, now_ms)
        .into_iter()
        .map(|slow| {
            format!(
                "{} is slow: {:.1} × real time with `{}`, where others make {:.1}; look at it, or: \
                 tableread drain {}",
                slow.worker, slow.times_real_time, slow.engine, slow.usual, slow.worker
            )
        })
        .collect()
}
