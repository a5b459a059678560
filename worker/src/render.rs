//! One leased batch, line by line, each settled as it is finished.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use queue::{Fence, Queue, Want};
use schemas::{Batch, LeasedLine, LineId, Outcome, Stage, Verdict};
use store::Store;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::ends::{Unreported, note_outcome, note_unreported, span_of_batch, span_of_line};
use crate::lease_keeper::LeaseKeeper;
use crate::outage::with_causes;
use crate::register::Identity;
use crate::room::{Place, Room};
use crate::shared_prompts::Shared;
use crate::spool::Spool;
use crate::tally::Tally;
use crate::{EngineSet, RenderError, Settings, WorkerError};

/// How long the queue has for its last answers once what was begun is to be given back.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How work on a line ended, as far as this worker is concerned.
#[derive(Debug)]
pub(crate) enum End {
    /// There is something to report.
    Outcome(Result<Outcome, RenderError>),
    /// The take was in the store already.
    Reused(Outcome),
    /// The line was cancelled or the lease lost: its audio is thrown away.
    ThrownAway,
    /// Nothing to report: the line goes back as it came.
    GivenBack,
}

/// All that rendering needs; shared by every batch in flight.
pub(crate) struct Worker {
    pub(crate) settings: Settings,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) store: Store,
    pub(crate) engines: EngineSet,
    pub(crate) room: Room,
    pub(crate) tally: Tally,
    /// Where finished audio waits while the store is away.
    pub(crate) spool: Option<Spool>,
    pub(crate) identity: Identity,
    /// Voices made ready that the store has.
    pub(crate) shared: Shared,
    /// Lines started with each engine: those seated and as many that take their seats next.
    seats: BTreeMap<String, Semaphore>,
    /// Lines being mastered, reading and writing included; bounds memory.
    pub(crate) desks: Semaphore,
    /// Pieces of signal processing at once; bounds the CPU.
    pub(crate) cores: Semaphore,
    /// Cancelled when nothing new is to be begun.
    pub(crate) drain: CancellationToken,
    /// Cancelled when what was begun is to be given back.
    pub(crate) cut: CancellationToken,
    /// Why the worker ends by itself; the first reason stays.
    failure: Mutex<Option<WorkerError>>,
}

impl Worker {
    /// A worker that has claimed nothing yet.
    ///
    /// # Errors
    /// [`WorkerError::Spool`].
    pub(crate) fn new(
        settings: Settings,
        queue: Arc<dyn Queue>,
        store: Store,
        engines: EngineSet,
        drain: CancellationToken,
    ) -> Result<Self, WorkerError> {
        let spool = settings.spool.as_ref().map(|spool| Spool::open(spool, &store)).transpose()?;
        let mastering = settings.mastering.max(1);
        let seats = engines.all().map(|caps| (caps.engine.clone(), Semaphore::new(caps.slots * 2)));
        Ok(Self {
            seats: seats.collect(),
            room: Room::new(&settings, &engines),
            tally: Tally::default(),
            spool,
            identity: Identity::new(),
            shared: Shared::default(),
            desks: Semaphore::new(mastering * 4),
            cores: Semaphore::new(mastering),
            drain,
            cut: CancellationToken::new(),
            failure: Mutex::new(None),
            settings,
            queue,
            store,
            engines,
        })
    }

    /// Renders one batch and reports every line as it is finished. What was not begun when the worker
    /// is told to stop is given back uncharged.
    pub(crate) async fn render(&self, batch: &Batch) {
        let span = span_of_batch(batch, &self.settings.worker);
        span.around(self.render_all(batch)).await;
    }

    async fn render_all(&self, batch: &Batch) {
        let place = self.room.enter(batch, &self.engines);
        let keeper = LeaseKeeper::keep(self.queue.clone(), batch, self.settings.lease_ms);
        debug!(lease = %batch.lease, lines = batch.lines.len(), stage = ?batch.stage, "batch begun");
        let given_back = match batch.stage {
            Stage::Speak => match self.make_ready(batch).await {
                Ok(true) => {
                    let spoken = self.each(batch, &keeper, &place, |line| self.speak(batch, line));
                    futures::join!(spoken, self.share_prompt(batch)).0
                }
                Ok(false) => batch.lines.len(),
                Err(error) => self.lose(batch, error).await,
            },
            Stage::Master => match self.in_time(self.voice_gain_db(batch)).await {
                Some(Ok(gain_db)) => {
                    let master = |line| self.master(batch, line, gain_db);
                    self.each(batch, &keeper, &place, master).await
                }
                Some(Err(problem)) => {
                    self.queue_problem(problem);
                    batch.lines.len()
                }
                None => batch.lines.len(),
            },
        };
        if given_back > 0 && !keeper.is_lost() {
            self.give_back(batch).await;
        }
    }

    /// What to claim now: nothing when the worker is to stop, while there is no room, or while finished
    /// audio can neither be stored nor kept.
    pub(crate) fn want(&self) -> Option<Want> {
        if self.drain.is_cancelled() || self.spool.as_ref().is_some_and(Spool::is_full) {
            return None;
        }
        self.room.want(&self.engines, self.spool.as_ref().is_some_and(Spool::is_away))
    }

    /// What `asked` gives; `None` when the worker has to stop first. Nobody who stops a worker waits for
    /// a queue that is away.
    async fn in_time<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        let out_of_time = async {
            self.cut.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            biased;
            answer = asked => Some(answer),
            () = out_of_time => None,
        }
    }

    /// Stops the worker with a reason: what it holds is given back.
    pub(crate) fn quit(&self, reason: WorkerError) {
        error!(error = %with_causes(&reason), "worker stops");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.drain.cancel();
        self.cut.cancel();
    }

    /// Why the worker stopped by itself, if it did.
    pub(crate) fn take_failure(&self) -> Option<WorkerError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A permit of `semaphore`, or `None` when the worker is to stop before there is one.
    pub(crate) async fn turn_at<'a>(
        &self,
        semaphore: &'a Semaphore,
    ) -> Option<SemaphorePermit<'a>> {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => None,
            permit = semaphore.acquire() => permit.ok(),
        }
    }

    /// A place before an engine, or `None` when the worker is to stop before there is one, or has no
    /// such engine.
    pub(crate) async fn seat(&self, engine: &str) -> Option<SemaphorePermit<'_>> {
        self.turn_at(self.seats.get(engine)?).await
    }

    /// Charges the line; the `Err` is how the line ends instead of being worked on.
    pub(crate) async fn begin(&self, batch: &Batch, line: &LeasedLine) -> Result<(), End> {
        match self.start(&batch.lease, &line.job.id).await {
            Ok(Fence::Held) => Ok(()),
            Ok(Fence::Refused) => Err(End::ThrownAway),
            Err(problem) => {
                self.queue_problem(problem);
                Err(End::GivenBack)
            }
        }
    }

    /// Works on all lines at once, as far as seats and desks allow; returns how many came back undone.
    async fn each<'a, W>(
        &'a self,
        batch: &'a Batch,
        keeper: &LeaseKeeper,
        place: &Place<'_>,
        work: impl Fn(&'a LeasedLine) -> W,
    ) -> usize
    where
        W: Future<Output = End>,
    {
        let mut lines = FuturesUnordered::new();
        for line in &batch.lines {
            lines.push(self.line(batch, line, keeper.unwanted(&line.job.id), work(line)));
        }
        let mut given_back = 0;
        while let Some(is_given_back) = lines.next().await {
            place.leave();
            given_back += usize::from(is_given_back);
        }
        given_back
    }

    /// Sees one line to its end and says whether it goes back undone. Only the work can be cut short:
    /// a report that was begun is finished.
    async fn line(
        &self,
        batch: &Batch,
        line: &LeasedLine,
        unwanted: CancellationToken,
        work: impl Future<Output = End>,
    ) -> bool {
        let span = span_of_line(batch, line, &self.settings.worker);
        span.around(self.see_to_end(batch, line, unwanted, work)).await
    }

    async fn see_to_end(
        &self,
        batch: &Batch,
        line: &LeasedLine,
        unwanted: CancellationToken,
        work: impl Future<Output = End>,
    ) -> bool {
        let end = tokio::select! {
            biased;
            () = unwanted.cancelled() => End::ThrownAway,
            end = work => end,
            () = self.cut.cancelled() => End::GivenBack,
        };
        match end {
            End::Outcome(Ok(outcome)) => self.report(batch, line, &outcome, false).await,
            End::Reused(outcome) => self.report(batch, line, &outcome, true).await,
            End::Outcome(Err(error)) => self.report_failure(batch, line, error).await,
            End::ThrownAway => {
                self.tally.thrown_away.add(1);
                note_unreported(batch.stage, Unreported::ThrownAway);
                info!(line = %line.job.id, lease = %batch.lease, "line thrown away");
                false
            }
            End::GivenBack => {
                self.tally.given_back.add(1);
                note_unreported(batch.stage, Unreported::GivenBack);
                true
            }
        }
    }

    async fn report_failure(&self, batch: &Batch, line: &LeasedLine, error: RenderError) -> bool {
        let given_back = self.tell_failure(batch, line, &error).await;
        self.quit_over(error);
        given_back
    }

    /// Reports the same failure of every line of a batch; returns how many go back undone. Lines to be
    /// tried again are charged: they must come to an end some time.
    async fn lose(&self, batch: &Batch, error: RenderError) -> usize {
        let (verdict, _) = error.verdict();
        let mut given_back = 0;
        for line in &batch.lines {
            let charged = match verdict {
                Verdict::Retry => self.in_time(self.begin(batch, line)).await,
                Verdict::Reject | Verdict::Quit => Some(Ok(())),
            };
            given_back += match charged {
                Some(Ok(())) => usize::from(self.tell_failure(batch, line, &error).await),
                Some(Err(End::GivenBack)) | None => 1,
                Some(Err(_)) => 0,
            };
        }
        self.quit_over(error);
        given_back
    }

    async fn tell_failure(&self, batch: &Batch, line: &LeasedLine, error: &RenderError) -> bool {
        let failure = error.failure();
        warn!(
            line = %line.job.id,
            verdict = ?failure.verdict,
            kind = ?failure.kind,
            reason = failure.message,
            "line failed"
        );
        self.report(batch, line, &Outcome::Failed { failure }, false).await
    }

    /// Stops the worker over a failure that no line of its could escape.
    fn quit_over(&self, error: RenderError) {
        match error {
            RenderError::Device(reason) => self.quit(WorkerError::Device(reason)),
            RenderError::Model(reason) => self.quit(WorkerError::Open(reason.into())),
            RenderError::Store(
                refused @ (store::StoreError::Denied { .. } | store::StoreError::BadAddress { .. }),
            ) => self.quit(WorkerError::Store(refused)),
            RenderError::Store(
                store::StoreError::Unavailable { .. }
                | store::StoreError::NotFound { .. }
                | store::StoreError::Damaged { .. },
            )
            | RenderError::Speak(_)
            | RenderError::Audio(_)
            | RenderError::OtherEngine { .. }
            | RenderError::NoTake => {}
        }
    }

    /// Settles a line; says whether it could not be, so that it goes back with the lease.
    async fn report(
        &self,
        batch: &Batch,
        line: &LeasedLine,
        outcome: &Outcome,
        is_reused: bool,
    ) -> bool {
        let settled = self.in_time(self.settle(&batch.lease, &line.job.id, outcome)).await;
        let Some(settled) = settled else {
            warn!(line = %line.job.id, "queue away as the worker stops, lease left to end");
            note_unreported(batch.stage, Unreported::GivenBack);
            return true;
        };
        match settled {
            Ok(Fence::Held) => {
                note_outcome(batch, line, outcome, is_reused);
                self.count(&line.job.id, outcome, is_reused);
                false
            }
            Ok(Fence::Refused) => {
                self.tally.thrown_away.add(1);
                note_unreported(batch.stage, Unreported::ThrownAway);
                info!(line = %line.job.id, lease = %batch.lease, "report came too late");
                false
            }
            Err(problem) => {
                note_unreported(batch.stage, Unreported::GivenBack);
                self.queue_problem(problem);
                true
            }
        }
    }

    fn count(&self, line: &LineId, outcome: &Outcome, is_reused: bool) {
        self.tally.finished(line);
        match outcome {
            Outcome::Spoken { .. } if is_reused => {
                self.tally.reused.add(1);
                info!(%line, "take found in the store");
            }
            Outcome::Spoken { take } => {
                self.tally.spoken.add(1);
                self.tally.audio_ms.add(take.duration_ms());
                self.tally.synth_ms.add(take.synth_ms);
                info!(%line, audio_ms = take.duration_ms(), synth_ms = take.synth_ms, "line spoken");
            }
            Outcome::Mastered { delivery } => {
                self.tally.mastered.add(1);
                let bytes = delivery.delivery_bytes;
                info!(%line, gain_db = delivery.gain_db, bytes, "line mastered");
            }
            Outcome::Failed { failure } => match failure.verdict {
                Verdict::Retry | Verdict::Reject => self.tally.failed.add(1),
                // Nobody's fault but this worker's: the line waits for another, uncharged.
                Verdict::Quit => self.tally.given_back.add(1),
            },
        }
    }

    /// A queue that may come back ends nothing: the lease ends by itself. Any other failure of it does.
    fn queue_problem(&self, problem: queue::QueueError) {
        if crate::deliver::queue_may_come_back(&problem) {
            warn!(error = %with_causes(&problem), "queue away for too long, lease left to end");
        } else {
            self.quit(WorkerError::Queue(problem));
        }
    }

    async fn give_back(&self, batch: &Batch) {
        match self.in_time(self.queue.release(&batch.lease)).await {
            Some(Ok(lines)) => info!(lease = %batch.lease, lines, "lines given back"),
            Some(Err(error)) => {
                warn!(lease = %batch.lease, error = %with_causes(&error), "lease left to end");
            }
            None => {
                warn!(lease = %batch.lease, "queue away as the worker stops, lease left to end");
            }
        }
    }
}
