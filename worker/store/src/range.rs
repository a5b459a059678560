//! Reading part of an object.

use std::ops::Range;

use bytes::Bytes;
use object_store::ObjectStoreExt as _;

use crate::{Store, StoreError, retry};

impl Store {
    /// Reads the bytes of an object that are in `range`; fewer when it ends before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that key. A range that is empty or begins behind
    /// the object's end may be an error or give nothing.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let path = self.path(key)?;
        retry::while_unavailable(|| async {
            let read = self.driver.get_range(&path, range.clone()).await;
            read.map_err(|source| self.read_error(key, source))
        })
        .await
    }
}
