//! Many simulated workers on one queue.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use queue::{Queue, Want};
use schemas::{Batch, Failure, FailureKind, LeasedLine, Outcome, Verdict, WorkerId};
use serde::Serialize;

use super::quantile;
use crate::lines::{ENGINE, submission};

/// What many workers got out of one queue.
#[derive(Debug, Clone, Serialize)]
pub struct Crowd {
    /// Simulated workers, over a few connections.
    pub workers: usize,
    /// Lines that went through.
    pub lines: usize,
    /// Lines a second, claimed, started and settled.
    pub lines_per_s: f64,
    /// Milliseconds that a claim took, half of them at most.
    pub claim_p50_ms: f64,
    /// Milliseconds that a claim took, 99 of 100 at most.
    pub claim_p99_ms: f64,
}

/// Has `workers` ask and settle until all of `lines` are through.
///
/// # Errors
/// When the queue fails.
pub async fn crowd(
    queues: &[Arc<dyn Queue>],
    workers: usize,
    lines: usize,
) -> anyhow::Result<Crowd> {
    queues[0].submit(submission("crowd", lines)).await?;
    let done = Arc::new(AtomicU64::new(0));
    let since = Instant::now();
    let work = (0..workers).map(|number| {
        let (queue, done) = (queues[number % queues.len()].clone(), done.clone());
        tokio::spawn(async move { one(queue, number, lines as u64, &done).await })
    });
    let mut claims_ms = Vec::new();
    for worker in work.collect::<Vec<_>>() {
        claims_ms.extend(worker.await??);
    }
    #[expect(clippy::cast_precision_loss, reason = "lines are counted in thousands")]
    let lines_per_s = lines as f64 / since.elapsed().as_secs_f64();
    Ok(Crowd {
        workers,
        lines,
        lines_per_s,
        claim_p50_ms: quantile(&mut claims_ms, 0.5),
        claim_p99_ms: quantile(&mut claims_ms, 0.99),
    })
}

/// Claims, starts and settles until everybody together is through; the milliseconds of its claims.
async fn one(
    queue: Arc<dyn Queue>,
    number: usize,
    lines: u64,
    done: &AtomicU64,
) -> anyhow::Result<Vec<f64>> {
    let want = Want { max_lines: 4, ..want(&format!("crowd-{number}"), ENGINE)? };
    let mut claims_ms = Vec::new();
    while done.load(Ordering::Relaxed) < lines {
        let since = Instant::now();
        let batch = queue.claim(&want).await?;
        claims_ms.push(since.elapsed().as_secs_f64() * 1_000.0);
        let Some(batch) = batch else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        for line in &batch.lines {
            queue.start(&batch.lease, &line.job.id).await?;
            queue.settle(&batch.lease, &line.job.id, &settled(&batch, line)).await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(claims_ms)
}

/// A worker that takes up to 32 lines.
pub(super) fn want(worker: &str, engine: &str) -> anyhow::Result<Want> {
    Ok(Want {
        worker: WorkerId::parse(worker)?,
        warm: Vec::new(),
        engines: BTreeSet::from([engine.to_owned()]),
        tags: BTreeSet::new(),
        max_lines: 32,
        max_audio_ms: u64::MAX / 2,
        lease_ms: 600_000,
    })
}

/// The cheapest final report of a line: nothing was spoken and nobody is to try again.
pub(super) fn settled(_: &Batch, _: &LeasedLine) -> Outcome {
    let message = "a trial speaks nothing".to_owned();
    Outcome::Failed {
        failure: Failure { verdict: Verdict::Reject, kind: FailureKind::Text, message },
    }
}
