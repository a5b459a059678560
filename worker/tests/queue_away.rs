//! A queue that goes away while a worker works.

mod episode;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use episode::{submission, texts};
use queue::{
    Added, Fence, NewSubmission, Queue, QueueError, Renewal, Selection, SubmissionChange, Want,
    WorkerCard,
};
use schemas::{
    Batch, EpisodeId, LeaseId, LineId, LineRecord, Outcome, Progress, QueueEvent, Submission,
    SubmissionId, TakeFacts, VoiceKey, WorkerId, WorkerOrders, WorkerReport,
};
use stage::{Control, ENGINE, Stage, fake_voice, reaches, settings};
use tokio_util::sync::CancellationToken;
use worker::Settings;

/// A queue that can be cut off.
#[derive(Debug)]
struct Cut {
    inner: Arc<dyn Queue>,
    is_away: AtomicBool,
}

impl Cut {
    fn there(&self) -> Result<&dyn Queue, QueueError> {
        if self.is_away.load(Ordering::SeqCst) {
            let place = "somewhere".to_owned();
            return Err(QueueError::Unavailable { place, source: "no route".into() });
        }
        Ok(&*self.inner)
    }
}

type Answered<T> = Result<T, QueueError>;

#[async_trait]
impl Queue for Cut {
    async fn submit(&self, new: NewSubmission) -> Answered<Added> {
        self.there()?.submit(new).await
    }
    async fn claim(&self, want: &Want) -> Answered<Option<Batch>> {
        self.there()?.claim(want).await
    }
    async fn start(&self, lease: &LeaseId, line: &LineId) -> Answered<Fence> {
        self.there()?.start(lease, line).await
    }
    async fn renew(&self, lease: &LeaseId, lease_ms: u64) -> Answered<Renewal> {
        self.there()?.renew(lease, lease_ms).await
    }
    async fn settle(&self, lease: &LeaseId, line: &LineId, how: &Outcome) -> Answered<Fence> {
        self.there()?.settle(lease, line, how).await
    }
    async fn release(&self, lease: &LeaseId) -> Answered<u64> {
        self.there()?.release(lease).await
    }
    async fn takes_of_voice(&self, id: &SubmissionId, of: &VoiceKey) -> Answered<Vec<TakeFacts>> {
        self.there()?.takes_of_voice(id, of).await
    }
    async fn retry(&self, selection: &Selection) -> Answered<u64> {
        self.there()?.retry(selection).await
    }
    async fn cancel(&self, selection: &Selection) -> Answered<u64> {
        self.there()?.cancel(selection).await
    }
    async fn change(&self, id: &SubmissionId, change: SubmissionChange) -> Answered<()> {
        self.there()?.change(id, change).await
    }
    async fn forget(&self, id: &SubmissionId) -> Answered<u64> {
        self.there()?.forget(id).await
    }
    async fn progress(&self, id: &SubmissionId) -> Answered<Option<Progress>> {
        self.there()?.progress(id).await
    }
    async fn submissions(&self, episode: Option<&EpisodeId>) -> Answered<Vec<Progress>> {
        self.there()?.submissions(episode).await
    }
    async fn submission(&self, id: &SubmissionId) -> Answered<Option<Submission>> {
        self.there()?.submission(id).await
    }
    async fn lines(&self, id: &SubmissionId) -> Answered<Vec<LineRecord>> {
        self.there()?.lines(id).await
    }
    async fn events(&self, after: u64, limit: usize) -> Answered<Vec<QueueEvent>> {
        self.there()?.events(after, limit).await
    }
    async fn line_events(&self, id: &SubmissionId, line: &LineId) -> Answered<Vec<QueueEvent>> {
        self.there()?.line_events(id, line).await
    }
    async fn worked(&self, since_ms: u64) -> Answered<Vec<queue::WorkerHour>> {
        self.there()?.worked(since_ms).await
    }
    async fn forget_older_than(&self, age_ms: u64) -> Answered<Vec<SubmissionId>> {
        self.there()?.forget_older_than(age_ms).await
    }
    async fn report(&self, report: &WorkerReport) -> Answered<WorkerOrders> {
        self.there()?.report(report).await
    }
    async fn goodbye(&self, worker: &WorkerId, instance: &str) -> Answered<()> {
        self.there()?.goodbye(worker, instance).await
    }
    async fn order_drain(&self, worker: &WorkerId, drain: bool) -> Answered<()> {
        self.there()?.order_drain(worker, drain).await
    }
    async fn workers(&self) -> Answered<Vec<WorkerCard>> {
        self.there()?.workers().await
    }
}

/// The patience with outages is five minutes, and the test waits for less than one.
#[tokio::test(flavor = "multi_thread")]
async fn who_stops_a_worker_does_not_wait_for_a_queue_that_is_away() {
    let stage = Stage::new().await;
    stage.queue.submit(submission(ENGINE, &[fake_voice("mira")], &texts(6))).await.unwrap();
    let cut = Arc::new(Cut { inner: stage.queue.clone(), is_away: AtomicBool::new(false) });
    let (control, drain) = (Control::new(false), CancellationToken::new());
    let patient = Settings { patience_ms: 300_000, drain_ms: 200, ..settings("one") };
    let run =
        worker::run(patient, cut.clone(), stage.store.clone(), control.speaker(2), drain.clone());
    let run = tokio::spawn(run);
    reaches(&control.begun, 2).await;
    cut.is_away.store(true, Ordering::SeqCst);
    // The lines in hand end and cannot be reported.
    control.open_gate();
    drain.cancel();
    let report = tokio::time::timeout(Duration::from_secs(30), run).await;
    let report = report.expect("the worker returns before its patience ends").unwrap().unwrap();
    assert_eq!(report.spoken, 0, "{report:?}");

    cut.is_away.store(false, Ordering::SeqCst);
    stage.pass_ms(60_000);
    let (control, drain) = (Control::new(true), CancellationToken::new());
    let run = worker::run(settings("two"), cut, stage.store.clone(), control.speaker(2), drain);
    let report = tokio::time::timeout(stage::BOUND, run).await.unwrap().unwrap();
    assert_eq!(report.mastered, 6, "{report:?}");
}
