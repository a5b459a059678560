//! Large objects go to S3 in parts, each sent again on its own when it fails.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::MultipartId;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;

use crate::{StoreError, retry};

/// Objects above this many bytes go in parts of as many: the least S3 allows is 5 MiB.
pub(crate) const PART_BYTES: usize = 8 * 1_024 * 1_024;

/// Parts of one object on their way at the same time; bounds memory in flight to 32 MiB.
const PARTS_AT_ONCE: usize = 4;

/// An upload that the bucket keeps, and bills, until it is completed or taken back. Dropped
/// unfinished, it is taken back in the background.
struct Upload {
    s3: Arc<AmazonS3>,
    path: Path,
    id: MultipartId,
    is_over: bool,
}

/// Sends `bytes` in parts, tried again part by part; what cannot be finished is taken back.
///
/// # Errors
/// What the last try of a part, or of the end, gave, as `meant` reads it.
pub(crate) async fn put(
    s3: &Arc<AmazonS3>,
    path: &Path,
    bytes: &Bytes,
    meant: impl Fn(object_store::Error) -> StoreError,
) -> Result<(), StoreError> {
    let id = s3.create_multipart(path).await.map_err(&meant)?;
    let mut upload = Upload { s3: s3.clone(), path: path.clone(), id, is_over: false };
    let sent = upload.send(bytes, &meant).await;
    if sent.is_err() {
        take_back(s3, path, &upload.id).await;
    }
    upload.is_over = true;
    sent
}

impl Upload {
    /// Sends all parts and puts them together.
    async fn send(
        &self,
        bytes: &Bytes,
        meant: &impl Fn(object_store::Error) -> StoreError,
    ) -> Result<(), StoreError> {
        let starts = (0..bytes.len()).step_by(PART_BYTES);
        let parts = starts.map(|start| bytes.slice(start..bytes.len().min(start + PART_BYTES)));
        let sending = parts.enumerate().map(|(number, part)| async move {
            retry::while_unavailable(|| async {
                let part = part.clone().into();
                self.s3.put_part(&self.path, &self.id, number, part).await.map_err(meant)
            })
            .await
        });
        let sending: Vec<_> = sending.collect();
        let parts: Vec<PartId> =
            stream::iter(sending).buffered(PARTS_AT_ONCE).try_collect().await?;
        self.s3.complete_multipart(&self.path, &self.id, parts).await.map(drop).map_err(meant)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (s3, path, id) = (self.s3.clone(), self.path.clone(), self.id.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { take_back(&s3, &path, &id).await });
        }
    }
}

async fn take_back(s3: &AmazonS3, path: &Path, id: &MultipartId) {
    if let Err(error) = s3.abort_multipart(path, id).await {
        tracing::warn!(
            %path,
            %error,
            "unfinished upload left in the bucket; have a lifecycle rule of the bucket remove such"
        );
    }
}
