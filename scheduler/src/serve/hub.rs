//! One reader of the queue's events for all who follow them.

use std::sync::Arc;
use std::time::Duration;

use queue::{Queue, QueueError};
use schemas::QueueEvent;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Events kept for those who are behind; who falls further behind is dropped and comes back with the
/// number of the last event it saw.
const KEPT: usize = 4_096;
/// Events read from the queue at once.
pub(super) const PAGE: usize = 500;
/// Longest wait between two tries while the queue cannot be read.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Reads the queue's events while anybody follows them.
#[derive(Debug)]
pub(super) struct Hub {
    queue: Arc<dyn Queue>,
    poll: Duration,
    sender: broadcast::Sender<Arc<QueueEvent>>,
    /// The number of the last event read; `None` while nobody follows.
    position: watch::Sender<Option<u64>>,
    followed: Notify,
}

impl Hub {
    /// A hub that asks the queue every `poll`.
    pub(super) fn new(queue: Arc<dyn Queue>, poll: Duration) -> Self {
        let (sender, _) = broadcast::channel(KEPT);
        let (position, _) = watch::channel(None);
        Self { queue, poll, sender, position, followed: Notify::new() }
    }

    /// How many follow.
    pub(super) fn followers(&self) -> usize {
        self.sender.receiver_count()
    }

    /// Begins to follow: events from now on, and the number of the last one before.
    ///
    /// Every event above that number comes through the receiver; what is at or below it is in the
    /// queue already.
    pub(super) async fn follow(&self) -> Option<(broadcast::Receiver<Arc<QueueEvent>>, u64)> {
        let (receiver, reached) = {
            // Held over both, so that the reader does not stop in between.
            let position = self.position.borrow();
            (self.sender.subscribe(), *position)
        };
        if let Some(reached) = reached {
            return Some((receiver, reached));
        }
        self.followed.notify_one();
        let mut position = self.position.subscribe();
        let reached = *position.wait_for(Option::is_some).await.ok()?;
        Some((receiver, reached?))
    }

    /// Reads events for as long as somebody follows, until `stop` is cancelled.
    pub(super) async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.read_while_followed() => {}
        }
    }

    async fn read_while_followed(&self) {
        loop {
            self.followed.notified().await;
            let mut last = self.newest().await;
            self.position.send_replace(Some(last));
            while !self.stop_when_alone() {
                let events = self.page(last).await;
                last = events.last().map_or(last, |event| event.number);
                // First, so that who follows from here on misses none of those that come after it.
                self.position.send_replace(Some(last));
                let is_all = events.len() < PAGE;
                for event in events {
                    // Nobody listening is no error: who comes next begins with what the queue has.
                    let _unheard = self.sender.send(Arc::new(event));
                }
                if is_all {
                    tokio::time::sleep(self.poll).await;
                }
            }
        }
    }

    /// Gives up the position when nobody follows; says whether it did.
    fn stop_when_alone(&self) -> bool {
        self.position.send_if_modified(|position| {
            let is_alone = self.sender.receiver_count() == 0;
            if is_alone {
                *position = None;
            }
            is_alone
        })
    }

    async fn page(&self, after: u64) -> Vec<QueueEvent> {
        self.ask(|| self.queue.events(after, PAGE)).await
    }

    /// The number of the newest event, 0 when there was none: found by doubling and halving, because
    /// events are only listed from the oldest on.
    pub(super) async fn newest(&self) -> u64 {
        let is_below_newest =
            async |number| !self.ask(|| self.queue.events(number, 1)).await.is_empty();
        let mut beyond = 1;
        while is_below_newest(beyond - 1).await {
            beyond *= 2;
        }
        let (mut low, mut high) = (beyond / 2, beyond - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_below_newest(middle).await {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Asks the queue until it answers.
    async fn ask<F>(&self, question: impl Fn() -> F) -> Vec<QueueEvent>
    where
        F: Future<Output = Result<Vec<QueueEvent>, QueueError>>,
    {
        let mut wait = self.poll;
        loop {
            match question().await {
                Ok(events) => return events,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    warn!(error, "events cannot be read");
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use queue::SqliteQueue;

    use super::*;

    #[tokio::test]
    async fn the_newest_event_is_found_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Arc::new(SqliteQueue::open(&folder.path().join("queue.db")).unwrap());
        let hub = Hub::new(queue, Duration::from_millis(1));
        assert_eq!(hub.newest().await, 0);
    }
}
