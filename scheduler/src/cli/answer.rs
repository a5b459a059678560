//! What an operator asks of an episode, answered in sentences: is it done, when, what holds it up.

use std::collections::{BTreeMap, BTreeSet};

use queue::WorkerCard;
use schemas::{LineRecord, LineState, Progress, Stage, SubmissionState, Tag};

use super::moment::{clock, moment};
use super::output::{counted, duration};
use crate::pace::{self, is_alive};

/// Said when lines are open and no worker was heard of lately.
pub(super) const NOBODY: &str =
    "No worker is there to render what is open; start one: tableread-worker run";

/// Says where an episode stands and when it will be done.
pub(super) fn standing(progress: &Progress, cards: &[WorkerCard], now_ms: u64) -> String {
    let Progress { lines, episode, .. } = progress;
    let ended = || {
        let took = progress.changed_at_ms.saturating_sub(progress.submitted_at_ms);
        let is_long_ago = now_ms.saturating_sub(progress.changed_at_ms) > 20 * 3_600_000;
        let at_ms = progress.changed_at_ms;
        let when = if is_long_ago { moment(at_ms) } else { clock(at_ms) };
        format!("{when} UTC, {} after it was submitted", duration(took))
    };
    match progress.state {
        SubmissionState::Done => format!("{episode} is done since {}.", ended()),
        SubmissionState::Failed => format!(
            "{episode} is over with {} since {}.",
            counted(lines.failed, "failed line"),
            ended()
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
pub(super) fn hold_ups(
    records: &[LineRecord],
    tag: Option<&Tag>,
    cards: &[WorkerCard],
    now_ms: u64,
) -> Vec<String> {
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
    let engines: BTreeSet<_> = reports
        .filter(|report| tag.is_none_or(|tag| report.tags.contains(tag)))
        .flat_map(|report| &report.engines)
        .map(|engine| engine.engine.as_str())
        .collect();
    let mut missing: BTreeMap<&str, u64> = BTreeMap::new();
    for record in open.iter().filter(|record| record.stage == Stage::Speak) {
        if !engines.contains(record.job.engine.as_str()) {
            *missing.entry(&record.job.engine).or_default() += 1;
        }
    }
    let tagged = tag.map(|tag| format!(" and the tag `{tag}`")).unwrap_or_default();
    let missing = missing.into_iter().map(|(engine, lines)| {
        format!(
            "No worker that is there has the engine `{engine}`{tagged}, which {} to be spoken with: start \
             one that has, or queue the episode for another with --engine",
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

#[cfg(test)]
mod tests {
    use schemas::{Counts, EpisodeId, SubmissionId, WorkerId};

    use super::*;

    const NOW_MS: u64 = 1_795_277_110_000;

    fn progress(state: SubmissionState, lines: Counts) -> Progress {
        let episode = EpisodeId::parse("ferry").unwrap();
        Progress {
            submission: SubmissionId::new(&episode, "0123456789abcdef"),
            title: "Ferry".to_owned(),
            episode,
            state,
            priority: 5,
            estimated_ms: 600_000,
            estimated_open_ms: if lines.open() > 0 { 300_000 } else { 0 },
            lines,
            audio_ms: 0,
            synth_ms: 0,
            submitted_at_ms: NOW_MS - 90_000,
            changed_at_ms: NOW_MS - 30_000,
        }
    }

    fn record(state: LineState, engine: &str) -> LineRecord {
        serde_json::from_value(serde_json::json!({
            "order": 0, "stage": "speak", "state": state, "attempts": 0, "worker": null,
            "take": null, "delivery": null, "failure": null, "changed_at_ms": 0,
            "job": {
                "id": "sc001-l0001", "scene": "INT. FERRY", "character": "NORA", "text": "Who?",
                "pauses": [], "language": "en", "voice": "b".repeat(64), "seed": 1,
                "engine": engine, "synth_key": "a".repeat(64), "gain_db": 0.0, "estimated_ms": 400
            }
        }))
        .unwrap()
    }

    fn card(detail: Option<&str>, seen_at_ms: u64) -> WorkerCard {
        let report = serde_json::json!({
            "worker": "mini-1", "instance": "01", "version": "0.1.0", "host": "mini-1",
            "hardware": "M4", "device": "cpu", "state": "idle", "detail": detail, "voices_warm": 1,
            "last_line": null, "spoken": 1, "mastered": 1, "failed": 0, "started_at_ms": 0,
            "engines": [{
                "engine": "scratch/1", "model": "scratch", "is_loaded": true, "slots": 8,
                "slots_busy": 8, "resident_bytes": null, "times_real_time": 5.0
            }]
        });
        WorkerCard {
            worker: WorkerId::parse("mini-1").unwrap(),
            seen_at_ms,
            lines_held: 0,
            report: Some(serde_json::from_value(report).unwrap()),
            is_ordered_to_drain: false,
        }
    }

    #[test]
    fn an_episode_says_when_it_is_or_was_done() {
        let open = Counts { waiting: 2, done: 2, ..Counts::default() };
        let told = |state, lines| standing(&progress(state, lines), &[], NOW_MS);
        let active = told(SubmissionState::Active, open);
        assert_eq!(active, "ferry has 2 lines open: about 1:00 left, done around 16:06:10 UTC.");
        let done = told(SubmissionState::Done, Counts { done: 4, ..Counts::default() });
        assert_eq!(done, "ferry is done since 16:04:40 UTC, 1:00 after it was submitted.");
        let failed = told(SubmissionState::Failed, Counts { failed: 1, ..Counts::default() });
        assert!(failed.starts_with("ferry is over with 1 failed line since 16:04:40"), "{failed}");
        let later = standing(
            &progress(SubmissionState::Done, Counts { done: 4, ..Counts::default() }),
            &[],
            NOW_MS + 86_400_000,
        );
        assert!(later.contains("since 2026-11-21 16:04:40 UTC"), "{later}");
        assert!(told(SubmissionState::Paused, open).ends_with("tableread resume ferry"));
    }

    #[test]
    fn what_holds_lines_up_is_named() {
        let waiting =
            [record(LineState::Waiting, "scratch/1"), record(LineState::Waiting, "qwen/7")];
        assert_eq!(hold_ups(&waiting, None, &[], NOW_MS), [NOBODY]);
        assert_eq!(hold_ups(&waiting, None, &[card(None, 0)], NOW_MS), [NOBODY], "it is silent");
        let told = hold_ups(&waiting, None, &[card(Some("the store is away"), NOW_MS)], NOW_MS);
        assert!(told[0].contains("has the engine `qwen/7`, which 1 line is"), "{told:?}");
        assert_eq!(told[1], "mini-1: the store is away");
        let tag = Tag::parse("studio-b").unwrap();
        let told = hold_ups(&waiting[..1], Some(&tag), &[card(None, NOW_MS)], NOW_MS);
        assert!(told[0].contains("`scratch/1` and the tag `studio-b`, which 1 line"), "{told:?}");
        let in_hand = [record(LineState::Leased, "qwen/7"), record(LineState::Done, "qwen/7")];
        assert_eq!(hold_ups(&in_hand, None, &[], NOW_MS), [""; 0]);
    }
}
