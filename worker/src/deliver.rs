//! Putting bytes into the store and words into the queue, through outages.

use bytes::Bytes;
use queue::{Fence, QueueError};
use schemas::{Batch, LeaseId, LineId, Outcome};
use store::StoreError;
use telemetry::metrics::{STORE_ERRORS, STORE_UPLOADED};
use telemetry::trace::stage;

use crate::outage::wait_out;
use crate::render::Worker;
use crate::spool::{Object, Spool};

impl Worker {
    /// Writes two objects, the second once the first is in the store: where that exists, so does this.
    ///
    /// In an outage they are kept on this machine's disk, if the worker has a spool: the line no longer
    /// takes room, stays leased, and this returns once both are in the store. Without a spool the
    /// outage is waited out for as long as the patience lasts; with one that is full, until it ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] once the patience is used up; what waiting does not cure at once.
    pub(crate) async fn deliver(
        &self,
        batch: &Batch,
        objects: [Object; 2],
    ) -> Result<(), StoreError> {
        stage("upload", self.store_both(batch, objects)).await
    }

    async fn store_both(&self, batch: &Batch, objects: [Object; 2]) -> Result<(), StoreError> {
        let Some(spool) = &self.spool else {
            let put = || self.put(&objects);
            return wait_out("store", self.settings.patience(), store_may_come_back, put).await;
        };
        let mut objects = objects;
        loop {
            if !spool.is_away() {
                match self.put(&objects).await {
                    Err(error) if store_may_come_back(&error) => spool.note_away(&error),
                    settled => return settled,
                }
            }
            match spool.keep(objects).await {
                Ok(stored) => {
                    let _parked = self.room.park(batch, &self.engines);
                    return stored.await.map_err(|_| lost_from_the_spool(spool));
                }
                Err(no_room) => {
                    objects = no_room;
                    spool.back().await;
                }
            }
        }
    }

    async fn put(&self, objects: &[Object; 2]) -> Result<(), StoreError> {
        for (key, bytes) in objects {
            let put = self.store.put(key, bytes.clone()).await;
            put.inspect_err(|error| note_error("write", error))?;
            note_upload(bytes.len());
        }
        Ok(())
    }

    /// Reads an object; an outage is waited out, to its end when the worker has a spool.
    ///
    /// # Errors
    /// As [`Worker::deliver`], and [`StoreError::NotFound`].
    pub(crate) async fn fetch(&self, key: &str) -> Result<Bytes, StoreError> {
        self.ask(|| self.store.get(key)).await
    }

    /// Reads an object that can be made anew: `None` when there is none of that key, and also in an
    /// outage through which this worker goes on.
    ///
    /// # Errors
    /// As [`Worker::fetch`], but for what is missing.
    pub(crate) async fn find(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let Some(spool) = &self.spool else {
            return match self.fetch(key).await {
                Ok(bytes) => Ok(Some(bytes)),
                Err(StoreError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            };
        };
        if spool.is_away() {
            return Ok(None);
        }
        match self.store.get(key).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error @ StoreError::Unavailable { .. }) => {
                note_error("read", &error);
                spool.note_away(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the store, through outages.
    async fn ask<T, A>(&self, question: impl Fn() -> A) -> Result<T, StoreError>
    where
        A: Future<Output = Result<T, StoreError>>,
    {
        let question = || async { question().await.inspect_err(|error| note_error("read", error)) };
        let Some(spool) = &self.spool else {
            return wait_out("store", self.settings.patience(), store_may_come_back, question)
                .await;
        };
        loop {
            spool.back().await;
            match question().await {
                Err(error) if store_may_come_back(&error) => spool.note_away(&error),
                settled => return settled,
            }
        }
    }

    /// Asks for an object's length; an outage is waited out, to its end when the worker has a spool.
    ///
    /// # Errors
    /// As [`Worker::deliver`].
    pub(crate) async fn size_of(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.ask(|| self.store.size(key)).await
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
        let patience = self.settings.patience();
        stage("settle", wait_out("queue", patience, queue_may_come_back, settle)).await
    }
}

/// Counts what is in the store now.
pub(crate) fn note_upload(bytes: usize) {
    STORE_UPLOADED.add(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)), []);
}

/// Counts a call of the store that failed. What is not there was only asked for.
pub(crate) fn note_error(operation: &'static str, error: &StoreError) {
    let reason = match error {
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Damaged { .. } => "damaged",
        StoreError::Denied { .. } => "denied",
        StoreError::BadAddress { .. } => "bad_address",
        StoreError::NotFound { .. } => return,
    };
    STORE_ERRORS.count([operation, reason]);
}

/// The disk lost what was kept there: another try speaks the line anew.
fn lost_from_the_spool(spool: &Spool) -> StoreError {
    StoreError::Unavailable {
        place: spool.to_string(),
        source: "audio that was kept on this disk is gone".into(),
    }
}

fn store_may_come_back(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}

/// Whether the queue may answer later.
pub(crate) fn queue_may_come_back(error: &QueueError) -> bool {
    matches!(error, QueueError::Unavailable { .. })
}
