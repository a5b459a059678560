//! Stores the manifest of every submission once nothing of it is open any more.
//!
//! So the store says what an episode became also when nobody asks, and after the queue forgot it.

use std::collections::BTreeMap;

use schemas::{Progress, SubmissionId, manifest_object};
use tracing::{info, warn};

use super::app::App;
use crate::finish::{FinishError, finish};

/// Stores manifests until dropped. Several servers may do so at the same time: they write the same.
pub(super) async fn keep_manifests(app: &App) {
    let mut kept: BTreeMap<SubmissionId, u64> = BTreeMap::new();
    loop {
        // What cannot be read or written now is tried again the next time.
        if let Err(error) = keep_once(app, &mut kept).await {
            let error: &dyn std::error::Error = &error;
            warn!(error, "manifests cannot be kept");
        }
        tokio::time::sleep(app.limits.manifest_poll).await;
    }
}

/// Stores the manifests of submissions that are through and changed since `kept` was told.
async fn keep_once(app: &App, kept: &mut BTreeMap<SubmissionId, u64>) -> Result<(), FinishError> {
    let all = app.queue.submissions(None).await?;
    kept.retain(|id, _| all.iter().any(|progress| progress.submission == *id));
    for progress in &all {
        let id = &progress.submission;
        if progress.lines.open() > 0 {
            // Seen before its end: whatever manifest there is will be of before.
            kept.entry(id.clone()).or_insert(0);
            continue;
        }
        let is_kept = kept.get(id) == Some(&progress.changed_at_ms);
        if is_kept || is_kept_by_another(app, kept, progress).await? {
            continue;
        }
        finish(app.queue.as_ref(), &app.store, id).await?;
        kept.insert(id.clone(), progress.changed_at_ms);
        info!(submission = %id, "manifest stored");
    }
    Ok(())
}

/// Whether the manifest was there already when this server first saw the submission: what ended
/// before it started is not read all over again.
async fn is_kept_by_another(
    app: &App,
    kept: &mut BTreeMap<SubmissionId, u64>,
    progress: &Progress,
) -> Result<bool, FinishError> {
    let id = &progress.submission;
    if kept.contains_key(id) {
        return Ok(false);
    }
    let key = manifest_object(&progress.episode, id);
    let is_there = app.store.size(&key).await?.is_some();
    if is_there {
        kept.insert(id.clone(), progress.changed_at_ms);
    }
    Ok(is_there)
}
