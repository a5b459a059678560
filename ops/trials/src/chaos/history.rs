//! What the queue says has happened, line by line.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use queue::Queue;
use schemas::{LineId, QueueEvent, SubmissionId};

/// Every event of a trial, added up.
pub(super) struct History {
    queue: Arc<dyn Queue>,
    /// Number of the last event seen.
    seen: u64,
    /// Events that were gone before they were seen.
    missed: u64,
    lines: HashMap<(SubmissionId, LineId), Story>,
    delivered: u64,
    given_up: u64,
}

/// What happened to a line.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Story {
    /// How often it was delivered.
    pub(super) mastered: u32,
    /// How often it was spoken.
    pub(super) spoken: u32,
    /// What it should have been charged in the stage it is in.
    pub(super) charged: u32,
    /// Whether it was charged in the lease that holds it.
    is_started: bool,
}

/// Events read at once.
const AT_ONCE: usize = 2_000;

impl History {
    /// Begins with the first event.
    ///
    /// # Errors
    /// When the queue cannot be opened.
    pub(super) async fn open(address: String) -> anyhow::Result<Self> {
        let queue = tokio::task::spawn_blocking(move || queue::open(&address)).await??;
        let lines = HashMap::new();
        Ok(Self { queue, seen: 0, missed: 0, lines, delivered: 0, given_up: 0 })
    }

    /// Takes in what is new, if the queue can be asked, and says how many events that were.
    pub(super) async fn read_on(&mut self) -> usize {
        // A queue that is away is what a trial is about.
        let Ok(events) = self.queue.events(self.seen, AT_ONCE).await else { return 0 };
        for event in &events {
            self.take(event);
        }
        events.len()
    }

    /// Takes in all there is.
    ///
    /// # Errors
    /// When the queue cannot be read for a minute.
    pub(super) async fn read_to_the_end(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            match self.queue.events(self.seen, AT_ONCE).await {
                Ok(events) if events.is_empty() => return Ok(()),
                Ok(events) => events.iter().for_each(|event| self.take(event)),
                Err(error) if since.elapsed() > Duration::from_mins(1) => {
                    bail!("the events cannot be read: {error}")
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Lines of `all` that nobody gave up on and nobody delivered.
    pub(super) fn open_lines(&self, all: usize) -> u64 {
        (all as u64).saturating_sub(self.delivered + self.given_up)
    }

    /// Lines delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Events that were not seen: no sum over them can be trusted.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    /// What happened to a line.
    pub(super) fn story(&self, submission: &SubmissionId, line: &LineId) -> Story {
        self.lines.get(&(submission.clone(), line.clone())).copied().unwrap_or_default()
    }

    fn take(&mut self, event: &QueueEvent) {
        self.missed += event.number.saturating_sub(self.seen + 1);
        self.seen = event.number;
        let Some(line) = &event.line else { return };
        let story = self.lines.entry((event.submission.clone(), line.clone())).or_default();
        story.take(&event.what);
        match event.what.as_str() {
            "mastered" => self.delivered += u64::from(story.mastered == 1),
            "failed" => self.given_up += 1,
            _ => {}
        }
    }
}

impl Story {
    fn take(&mut self, what: &str) {
        match what {
            "claimed" => self.is_started = false,
            "started" => {
                self.charged += 1;
                self.is_started = true;
            }
            "released" if self.is_started => self.charged -= 1,
            "retrying" if !self.is_started => self.charged += 1,
            "spoken" => {
                self.spoken += 1;
                self.charged = 0;
            }
            "mastered" => self.mastered += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(whats: &[&str]) -> Story {
        let mut story = Story::default();
        for what in whats {
            story.take(what);
        }
        story
    }

    #[test]
    fn what_was_given_back_is_not_charged_and_what_crashed_is() {
        assert_eq!(story(&["claimed", "started", "released"]).charged, 0);
        assert_eq!(story(&["claimed", "started", "expired"]).charged, 1);
        assert_eq!(story(&["claimed", "expired", "claimed", "started"]).charged, 1);
        assert_eq!(story(&["claimed", "started", "retrying", "claimed", "retrying"]).charged, 2);
        assert_eq!(story(&["claimed", "started", "expired", "claimed", "released"]).charged, 1);
        assert_eq!(story(&["claimed", "started", "spoken", "claimed", "started"]).charged, 1);
    }

    #[test]
    fn a_line_delivered_twice_is_told_from_one_delivered_once() {
        assert_eq!(story(&["claimed", "started", "mastered"]).mastered, 1);
        assert_eq!(story(&["mastered", "claimed", "started", "mastered"]).mastered, 2);
    }
}
