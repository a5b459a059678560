//! Lines a second through the queue, with nothing spoken.

use std::sync::Arc;
use std::time::Instant;

use queue::{Fence, Queue};
use serde::Serialize;

use super::crowd::{settled, want};
use crate::lines::{ENGINE, submission};

/// Lines a second, one process and one call at a time.
#[derive(Debug, Clone, Serialize)]
pub struct Rates {
    /// Lines in all.
    pub lines: usize,
    /// Submitted, all at once.
    pub submitted_per_s: f64,
    /// Handed out, in batches of 32.
    pub claimed_per_s: f64,
    /// Started and settled, one after the other.
    pub settled_per_s: f64,
}

/// Measures a queue that is empty.
///
/// # Errors
/// When the queue fails.
pub async fn rates(queue: Arc<dyn Queue>, lines: usize) -> anyhow::Result<Rates> {
    let since = Instant::now();
    queue.submit(submission("rates", lines)).await?;
    let submitted = since.elapsed();
    let (mut batches, since) = (Vec::new(), Instant::now());
    while let Some(batch) = queue.claim(&want("rates", ENGINE)?).await? {
        batches.push(batch);
    }
    let claimed = since.elapsed();
    let since = Instant::now();
    for batch in &batches {
        for line in &batch.lines {
            queue.start(&batch.lease, &line.job.id).await?;
            let fence = queue.settle(&batch.lease, &line.job.id, &settled(batch, line)).await?;
            anyhow::ensure!(fence == Fence::Held, "a lease ran out while rates were measured");
        }
    }
    let settled = since.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "lines are counted in thousands")]
    let rate = |took: std::time::Duration| lines as f64 / took.as_secs_f64();
    Ok(Rates {
        lines,
        submitted_per_s: rate(submitted),
        claimed_per_s: rate(claimed),
        settled_per_s: rate(settled),
    })
}
