//! The loop of a worker: claim, render, until told to stop or nothing is left.

use std::sync::Arc;

use apalis::prelude::{BoxDynError, Data, WorkerBuilder, WorkerError as SourceError};
use engine::Speaker;
use queue::{BatchSource, Queue, QueueError, WantNow};
use schemas::Batch;
use store::Store;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::render::Worker;
use crate::until_empty::stop_when_empty;
use crate::{EngineSet, Engines, OpenError, Report, Settings, WorkerError};

/// Renders what the queue has until `drain` is cancelled or, with [`Settings::until_empty`], until
/// nothing in it is open; says what was done.
///
/// `open_speaker` is called once on each engine thread. Several batches are in flight at once, so that
/// seats are filled from the next before the last line of one is done.
///
/// Once `drain` is cancelled nothing new is begun, lines that were not begun go back uncharged, and
/// lines being spoken or mastered have [`Settings::drain_ms`] to finish before they go back too.
/// Dropping the future instead stops at once, as a crash would: leases end by themselves.
///
/// # Errors
/// When the engine cannot be opened, the device fails, the store refuses or the queue is damaged; with
/// [`Settings::until_empty`], also when nobody speaks what is left. Outages are waited out.
pub async fn run<F>(
    settings: Settings,
    queue: Arc<dyn Queue>,
    store: Store,
    open_speaker: F,
    drain: CancellationToken,
) -> Result<Report, WorkerError>
where
    F: Fn() -> Result<Box<dyn Speaker>, OpenError> + Send + Sync + 'static,
{
    let engines = Engines::open(settings.threads, open_speaker).await?;
    run_with(settings, queue, store, EngineSet::new(engines), drain).await
}

/// As [`run()`], with all engines of a set.
///
/// # Errors
/// As [`run()`]; also when a model of the set cannot be loaded.
pub async fn run_with(
    settings: Settings,
    queue: Arc<dyn Queue>,
    store: Store,
    engines: EngineSet,
    drain: CancellationToken,
) -> Result<Report, WorkerError> {
    for caps in engines.all() {
        info!(engine = caps.engine, slots = caps.slots, "engine offered");
    }
    info!(worker = %settings.worker, store = store.place(), "worker ready");
    let worker = Worker::new(settings, queue, store, engines, drain.child_token())?;
    let worker = Arc::new(worker);
    worker.introduce().await?;
    let ended = tokio::select! {
        ended = worker.report_for_ever() => ended,
        ended = upload_what_waits(&worker) => ended,
        ended = claim_and_render(worker.clone()) => ended,
        ended = end_what_drains(&worker) => ended,
        ended = stop_when_empty(&worker) => ended,
    };
    let report = Report { voices: worker.engines.voices_prepared(), ..worker.tally.report() };
    let failure = worker.take_failure();
    if let Some(spool) = &worker.spool {
        tokio::time::timeout(worker.settings.drain(), spool.flush(&worker.store)).await.ok();
    }
    worker.say_goodbye().await;
    if let Some(worker) = Arc::into_inner(worker) {
        worker.engines.close().await;
    }
    info!(?report, "worker ended");
    match failure {
        Some(failure) => Err(failure),
        None => ended.map(|()| report),
    }
}

/// Runs apalis over the queue's batches; it returns once it was stopped and every batch is through.
async fn claim_and_render(worker: Arc<Worker>) -> Result<(), WorkerError> {
    let asking = worker.clone();
    let want: WantNow = Arc::new(move || asking.want());
    let source = BatchSource::new(worker.queue.clone(), want, worker.settings.poll());
    let stop = worker.drain.clone();
    let stopped = async move {
        stop.cancelled().await;
        Ok::<(), std::io::Error>(())
    };
    WorkerBuilder::new(worker.settings.worker.to_string())
        .backend(source)
        .data(worker)
        .build(render)
        .run_until(stopped)
        .await
        .map_err(source_failure)
}

async fn render(batch: Batch, worker: Data<Arc<Worker>>) -> Result<(), BoxDynError> {
    worker.render(&batch).await;
    Ok(())
}

fn source_failure(error: SourceError) -> WorkerError {
    match error {
        SourceError::BackendError(cause) => match cause.downcast::<QueueError>() {
            Ok(queue) => WorkerError::Queue(*queue),
            Err(other) => WorkerError::Source(other.to_string()),
        },
        other => WorkerError::Source(other.to_string()),
    }
}

/// Uploads what waits for the store. A store that refuses ends the worker. Never returns.
async fn upload_what_waits(worker: &Worker) -> Result<(), WorkerError> {
    if let Some(spool) = &worker.spool {
        worker.quit(WorkerError::Store(spool.upload(&worker.store).await));
    }
    std::future::pending().await
}

/// Cuts short what is still being rendered some seconds after the worker was told to stop. Never
/// returns.
async fn end_what_drains(worker: &Worker) -> Result<(), WorkerError> {
    worker.drain.cancelled().await;
    tokio::time::sleep(worker.settings.drain()).await;
    worker.cut.cancel();
    std::future::pending().await
}
