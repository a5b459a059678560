//! What `/metrics` tells of the queue besides what this process counted.

use std::collections::BTreeMap;

use queue::{QueueError, WorkerCard};
use schemas::{Counts, Progress, QueueEvent, Stage, SubmissionState, WorkerState};
use telemetry::metrics::{
    EVENT_FOLLOWERS, QUEUE_AGE, QUEUE_DEAD_LETTERS, QUEUE_EXPIRIES, QUEUE_LINES, QUEUE_OPEN_AUDIO,
    QUEUE_RETRIES, QUEUE_STILL, QUEUE_SUBMISSIONS, WORKERS, WORKERS_LINES_HELD,
};
use tokio::sync::Mutex;
use tracing::debug;

use super::app::App;
use super::hub::PAGE;
use crate::pace::now_ms;

/// A worker that was not heard for so long is called silent: its leases have run out, or will.
const SILENT_MS: u64 = 60_000;

/// Looks at the queue now and then, so that what is exported is of now also when nobody scrapes. Ends
/// when it is dropped.
pub(super) async fn watch(app: &App) {
    loop {
        // Whoever asks for something tells that the queue is away; here it only makes numbers old.
        if let Err(error) = app.watch.look(app).await {
            debug!(%error, "the queue cannot be counted");
        }
        tokio::time::sleep(app.limits.manifest_poll).await;
    }
}

/// How far the queue's events were counted.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The number of the last event counted; `None` before the first look, which counts none: what
    /// happened before this server started is no news.
    counted: Mutex<Option<u64>>,
}

impl Watch {
    /// Brings all that is told of the queue up to date.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    pub(super) async fn look(&self, app: &App) -> Result<(), QueueError> {
        let now_ms = now_ms();
        note_queue(&app.queue.submissions(None).await?, now_ms);
        note_workers(&app.queue.workers().await?, now_ms);
        EVENT_FOLLOWERS.set(float(app.hub.followers() as u64), []);
        self.count_events(app).await
    }

    async fn count_events(&self, app: &App) -> Result<(), QueueError> {
        let mut counted = self.counted.lock().await;
        let mut last = match *counted {
            Some(last) => last,
            None => app.hub.newest().await,
        };
        loop {
            let events = app.queue.events(last, PAGE).await?;
            for event in &events {
                count_event(event);
                last = event.number;
            }
            *counted = Some(last);
            if events.len() < PAGE {
                return Ok(());
            }
        }
    }
}

fn count_event(event: &QueueEvent) {
    let stage = match event.stage {
        Some(Stage::Speak) => "speak",
        Some(Stage::Master) => "master",
        None => return,
    };
    match event.what.as_str() {
        "expired" => QUEUE_EXPIRIES.count([stage]),
        "retrying" => QUEUE_RETRIES.count([stage]),
        "failed" => QUEUE_DEAD_LETTERS.count([stage]),
        _ => {}
    }
}

/// Notes how much is in the queue, at `now_ms` by the queue's clock.
pub(super) fn note_queue(all: &[Progress], now_ms: u64) {
    let mut lines: BTreeMap<(u8, &str), u64> = BTreeMap::new();
    let mut ages: BTreeMap<(u8, &str), u64> = BTreeMap::new();
    let mut still: BTreeMap<u8, u64> = BTreeMap::new();
    let mut open_ms: BTreeMap<u8, u64> = BTreeMap::new();
    let mut submissions: BTreeMap<&str, u64> = BTreeMap::new();
    for progress in all {
        let priority = progress.priority;
        *open_ms.entry(priority).or_default() += progress.estimated_open_ms;
        *submissions.entry(state_word(progress.state)).or_default() += 1;
        let is_active = progress.state == SubmissionState::Active;
        for (state, is_open, count) in by_state(&progress.lines) {
            *lines.entry((priority, state)).or_default() += count;
            if is_active && is_open && count > 0 {
                raise(
                    &mut ages,
                    (priority, state),
                    now_ms.saturating_sub(progress.submitted_at_ms),
                );
            }
        }
        if is_active {
            raise(&mut still, priority, now_ms.saturating_sub(progress.changed_at_ms));
        }
    }
    let digits: [String; 10] = std::array::from_fn(|priority| priority.to_string());
    let word = |priority: u8| digits.get(usize::from(priority)).map_or("", String::as_str);
    QUEUE_LINES.replace(lines.into_iter().map(|((p, s), n)| ([word(p), s], float(n))));
    QUEUE_AGE.replace(ages.into_iter().map(|((p, s), ms)| ([word(p), s], seconds(ms))));
    QUEUE_STILL.replace(still.into_iter().map(|(p, ms)| ([word(p)], seconds(ms))));
    QUEUE_OPEN_AUDIO.replace(open_ms.into_iter().map(|(p, ms)| ([word(p)], seconds(ms))));
    QUEUE_SUBMISSIONS.replace(submissions.into_iter().map(|(state, n)| ([state], float(n))));
}

/// Notes what workers do and how many lines they hold, at `now_ms` by the queue's clock.
pub(super) fn note_workers(workers: &[WorkerCard], now_ms: u64) {
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for state in ["starting", "idle", "rendering", "draining", "paused", "silent"] {
        states.insert(state, 0);
    }
    for card in workers {
        let state = card.report.as_ref().map(|report| report.state);
        let word = match state {
            _ if now_ms.saturating_sub(card.seen_at_ms) > SILENT_MS => "silent",
            Some(WorkerState::Starting) => "starting",
            Some(WorkerState::Idle) => "idle",
            Some(WorkerState::Draining) => "draining",
            Some(WorkerState::Paused) => "paused",
            Some(WorkerState::Rendering) => "rendering",
            None if card.lines_held > 0 => "rendering",
            None => "idle",
        };
        *states.entry(word).or_default() += 1;
    }
    WORKERS.replace(states.into_iter().map(|(state, count)| ([state], float(count))));
    WORKERS_LINES_HELD.set(float(workers.iter().map(|card| card.lines_held).sum()), []);
}

fn raise<K: Ord>(all: &mut BTreeMap<K, u64>, key: K, value: u64) {
    let highest = all.entry(key).or_default();
    *highest = value.max(*highest);
}

#[expect(clippy::cast_precision_loss, reason = "no queue has 2^52 lines")]
fn float(number: u64) -> f64 {
    number as f64
}

fn seconds(ms: u64) -> f64 {
    float(ms) / 1e3
}

/// Counters by name, and whether something will still happen to their lines.
fn by_state(lines: &Counts) -> [(&'static str, bool, u64); 8] {
    [
        ("waiting", true, lines.waiting),
        ("speaking", true, lines.speaking),
        ("delayed", true, lines.delayed),
        ("spoken", true, lines.spoken),
        ("mastering", true, lines.mastering),
        ("done", false, lines.done),
        ("failed", false, lines.failed),
        ("cancelled", false, lines.cancelled),
    ]
}

fn state_word(state: SubmissionState) -> &'static str {
    match state {
        SubmissionState::Active => "active",
        SubmissionState::Paused => "paused",
        SubmissionState::Done => "done",
        SubmissionState::Failed => "failed",
        SubmissionState::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use schemas::{EpisodeId, SubmissionId};
    use telemetry::metrics::prometheus_text;

    use super::*;

    fn progress(state: SubmissionState, submitted_at_ms: u64) -> Progress {
        let episode = EpisodeId::parse("night-ferry").unwrap();
        Progress {
            submission: SubmissionId::new(&episode, "0123456789abcdef"),
            episode,
            title: "Night Ferry".to_owned(),
            state,
            priority: 7,
            lines: Counts { waiting: 3, done: 2, ..Counts::default() },
            estimated_ms: 9_000,
            estimated_open_ms: 4_500,
            audio_ms: 4_500,
            synth_ms: 900,
            submitted_at_ms,
            changed_at_ms: 70_000,
        }
    }

    #[test]
    fn the_queue_is_told_by_priority_and_state_and_a_pause_does_not_age() {
        let paused = progress(SubmissionState::Paused, 1_000);
        note_queue(&[progress(SubmissionState::Active, 40_000), paused], 100_000);
        let text = prometheus_text();
        for line in [
            "tableread_queue_lines{priority=\"7\",state=\"waiting\"} 6",
            "tableread_queue_lines{priority=\"7\",state=\"done\"} 4",
            "tableread_queue_age_seconds{priority=\"7\",state=\"waiting\"} 60",
            "tableread_queue_still_seconds{priority=\"7\"} 30",
            "tableread_queue_open_audio_seconds{priority=\"7\"} 9",
            "tableread_queue_submissions{state=\"paused\"} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
        assert!(!text.contains("tableread_queue_age_seconds{priority=\"7\",state=\"done\"}"));
    }

    #[test]
    fn a_worker_that_was_not_heard_for_a_minute_is_silent() {
        let card = |seen_at_ms| WorkerCard {
            worker: schemas::WorkerId::parse("mac-1").unwrap(),
            seen_at_ms,
            lines_held: 2,
            report: None,
            is_ordered_to_drain: false,
        };
        note_workers(&[card(99_000), card(10_000)], 100_000);
        let text = prometheus_text();
        for line in [
            "tableread_workers{state=\"rendering\"} 1",
            "tableread_workers{state=\"silent\"} 1",
            "tableread_workers_lines_held 4",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
    }
}
