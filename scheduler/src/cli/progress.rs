//! Progress of one submission: a bar for people, plain lines for logs.

use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use queue::Queue;
use schemas::{Counts, Progress, SubmissionId};
use tokio::time::Instant;

use super::output::{counted, duration, is_watched, note};

/// How often the queue is asked.
const POLL: Duration = Duration::from_millis(200);
/// How often a plain line is written where no bar can be drawn.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Shows the submission's progress until none of its lines is open.
///
/// Cancel-safe: dropping it only stops the showing.
///
/// # Errors
/// When the queue cannot be read.
pub(crate) async fn follow(queue: &dyn Queue, id: &SubmissionId) -> anyhow::Result<Progress> {
    let mut view = View::new();
    loop {
        let progress = queue.progress(id).await?.context("the submission is gone")?;
        view.show(&progress);
        if progress.lines.open() == 0 {
            view.bar.finish_and_clear();
            return Ok(progress);
        }
        tokio::time::sleep(POLL).await;
    }
}

struct View {
    bar: ProgressBar,
    started: Instant,
    spoken_before_ms: Option<u64>,
    last_plain: Option<Instant>,
}

impl View {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:32.cyan/dim} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let target =
            if is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target).with_style(style);
        Self { bar, started: Instant::now(), spoken_before_ms: None, last_plain: None }
    }

    fn show(&mut self, progress: &Progress) {
        let (position, length) = work(&progress.lines);
        self.bar.set_length(length);
        self.bar.set_position(position);
        let message = self.message(progress);
        if is_watched() {
            self.bar.set_message(message);
        } else if self.last_plain.is_none_or(|last| last.elapsed() >= PLAIN_EVERY) {
            self.last_plain = Some(Instant::now());
            note(message);
        }
    }

    fn message(&mut self, progress: &Progress) -> String {
        let lines = &progress.lines;
        let spoken_ms = progress.estimated_ms.saturating_sub(progress.estimated_open_ms);
        let before_ms = *self.spoken_before_ms.get_or_insert(spoken_ms);
        let mut parts = vec![format!("{} of {}", lines.done, counted(lines.total(), "line"))];
        if lines.failed > 0 {
            parts.push(format!("{} failed", lines.failed));
        }
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let gained_ms = spoken_ms.saturating_sub(before_ms);
        if gained_ms > 0 && elapsed_ms > 500 {
            parts.push(format!("{} × real time", gained_ms / elapsed_ms));
            let left_ms = progress.estimated_open_ms.saturating_mul(elapsed_ms) / gained_ms;
            parts.push(format!("about {} left", duration(left_ms)));
        }
        parts.join(", ")
    }
}

/// Speaking counts for two thirds of a line, mastering for one.
fn work(lines: &Counts) -> (u64, u64) {
    let closed = lines.done + lines.failed + lines.cancelled;
    (closed * 3 + (lines.spoken + lines.mastering) * 2, lines.total() * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_when_no_line_is_open() {
        let lines = Counts { done: 3, failed: 1, cancelled: 1, ..Counts::default() };
        assert_eq!(work(&lines), (15, 15));
        let lines = Counts { waiting: 3, spoken: 1, ..Counts::default() };
        assert_eq!(work(&lines), (2, 12));
    }
}
