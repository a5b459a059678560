//! How fast the farm is, and how long what is open will take: one estimate for every view of it.

use std::time::{SystemTime, UNIX_EPOCH};

use queue::WorkerCard;
use schemas::Progress;

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
    let alive = cards.iter().filter(|card| {
        !card.is_ordered_to_drain && now_ms.saturating_sub(card.seen_at_ms) <= GONE_AFTER_MS
    });
    let engines = alive.filter_map(|card| card.report.as_ref()).flat_map(|report| &report.engines);
    engines.filter(|engine| engine.is_loaded).filter_map(|it| it.times_real_time).sum()
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

    #[test]
    fn what_is_left_follows_from_the_pace_so_far_and_before_that_from_the_workers() {
        assert_eq!(left_ms(&progress(600_000), 20.0), Some(30_000));
        assert_eq!(left_ms(&progress(600_000), 0.0), None);
        assert_eq!(left_ms(&progress(300_000), 20.0), Some(60_000));
        let done = Progress { lines: Counts::default(), ..progress(600_000) };
        assert_eq!(left_ms(&done, 20.0), None);
    }
}
