//! Batches reach an apalis worker, and nothing is lost on the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apalis::prelude::{Data, WorkerBuilder, WorkerContext};
use async_trait::async_trait;
use queue::{
    Added, BatchSource, Fence, NewSubmission, Queue, QueueError, Renewal, Selection,
    SubmissionChange, Want, WorkerCard,
};
use schemas::{
    Batch, EpisodeId, LeaseId, LineId, LineRecord, Outcome, Progress, QueueEvent, Submission,
    SubmissionId, TakeFacts, VoiceKey, WorkerId, WorkerOrders, WorkerReport,
};
use suite::world::{claim, submission, want};
use tokio::sync::Notify;

#[expect(dead_code, reason = "only its small world is used here")]
mod suite;

/// What the next claims answer.
enum Answer {
    Batch(Box<Batch>),
    Unavailable,
    Broken,
}

/// A queue that answers claims as it was told, then has nothing.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Answer>>,
    claims: AtomicUsize,
    released: Mutex<Vec<LeaseId>>,
    /// Claims wait for it, if it is there.
    gate: Option<Arc<Notify>>,
    asked: Notify,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

type Answered<T> = Result<T, QueueError>;

#[async_trait]
impl Queue for Scripted {
    async fn claim(&self, _: &Want) -> Answered<Option<Batch>> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        self.asked.notify_one();
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let (place, source) = ("here".to_owned(), "no".into());
        match self.answers.lock().unwrap().pop_front() {
            Some(Answer::Batch(batch)) => Ok(Some(*batch)),
            Some(Answer::Unavailable) => Err(QueueError::Unavailable { place, source }),
            Some(Answer::Broken) => Err(QueueError::Broken { place, advice: "act", source }),
            None => Ok(None),
        }
    }
    async fn release(&self, lease: &LeaseId) -> Answered<u64> {
        self.released.lock().unwrap().push(lease.clone());
        Ok(1)
    }
    async fn submit(&self, _: NewSubmission) -> Answered<Added> {
        unreachable!("a source only claims and releases")
    }
    async fn start(&self, _: &LeaseId, _: &LineId) -> Answered<Fence> {
        unreachable!("a source only claims and releases")
    }
    async fn renew(&self, _: &LeaseId, _: u64) -> Answered<Renewal> {
        unreachable!("a source only claims and releases")
    }
    async fn settle(&self, _: &LeaseId, _: &LineId, _: &Outcome) -> Answered<Fence> {
        unreachable!("a source only claims and releases")
    }
    async fn takes_of_voice(&self, _: &SubmissionId, _: &VoiceKey) -> Answered<Vec<TakeFacts>> {
        unreachable!("a source only claims and releases")
    }
    async fn retry(&self, _: &Selection) -> Answered<u64> {
        unreachable!("a source only claims and releases")
    }
    async fn cancel(&self, _: &Selection) -> Answered<u64> {
        unreachable!("a source only claims and releases")
    }
    async fn change(&self, _: &SubmissionId, _: SubmissionChange) -> Answered<()> {
        unreachable!("a source only claims and releases")
    }
    async fn forget(&self, _: &SubmissionId) -> Answered<u64> {
        unreachable!("a source only claims and releases")
    }
    async fn progress(&self, _: &SubmissionId) -> Answered<Option<Progress>> {
        unreachable!("a source only claims and releases")
    }
    async fn submissions(&self, _: Option<&EpisodeId>) -> Answered<Vec<Progress>> {
        unreachable!("a source only claims and releases")
    }
    async fn submission(&self, _: &SubmissionId) -> Answered<Option<Submission>> {
        unreachable!("a source only claims and releases")
    }
    async fn lines(&self, _: &SubmissionId) -> Answered<Vec<LineRecord>> {
        unreachable!("a source only claims and releases")
    }
    async fn events(&self, _: u64, _: usize) -> Answered<Vec<QueueEvent>> {
        unreachable!("a source only claims and releases")
    }
    async fn worked(&self, _: u64) -> Answered<Vec<queue::WorkerHour>> {
        unreachable!("a source only claims and releases")
    }
    async fn line_events(&self, _: &SubmissionId, _: &LineId) -> Answered<Vec<QueueEvent>> {
        unreachable!("a source only claims and releases")
    }
    async fn forget_older_than(&self, _: u64) -> Answered<Vec<SubmissionId>> {
        unreachable!("a source only claims and releases")
    }
    async fn report(&self, _: &WorkerReport) -> Answered<WorkerOrders> {
        unreachable!("a source only claims and releases")
    }
    async fn goodbye(&self, _: &WorkerId, _: &str) -> Answered<()> {
        unreachable!("a source only claims and releases")
    }
    async fn order_drain(&self, _: &WorkerId, _: bool) -> Answered<()> {
        unreachable!("a source only claims and releases")
    }
    async fn workers(&self) -> Answered<Vec<WorkerCard>> {
        unreachable!("a source only claims and releases")
    }
}

/// A real batch, made by a real queue.
async fn batch() -> Batch {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue::SqliteQueue::open(&folder.path().join("queue.db")).unwrap();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    claim(&queue, &want("a")).await
}

fn source(queue: &Arc<Scripted>) -> BatchSource {
    let queue: Arc<dyn Queue> = Arc::clone(queue) as _;
    BatchSource::new(queue, Arc::new(|| Some(want("a"))), Duration::from_millis(200))
}

fn scripted(answers: Vec<Answer>) -> Scripted {
    Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() }
}

/// Takes note of the batch and stops the worker.
async fn note(batch: Batch, seen: Data<Arc<Mutex<Vec<Batch>>>>, worker: WorkerContext) {
    seen.lock().unwrap().push(batch);
    worker.stop().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_reached_is_ridden_out() {
    let one = batch().await;
    let misses = (0..12).map(|_| Answer::Unavailable);
    let queue = Arc::new(scripted(misses.chain([Answer::Batch(Box::new(one.clone()))]).collect()));
    let seen = Arc::new(Mutex::new(Vec::<Batch>::new()));
    let began = tokio::time::Instant::now();
    let worker =
        WorkerBuilder::new("w").backend(source(&queue)).data(Arc::clone(&seen)).build(note);
    worker.run().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [one]);
    assert_eq!(queue.claims.load(Ordering::SeqCst), 13);
    assert!(began.elapsed() > Duration::from_secs(100), "it pauses longer and longer");
    assert!(began.elapsed() < Duration::from_secs(200), "but never above thirty seconds");
}

#[tokio::test(start_paused = true)]
async fn a_broken_queue_ends_the_worker_with_an_error() {
    let queue = Arc::new(scripted(vec![Answer::Broken]));
    let seen = Arc::new(Mutex::new(Vec::<Batch>::new()));
    let worker = WorkerBuilder::new("w").backend(source(&queue)).data(seen).build(note);
    assert!(worker.run().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn work_starts_within_a_poll_of_being_there() {
    let queue = Arc::new(Scripted::default());
    let seen = Arc::new(Mutex::new(Vec::<Batch>::new()));
    let worker =
        WorkerBuilder::new("w").backend(source(&queue)).data(Arc::clone(&seen)).build(note);
    let one = batch().await;
    let late = Arc::clone(&queue);
    let began = tokio::time::Instant::now();
    let add = async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        late.answers.lock().unwrap().push_back(Answer::Batch(Box::new(one)));
    };
    let (ran, ()) = tokio::join!(worker.run(), add);
    ran.unwrap();
    let waited = began.elapsed();
    assert!(waited <= Duration::from_millis(60_201), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_worker_claims_nothing() {
    let queue = Arc::new(Scripted::default());
    let full = BatchSource::new(
        Arc::clone(&queue) as Arc<dyn Queue>,
        Arc::new(|| None),
        Duration::from_millis(200),
    );
    let seen = Arc::new(Mutex::new(Vec::<Batch>::new()));
    let worker = WorkerBuilder::new("w").backend(full).data(seen).build(note);
    let ran = tokio::time::timeout(Duration::from_secs(10), worker.run()).await;
    assert!(ran.is_err(), "it waits for room");
    assert_eq!(queue.claims.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_batch_that_comes_after_the_shutdown_is_released() {
    let one = batch().await;
    let gate = Arc::new(Notify::new());
    let answers = Mutex::new(VecDeque::from([Answer::Batch(Box::new(one.clone()))]));
    let queue =
        Arc::new(Scripted { answers, gate: Some(Arc::clone(&gate)), ..Scripted::default() });
    let seen = Arc::new(Mutex::new(Vec::<Batch>::new()));
    let context = WorkerContext::new("w");
    let worker = WorkerBuilder::new(context.clone())
        .backend(source(&queue))
        .data(Arc::clone(&seen))
        .build(note);
    let run = tokio::spawn(worker.run());
    queue.asked.notified().await;
    context.stop().unwrap();
    gate.notify_one();
    run.await.unwrap().unwrap();
    assert_eq!(*queue.released.lock().unwrap(), [one.lease]);
    assert!(seen.lock().unwrap().is_empty());
}
