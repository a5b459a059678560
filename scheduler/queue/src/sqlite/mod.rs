//! The queue in one SQLite file, for any number of processes on one machine.
//!
//! Nothing but the file is shared: every call is one transaction, and what the transaction reads
//! decides what it writes. The connections are blocking, so every call runs on tokio's blocking
//! threads.

mod claim;
mod command;
mod event;
mod fault;
mod file;
mod read;
mod row;
mod settle;
mod submit;
mod tend;
#[cfg(test)]
mod tests;
mod work;
mod worker;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use schemas::{
    Batch, EpisodeId, LeaseId, LineId, LineRecord, Outcome, Progress, QueueEvent, Submission,
    SubmissionId, TakeFacts, VoiceKey, WorkerId, WorkerOrders, WorkerReport,
};

use self::fault::Fault;
use self::file::Commit;
use crate::{
    Added, Fence, NewSubmission, Queue, QueueError, Renewal, Selection, SubmissionChange, Want,
    WorkerCard, WorkerHour,
};

/// Says what time it is, in Unix milliseconds. All processes that share a file must agree on it.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A queue in one SQLite file, shared by all processes of one machine.
///
/// The file must lie on a local disk: network file systems do not keep its locks.
#[derive(Clone)]
pub struct SqliteQueue {
    file: Arc<File>,
}

/// The open file: one connection that writes, and one that reads beside it.
struct File {
    place: String,
    clock: Clock,
    writer: Mutex<Writer>,
    reader: Mutex<Connection>,
}

/// The connection that writes, and how its transactions commit.
struct Writer {
    conn: Connection,
    commit: Commit,
}

impl SqliteQueue {
    /// Opens the queue at `path` by the system's clock; a missing file is created, readable for
    /// this user only. Blocks while another process brings the file to a newer layout.
    ///
    /// # Errors
    /// [`QueueError::Broken`] when the file cannot be made or is no queue, and
    /// [`QueueError::Version`] when a newer program wrote it.
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        Self::open_with(path, Arc::new(system_ms))
    }

    /// The same by another clock.
    ///
    /// # Errors
    /// As [`SqliteQueue::open`].
    pub fn open_with(path: &Path, clock: Clock) -> Result<Self, QueueError> {
        let writer = Mutex::new(Writer { conn: file::connect(path)?, commit: Commit::Safe });
        let reader = Mutex::new(file::connect(path)?);
        let place = path.display().to_string();
        Ok(Self { file: Arc::new(File { place, clock, writer, reader }) })
    }

    /// Runs `work` in a transaction that nothing else writes beside, and that a power cut keeps.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, u64) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.blocking(move |file| file.write(Commit::Safe, work)).await
    }

    /// The same for what a power cut may undo.
    async fn write_soon<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, u64) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.blocking(move |file| file.write(Commit::Soon, work)).await
    }

    /// Runs `work` on one consistent state of the file, brought up to the present first.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, u64) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.blocking(move |file| {
            if file.read(tend::is_behind)? {
                file.write(Commit::Soon, tend::catch_up)?;
            }
            file.read(work)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&File) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, QueueError> {
        let file = Arc::clone(&self.file);
        let done =
            tokio::task::spawn_blocking(move || work(&file).map_err(|fault| fault.at(&file.place)));
        match done.await {
            Ok(result) => result,
            Err(err) => match err.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(err) => {
                    let place = self.file.place.clone();
                    Err(QueueError::Unavailable { place, source: Box::new(err) })
                }
            },
        }
    }
}

impl File {
    fn write<T>(
        &self,
        commit: Commit,
        work: impl FnOnce(&Transaction<'_>, u64) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut writer = lock(&self.writer);
        if writer.commit != commit {
            commit.set(&writer.conn)?;
            writer.commit = commit;
        }
        let tx = writer.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Only now: the wait for the lock may have been long.
        let result = work(&tx, (self.clock)())?;
        tx.commit()?;
        Ok(result)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection, u64) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut conn = lock(&self.reader);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let result = work(&tx, (self.clock)())?;
        tx.commit()?;
        Ok(result)
    }
}

/// A panic inside a transaction has rolled it back: the connection is good for the next one.
fn lock<T>(connection: &Mutex<T>) -> MutexGuard<'_, T> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn system_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("place", &self.file.place).finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn submit(&self, new: NewSubmission) -> Result<Added, QueueError> {
        self.write(move |tx, now| submit::submit(tx, &new, now)).await
    }

    async fn claim(&self, want: &Want) -> Result<Option<Batch>, QueueError> {
        let want = want.clone();
        self.blocking(move |file| {
            if file.read(|conn, now| claim::is_idle(conn, &want, now))? {
                return Ok(None);
            }
            file.write(Commit::Soon, |tx, now| claim::claim(tx, &want, now))
        })
        .await
    }

    async fn start(&self, lease: &LeaseId, line: &LineId) -> Result<Fence, QueueError> {
        let (lease, line) = (lease.clone(), line.clone());
        self.write_soon(move |tx, now| settle::start(tx, lease.as_str(), line.as_str(), now)).await
    }

    async fn renew(&self, lease: &LeaseId, lease_ms: u64) -> Result<Renewal, QueueError> {
        let lease = lease.clone();
        self.write_soon(move |tx, now| settle::renew(tx, lease.as_str(), lease_ms, now)).await
    }

    async fn settle(
        &self,
        lease: &LeaseId,
        line: &LineId,
        outcome: &Outcome,
    ) -> Result<Fence, QueueError> {
        let (lease, line, outcome) = (lease.clone(), line.clone(), outcome.clone());
        self.write(move |tx, now| settle::settle(tx, lease.as_str(), line.as_str(), &outcome, now))
            .await
    }

    async fn release(&self, lease: &LeaseId) -> Result<u64, QueueError> {
        let lease = lease.clone();
        self.write(move |tx, now| settle::release(tx, lease.as_str(), now)).await
    }

    async fn takes_of_voice(
        &self,
        submission: &SubmissionId,
        voice: &VoiceKey,
    ) -> Result<Vec<TakeFacts>, QueueError> {
        let (submission, voice) = (submission.clone(), voice.clone());
        self.read(move |conn, _| read::takes_of_voice(conn, &submission, &voice)).await
    }

    async fn retry(&self, selection: &Selection) -> Result<u64, QueueError> {
        let selection = selection.clone();
        self.write(move |tx, now| command::retry(tx, &selection, now)).await
    }

    async fn cancel(&self, selection: &Selection) -> Result<u64, QueueError> {
        let selection = selection.clone();
        self.write(move |tx, now| command::cancel(tx, &selection, now)).await
    }

    async fn change(
        &self,
        submission: &SubmissionId,
        change: SubmissionChange,
    ) -> Result<(), QueueError> {
        let submission = submission.clone();
        self.write(move |tx, now| command::change(tx, &submission, change, now)).await
    }

    async fn forget(&self, submission: &SubmissionId) -> Result<u64, QueueError> {
        let submission = submission.clone();
        self.write(move |tx, now| command::forget(tx, &submission, now)).await
    }

    async fn progress(&self, submission: &SubmissionId) -> Result<Option<Progress>, QueueError> {
        let submission = submission.clone();
        self.read(move |conn, _| read::progress(conn, &submission)).await
    }

    async fn submissions(&self, episode: Option<&EpisodeId>) -> Result<Vec<Progress>, QueueError> {
        let episode = episode.cloned();
        self.read(move |conn, _| read::submissions(conn, episode.as_ref())).await
    }

    async fn submission(&self, id: &SubmissionId) -> Result<Option<Submission>, QueueError> {
        let id = id.clone();
        self.read(move |conn, _| read::submission(conn, &id)).await
    }

    async fn lines(&self, submission: &SubmissionId) -> Result<Vec<LineRecord>, QueueError> {
        let submission = submission.clone();
        self.read(move |conn, _| read::records(conn, &submission)).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<QueueEvent>, QueueError> {
        self.read(move |conn, _| event::after(conn, after, limit)).await
    }

    async fn line_events(
        &self,
        submission: &SubmissionId,
        line: &LineId,
    ) -> Result<Vec<QueueEvent>, QueueError> {
        let (submission, line) = (submission.clone(), line.clone());
        self.read(move |conn, _| event::of_one_line(conn, &submission, &line)).await
    }

    async fn forget_older_than(&self, age_ms: u64) -> Result<Vec<SubmissionId>, QueueError> {
        let old = self.read(move |conn, now| read::final_for(conn, age_ms, now)).await?;
        let mut forgotten = Vec::new();
        for submission in old {
            match self.forget(&submission).await {
                Ok(_) => forgotten.push(submission),
                // Somebody was quicker, or set it going again.
                Err(QueueError::NoSuchSubmission(_) | QueueError::NotFinal(_)) => {}
                Err(err) => return Err(err),
            }
        }
        Ok(forgotten)
    }

    async fn report(&self, report: &WorkerReport) -> Result<WorkerOrders, QueueError> {
        let report = report.clone();
        self.write_soon(move |tx, now| worker::report(tx, &report, now)).await
    }

    async fn goodbye(&self, worker: &WorkerId, instance: &str) -> Result<(), QueueError> {
        let (worker, instance) = (worker.clone(), instance.to_owned());
        self.write(move |tx, now| worker::goodbye(tx, &worker, &instance, now)).await
    }

    async fn order_drain(&self, worker: &WorkerId, drain: bool) -> Result<(), QueueError> {
        let worker = worker.clone();
        self.write(move |tx, now| worker::order_drain(tx, &worker, drain, now)).await
    }

    async fn worked(&self, since_ms: u64) -> Result<Vec<WorkerHour>, QueueError> {
        self.read(move |conn, now| work::since(conn, since_ms, now)).await
    }

    async fn workers(&self) -> Result<Vec<WorkerCard>, QueueError> {
        self.read(worker::listed).await
    }
}
