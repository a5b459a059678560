//! Where an apalis worker gets its tasks: one task is one leased batch.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::{RandomId, TaskId};
use apalis_core::worker::context::WorkerContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use schemas::Batch;
use telemetry::metrics::STAGE_DURATION;
use telemetry::trace::{Span, key};
use tokio::time::Sleep;
use tower_layer::Identity;
use tracing::{info, warn};

use crate::{Queue, QueueError, Want};

/// The longest pause between two tries to reach a queue that cannot be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Says what the worker can take on now; `None` when it has no room.
pub type WantNow = Arc<dyn Fn() -> Option<Want> + Send + Sync>;

type Claim = BoxFuture<'static, Result<Option<Batch>, QueueError>>;

/// Claims batches for an apalis worker, one at a time and only when the worker has room.
///
/// It holds no lease that the worker does not know of: a claim under way when the worker shuts down
/// is waited for, and what it brings is released uncharged. Leases are renewed by the worker, not
/// here, so that a busy handler cannot starve them.
///
/// A queue that is [`QueueError::Unavailable`] is asked again after a pause that doubles up to 30 s
/// and never ends the worker; every other error does.
#[must_use = "a source does nothing unless a worker polls it"]
pub struct BatchSource {
    queue: Arc<dyn Queue>,
    want: WantNow,
    poll: Duration,
    step: Step,
    /// Tries in a row that did not reach the queue; the first of them is logged.
    misses: u32,
}

/// What the source is doing.
enum Step {
    /// Nothing: the next poll asks.
    Idle,
    /// The worker had no room; asked again on every poll and when the time has passed.
    Full(Pin<Box<Sleep>>),
    /// The queue had nothing, or could not be reached.
    Resting(Pin<Box<Sleep>>),
    /// A claim is under way. It cannot be called off, only waited for.
    Claiming(Claim),
    /// The claim came after the worker stopped; its lease is given back.
    Releasing(BoxFuture<'static, Result<u64, QueueError>>),
}

impl BatchSource {
    /// Makes a source that asks `queue` for what `want` says, every `poll` while there is nothing.
    ///
    /// `want` is called from the worker's task and must not block. It is called only when the
    /// worker can run one more handler.
    pub fn new(queue: Arc<dyn Queue>, want: WantNow, poll: Duration) -> Self {
        Self { queue, want, poll, step: Step::Idle, misses: 0 }
    }

    /// Starts a claim if the worker has room, otherwise a wait.
    fn ask(&self) -> Step {
        let Some(want) = (self.want)() else {
            return Step::Full(Box::pin(tokio::time::sleep(self.poll)));
        };
        Step::Claiming(claim(Arc::clone(&self.queue), want).boxed())
    }

    /// Takes note of what a claim brought and says what comes next.
    fn answered(&mut self, answer: Result<Option<Batch>, QueueError>) -> Answer {
        match answer {
            Err(err @ QueueError::Unavailable { .. }) => {
                self.misses += 1;
                if self.misses == 1 {
                    warn!(error = %err, cause = ?err, "queue cannot be reached, trying again");
                }
                self.step = rest(pause_after(self.misses, self.poll));
                Answer::Nothing
            }
            Err(err) => {
                self.step = Step::Idle;
                Answer::Fatal(err)
            }
            Ok(batch) => {
                if self.misses > 0 {
                    info!(tries = self.misses, "queue can be reached again");
                    self.misses = 0;
                }
                self.step = if batch.is_some() { Step::Idle } else { rest(self.poll) };
                batch.map_or(Answer::Nothing, |batch| Answer::Batch(Box::new(batch)))
            }
        }
    }
}

/// Claims, and notes how long that took when there was something.
async fn claim(queue: Arc<dyn Queue>, want: Want) -> Result<Option<Batch>, QueueError> {
    let (began, since) = (SystemTime::now(), Instant::now());
    let claimed = queue.claim(&want).await;
    if let Ok(Some(batch)) = &claimed {
        let took = since.elapsed();
        STAGE_DURATION.record(took.as_secs_f64(), ["claim"]);
        let span = Span::carried_on(batch.trace.as_deref(), "claim", began);
        span.tell(key::OPERATION, "receive");
        span.tell(key::LEASE, batch.lease.to_string());
        span.tell(key::WORKER, want.worker.to_string());
        span.tell(key::LINES, i64::try_from(batch.lines.len()).unwrap_or(i64::MAX));
    }
    claimed
}

/// What a claim came to.
enum Answer {
    Batch(Box<Batch>),
    Nothing,
    Fatal(QueueError),
}

/// The pause after the `misses`-th miss in a row, which is at least 1: doubling from `poll`.
fn pause_after(misses: u32, poll: Duration) -> Duration {
    poll.saturating_mul(1 << (misses - 1).min(16)).min(LONGEST_PAUSE.max(poll))
}

fn rest(pause: Duration) -> Step {
    Step::Resting(Box::pin(tokio::time::sleep(pause)))
}

fn task_of(batch: Batch) -> Task<Batch> {
    let id = TaskId::from_string(batch.lease.as_str());
    TaskBuilder::new(batch).task_id(id).build()
}

impl Backend for BatchSource {
    type Task = Task<Batch>;
    type Error = QueueError;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), QueueError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Batch>, QueueError>>> {
        loop {
            match &mut self.step {
                Step::Idle => self.step = self.ask(),
                Step::Full(sleep) => {
                    let is_over = sleep.as_mut().poll(cx).is_ready();
                    // Whatever woke the worker may have made room: a batch that ended does.
                    let next = self.ask();
                    match (&next, is_over) {
                        (Step::Full(_), false) => return Poll::Pending,
                        _ => self.step = next,
                    }
                }
                Step::Resting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.step = Step::Idle;
                }
                Step::Claiming(claim) => {
                    let answer = ready!(claim.poll_unpin(cx));
                    match self.answered(answer) {
                        Answer::Batch(batch) => return Poll::Ready(Some(Ok(task_of(*batch)))),
                        Answer::Fatal(err) => return Poll::Ready(Some(Err(err))),
                        Answer::Nothing => {}
                    }
                }
                Step::Releasing(release) => {
                    let released = ready!(release.poll_unpin(cx));
                    self.step = Step::Idle;
                    log_unreleased(released);
                }
            }
        }
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), QueueError>> {
        loop {
            match &mut self.step {
                Step::Idle | Step::Full(_) | Step::Resting(_) => return Poll::Ready(Ok(())),
                Step::Claiming(claim) => {
                    let answer = ready!(claim.poll_unpin(cx));
                    self.step = Step::Idle;
                    if let Ok(Some(batch)) = answer {
                        let queue = Arc::clone(&self.queue);
                        self.step = Step::Releasing(
                            async move { queue.release(&batch.lease).await }.boxed(),
                        );
                    }
                }
                Step::Releasing(release) => {
                    let released = ready!(release.poll_unpin(cx));
                    self.step = Step::Idle;
                    log_unreleased(released);
                }
            }
        }
    }
}

/// A lease that could not be given back ends by itself; the lines only wait longer.
fn log_unreleased(released: Result<u64, QueueError>) {
    if let Err(err) = released {
        warn!(error = %err, "lease could not be given back, it will run out");
    }
}

impl BackendConfig for BatchSource {
    type Args = Batch;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

impl fmt::Debug for BatchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue, poll, misses, .. } = self;
        f.debug_struct("BatchSource")
            .field("queue", queue)
            .field("poll", poll)
            .field("misses", misses)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_from_the_poll_to_thirty_seconds() {
        let poll = Duration::from_millis(250);
        let pauses: Vec<_> = (1..=9).map(|n| pause_after(n, poll).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(pause_after(u32::MAX, poll), LONGEST_PAUSE);
    }
}
