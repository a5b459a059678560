//! What a submission became, from the queue into the store.

use queue::{Queue, QueueError};
use schemas::{Manifest, SubmissionId, edits_object, manifest_object};
use store::{Store, StoreError};

use crate::export::{manifest, manifest_json};
use crate::takes::{self, TakesError};

/// Why a manifest could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// The queue cannot be read, or does not know the submission.
    #[error("the manifest cannot be made")]
    Queue(#[from] QueueError),
    /// The store cannot be read or written.
    #[error("the manifest cannot be stored")]
    Store(#[from] StoreError),
    /// What was decided about takes cannot be used.
    #[error(transparent)]
    Takes(#[from] TakesError),
}

/// Makes the manifest of a submission as it stands now and stores it.
///
/// # Errors
/// When queue or store cannot be reached; nothing is changed then.
pub async fn finish(
    queue: &dyn Queue,
    store: &Store,
    id: &SubmissionId,
) -> Result<Manifest, FinishError> {
    let manifest = manifest_now(queue, store, id).await?;
    let key = manifest_object(&manifest.episode, id);
    store.put(&key, manifest_json(&manifest)).await?;
    Ok(manifest)
}

/// Makes the manifest of a submission as it stands now; changes nothing.
///
/// # Errors
/// When queue or store cannot be reached, or the queue knows no such submission.
pub async fn manifest_now(
    queue: &dyn Queue,
    store: &Store,
    id: &SubmissionId,
) -> Result<Manifest, FinishError> {
    let submission =
        queue.submission(id).await?.ok_or_else(|| QueueError::NoSuchSubmission(id.to_string()))?;
    let records = queue.lines(id).await?;
    let edits = match store.get(&edits_object(&submission.episode, id)).await {
        Ok(json) => serde_json::from_slice(&json).ok(),
        Err(StoreError::NotFound { .. }) => None,
        Err(err) => return Err(err.into()),
    };
    let mut manifest = manifest(&submission, &records, edits);
    takes::annotate(&mut manifest, &takes::read(&submission.episode, store).await?);
    Ok(manifest)
}
