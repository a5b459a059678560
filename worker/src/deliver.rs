//! Putting bytes into the store and words into the queue, through outages.

use bytes::Bytes;
use queue::{Fence, QueueError};
use schemas::{LeaseId, LineId, Outcome};
use store::StoreError;

use crate::outage::wait_out;
use crate::render::Worker;

impl Worker {
    /// Writes an object; an outage is waited out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] once the patience is used up; what waiting does not cure at once.
    pub(crate) async fn deliver(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let put = || self.store.put(key, bytes.clone());
        wait_out("store", self.settings.patience(), store_may_come_back, put).await
    }

    /// Reads an object; an outage is waited out.
    ///
    /// # Errors
    /// As [`Worker::deliver`], and [`StoreError::NotFound`].
    pub(crate) async fn fetch(&self, key: &str) -> Result<Bytes, StoreError> {
        let get = || self.store.get(key);
        wait_out("store", self.settings.patience(), store_may_come_back, get).await
    }

    /// Asks for an object's length; an outage is waited out.
    ///
    /// # Errors
    /// As [`Worker::deliver`].
    pub(crate) async fn size_of(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let size = || self.store.size(key);
        wait_out("store", self.settings.patience(), store_may_come_back, size).await
    }

    /// Charges a line an attempt; an outage of the queue is waited out.
    ///
    /// # Errors
    /// What the queue gave, once the patience is used up.
    pub(crate) async fn start(&self, lease: &LeaseId, line: &LineId) -> Result<Fence, QueueError> {
        let start = || self.queue.start(lease, line);
        wait_out("queue", self.settings.patience(), queue_may_come_back, start).await
    }

    /// Reports what became of a line; an outage of the queue is waited out.
    ///
    /// # Errors
    /// What the queue gave, once the patience is used up: the lease then ends by itself, and the line is
    /// found in the store by whoever has it next.
    pub(crate) async fn settle(
        &self,
        lease: &LeaseId,
        line: &LineId,
        outcome: &Outcome,
    ) -> Result<Fence, QueueError> {
        let settle = || self.queue.settle(lease, line, outcome);
        wait_out("queue", self.settings.patience(), queue_may_come_back, settle).await
    }
}

fn store_may_come_back(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}

/// Whether the queue may answer later.
pub(crate) fn queue_may_come_back(error: &QueueError) -> bool {
    matches!(error, QueueError::Unavailable { .. })
}
