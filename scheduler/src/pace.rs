//! How fast the farm is, and how long what is open will take: one estimate for every view of it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use queue::WorkerCard;
use schemas::{Progress, WorkerId};

/// A worker that was silent for this long is taken for gone; see [`queue::Queue::claim`].
pub const GONE_AFTER_MS: u64 = 60_000;

/// This machine's clock: Unix milliseconds.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How many seconds of audio the living workers make in one together, as far as they have measured it.
#[must_use]
pub fn speed(cards: &[WorkerCard], now_ms: u64) -> f64 {
    let alive = cards.iter().filter(|card| !card.is_ordered_to_drain && is_alive(card, now_ms));
    let engines = alive.filter_map(|card| card.report.as_ref()).flat_map(|report| &report.engines);
    engines.filter(|engine| engine.is_loaded).filter_map(|it| it.times_real_time).sum()
}

/// Whether a worker was heard of lately.
#[must_use]
pub fn is_alive(card: &WorkerCard, now_ms: u64) -> bool {
    now_ms.saturating_sub(card.seen_at_ms) <= GONE_AFTER_MS
}

/// A worker that lags behind others with the same engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Slow {
    /// Who.
    pub worker: WorkerId,
    /// With which engine, by name and version.
    pub engine: String,
    /// Seconds of audio it makes in a second.
    pub times_real_time: f64,
    /// The median of what the others make with that engine.
    pub usual: f64,
}

/// Names living workers that make less than six tenths of what others make with the same engine. An
/// engine's name holds device and precision, so that like is compared with like; one worker alone is
/// never slow.
#[must_use]
pub fn slow(cards: &[WorkerCard], now_ms: u64) -> Vec<Slow> {
    let mut of_engine: BTreeMap<&str, Vec<(&WorkerId, f64)>> = BTreeMap::new();
    for card in cards.iter().filter(|card| is_alive(card, now_ms)) {
        for engine in card.report.iter().flat_map(|report| &report.engines) {
            if let Some(times) = engine.times_real_time {
                of_engine.entry(&engine.engine).or_default().push((&card.worker, times));
            }
        }
    }
    let mut slow = Vec::new();
    for (engine, measured) in of_engine {
        for (worker, times_real_time) in &measured {
            let others = measured.iter().filter(|(other, _)| other != worker);
            let mut others: Vec<_> = others.map(|(_, times)| *times).collect();
            others.sort_by(f64::total_cmp);
            let Some(usual) = others.get(others.len() / 2).copied() else { continue };
            if *times_real_time < 0.6 * usual {
                slow.push(Slow {
                    worker: (*worker).clone(),
                    engine: engine.to_owned(),
                    times_real_time: *times_real_time,
                    usual,
                });
            }
        }
    }
    slow
}

/// How long the lines still to be spoken will take at the pace so far, in milliseconds; before the
/// first of them, at the pace that the workers have at other work, if they had all of it to
/// themselves. `None` when nothing is open or nothing is known.
#[must_use]
pub fn left_ms(progress: &Progress, speed: f64) -> Option<u64> {
    let spoken_ms = progress.estimated_ms.saturating_sub(progress.estimated_open_ms);
    let elapsed_ms = progress.changed_at_ms.saturating_sub(progress.submitted_at_ms);
    if progress.lines.open() == 0 {
        return None;
    }
    if spoken_ms == 0 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate, and never negative"
        )]
        return (speed > 0.0).then(|| (progress.estimated_open_ms as f64 / speed) as u64);
    }
    (elapsed_ms > 0).then(|| progress.estimated_open_ms * elapsed_ms / spoken_ms)
}

#[cfg(test)]
mod tests {
    use schemas::{Counts, EpisodeId, SubmissionId, SubmissionState};

    use super::*;

    fn progress(open_ms: u64) -> Progress {
        let episode = EpisodeId::parse("ferry").unwrap();
        Progress {
            submission: SubmissionId::new(&episode, "0123456789abcdef"),
            episode,
            title: "Ferry".to_owned(),
            state: SubmissionState::Active,
            priority: 5,
            lines: Counts { waiting: 1, ..Counts::default() },
            estimated_ms: 600_000,
            estimated_open_ms: open_ms,
            audio_ms: 0,
            synth_ms: 0,
            submitted_at_ms: 1_000,
            changed_at_ms: 61_000,
        }
    }

    fn card(worker: &str, seen_at_ms: u64, times_real_time: Option<f64>) -> WorkerCard {
        let report = serde_json::json!({
            "worker": worker, "instance": "01", "version": "0.1.0", "host": "mini", "hardware": "M4",
            "device": "metal", "state": "rendering", "detail": null, "voices_warm": 1,
            "last_line": null, "spoken": 1, "mastered": 1, "failed": 0, "started_at_ms": 0,
            "engines": [{
                "engine": "qwen/1 metal f16", "model": "qwen", "is_loaded": true, "slots": 8,
                "slots_busy": 8, "resident_bytes": null, "times_real_time": times_real_time
            }]
        });
        WorkerCard {
            worker: WorkerId::parse(worker).unwrap(),
            seen_at_ms,
            lines_held: 8,
            report: Some(serde_json::from_value(report).unwrap()),
            is_ordered_to_drain: false,
        }
    }

    #[test]
    fn a_worker_is_slow_beside_living_ones_with_the_same_engine_only() {
        let now_ms = 100_000;
        let names = |cards: &[WorkerCard]| -> Vec<String> {
            slow(cards, now_ms).iter().map(|slow| slow.worker.to_string()).collect()
        };
        let cards = [
            card("a", now_ms, Some(8.0)),
            card("b", now_ms, Some(8.4)),
            card("c", now_ms, Some(4.7)),
            card("new", now_ms, None),
            card("gone", 0, Some(1.0)),
        ];
        assert_eq!(names(&cards), ["c"]);
        assert_eq!((slow(&cards, now_ms)[0].usual, speed(&cards, now_ms) > 21.0), (8.4, true));
        assert_eq!(names(&cards[2..]), [""; 0], "nobody to compare with");
        assert_eq!(names(&[card("a", now_ms, Some(8.0)), card("b", now_ms, Some(4.9))]), [""; 0]);
    }

    #[test]
    fn what_is_left_follows_from_the_pace_so_far_and_before_that_from_the_workers() {
        assert_eq!(left_ms(&progress(600_000), 20.0), Some(30_000));
        assert_eq!(left_ms(&progress(600_000), 0.0), None);
        assert_eq!(left_ms(&progress(300_000), 20.0), Some(60_000));
        let done = Progress { lines: Counts::default(), ..progress(600_000) };
        assert_eq!(left_ms(&done, 20.0), None);
    }
}
