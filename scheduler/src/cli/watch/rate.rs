//! How much gets done in a minute, over the last one.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use schemas::{Progress, SubmissionId};
use tokio::time::Instant;

/// Over how long it is measured.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// How far submissions were at several moments.
#[derive(Debug, Default)]
pub(super) struct Rate {
    moments: VecDeque<(Instant, HashMap<SubmissionId, Mark>)>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    done: u64,
    spoken_ms: u64,
}

/// What gets done, all watched submissions together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    /// Lines that were done in a minute.
    pub(super) lines_a_minute: f64,
    /// Seconds of audio spoken in a second, by the length that lines were expected to have.
    pub(super) times_real_time: f64,
}

impl Rate {
    /// Notes how far they are now.
    pub(super) fn note(&mut self, now: Instant, all: &[Progress]) {
        let mark = |progress: &Progress| Mark {
            done: progress.lines.done,
            spoken_ms: progress.estimated_ms.saturating_sub(progress.estimated_open_ms),
        };
        let marks = all.iter().map(|progress| (progress.submission.clone(), mark(progress)));
        self.moments.push_back((now, marks.collect()));
        // The first moment outside of the window is where it begins.
        while self.moments.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.moments.pop_front();
        }
    }

    /// What got done within the window; `None` before two seconds have passed. A submission counts from
    /// when it was first seen, and one that is set going again never counts backwards.
    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    pub(super) fn measured(&self) -> Option<Measured> {
        let ((from, before), (to, after)) = (self.moments.front()?, self.moments.back()?);
        let seconds = to.duration_since(*from).as_secs_f64();
        if seconds < 2.0 {
            return None;
        }
        let (mut done, mut spoken_ms) = (0, 0);
        for (id, mark) in after {
            if let Some(was) = before.get(id) {
                done += mark.done.saturating_sub(was.done);
                spoken_ms += mark.spoken_ms.saturating_sub(was.spoken_ms);
            }
        }
        Some(Measured {
            lines_a_minute: done as f64 * 60.0 / seconds,
            times_real_time: spoken_ms as f64 / 1_000.0 / seconds,
        })
    }
}
