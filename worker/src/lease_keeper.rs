//! Keeps a lease alive while its lines are rendered, and tells them when it is not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use queue::{Queue, Renewal};
use schemas::{Batch, LeaseId, LineId};
use telemetry::metrics::LEASES_LOST;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Renews one lease at a third of its length, on a task of its own so that no work delays it.
///
/// A line that was cancelled, and every line once the lease is lost, has its token cancelled: its
/// audio is thrown away. Dropping this ends the renewals.
pub(crate) struct LeaseKeeper {
    lost: CancellationToken,
    lines: Arc<HashMap<LineId, CancellationToken>>,
    task: JoinHandle<()>,
}

impl LeaseKeeper {
    /// Starts to renew the lease of `batch` to `lease_ms` each time.
    pub(crate) fn keep(queue: Arc<dyn Queue>, batch: &Batch, lease_ms: u64) -> Self {
        let lost = CancellationToken::new();
        let lines = batch.lines.iter().map(|line| (line.job.id.clone(), lost.child_token()));
        let lines = Arc::new(lines.collect::<HashMap<_, _>>());
        let renewals = renewals(queue, batch.lease.clone(), lease_ms, lost.clone(), lines.clone());
        Self { lost, lines, task: tokio::spawn(renewals) }
    }

    /// Cancelled when the line need not be rendered any more.
    pub(crate) fn unwanted(&self, line: &LineId) -> CancellationToken {
        self.lines.get(line).unwrap_or(&self.lost).clone()
    }

    /// Whether the lease has ended before its lines were done.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Renews until the lease is lost. When the queue cannot be reached it is asked again sooner: the
/// lease may still hold, and if it does not, the queue refuses what is reported under it.
async fn renewals(
    queue: Arc<dyn Queue>,
    lease: LeaseId,
    lease_ms: u64,
    lost: CancellationToken,
    lines: Arc<HashMap<LineId, CancellationToken>>,
) {
    let usual = Duration::from_millis((lease_ms / 3).max(1));
    let mut wait = usual;
    loop {
        tokio::time::sleep(wait).await;
        wait = usual;
        match queue.renew(&lease, lease_ms).await {
            Ok(Renewal::Held { cancelled, .. }) => {
                for line in &cancelled {
                    info!(%lease, %line, "line cancelled");
                    if let Some(token) = lines.get(line) {
                        token.cancel();
                    }
                }
            }
            Ok(Renewal::Lost) => {
                debug!(%lease, "lease ended");
                LEASES_LOST.count([]);
                lost.cancel();
                return;
            }
            Err(error) => {
                warn!(%lease, %error, "lease not renewed, trying again");
                wait = usual.min(Duration::from_secs(1));
            }
        }
    }
}
