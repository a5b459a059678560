//! Whether the store still has what the queue says was rendered.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use queue::Queue;
use schemas::{LineRecord, LineState, SubmissionId, delivery_object, master_object, take_object};
use store::{Store, StoreError};

use super::{ASKED_AT_ONCE, SubmitError};

/// Whether audio that the queue counts on for this submission is gone from the store, because
/// somebody removed or replaced the store. A submission that the queue does not know has lost none.
pub(super) async fn has_lost_audio(
    id: &SubmissionId,
    queue: &dyn Queue,
    store: &Store,
) -> Result<bool, SubmitError> {
    if queue.progress(id).await?.is_none() {
        return Ok(false);
    }
    let records = queue.lines(id).await?;
    let objects: Vec<_> = records.iter().flat_map(counted_on).collect();
    let lost = stream::iter(objects)
        .map(|(key, bytes)| async move { Ok::<_, StoreError>(!has(store, &key, bytes).await?) })
        .buffer_unordered(ASKED_AT_ONCE)
        .try_any(|is_lost| async move { is_lost })
        .await?;
    Ok(lost)
}

async fn has(store: &Store, key: &str, bytes: Option<u64>) -> Result<bool, StoreError> {
    let size = store.size(key).await?;
    Ok(size.is_some() && (bytes.is_none() || size == bytes))
}

/// Objects that a line needs to be mastered or exported, with their size where it is known.
fn counted_on(record: &LineRecord) -> Vec<(String, Option<u64>)> {
    match (&record.delivery, &record.take) {
        (Some(delivery), _) if record.state == LineState::Done => vec![
            (master_object(&delivery.master_key), None),
            (delivery_object(&delivery.master_key), Some(delivery.delivery_bytes)),
        ],
        (_, Some(take)) => vec![(take_object(&take.synth_key), Some(take.bytes))],
        (_, None) => Vec::new(),
    }
}
