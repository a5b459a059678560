//! What lies in a store, and taking it away.

use std::time::{Duration, SystemTime};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{Store, StoreError, retry};

/// How long a store may take to say what it has, or to take one object away.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// One object, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// How long it is.
    pub bytes: u64,
    /// When it was last written, by the store's clock.
    pub changed_at: SystemTime,
}

impl Store {
    /// Every object below a prefix that ends in `/`, or all of them for an empty one, in no order and
    /// page by page, so that a store of any size can be looked through. What is written or deleted
    /// meanwhile may be among them or not.
    pub fn entries(&self, prefix: &str) -> impl Stream<Item = Result<Entry, StoreError>> + '_ {
        let prefix = prefix.trim_end_matches('/').to_owned();
        let below = if prefix.is_empty() { Ok(self.prefix.clone()) } else { self.path(&prefix) };
        let listed = below.and_then(|path| self.check_folder().map(|()| path)).map(|path| {
            let is_everything = path.parts().next().is_none();
            let listing = self.driver.list((!is_everything).then_some(&path));
            listing.map_err(move |source| self.read_error(&prefix, source))
        });
        let (listed, refused) = match listed {
            Ok(listed) => (Some(listed), None),
            Err(error) => (None, Some(Err(error))),
        };
        let metas = stream::iter(listed).flatten();
        let entries = metas.try_filter_map(move |meta| async move {
            let key = self.key_of(&meta.location);
            Ok(key.map(|key| Entry {
                key,
                bytes: meta.size,
                changed_at: meta.last_modified.into(),
            }))
        });
        stream::iter(refused).chain(entries)
    }

    /// One object as a listing would show it now; `None` when there is none of that key.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn entry(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        let path = self.path(key)?;
        let asked = retry::while_unavailable(|| async {
            let asked = self.in_time(ANSWER, self.driver.head(&path)).await?;
            asked.map_err(|source| self.read_error(key, source))
        });
        match asked.await {
            Ok(meta) => Ok(Some(Entry {
                key: key.to_owned(),
                bytes: meta.size,
                changed_at: meta.last_modified.into(),
            })),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes an object away; one that is not there is no error.
    ///
    /// # Errors
    /// When the store cannot be written, after retries.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let deleted = retry::while_unavailable(|| async {
            self.check_folder()?;
            let deleted = self.in_time(ANSWER, self.driver.delete(&path)).await?;
            deleted.map_err(|source| self.read_error(key, source))
        });
        match deleted.await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    /// What `work` gives, unless it takes longer than `limit`: then the store counts as away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the time is over.
    pub(crate) async fn in_time<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(limit, work).await.map_err(|_| StoreError::Unavailable {
            place: self.place.to_string(),
            source: format!("no answer within {} s", limit.as_secs()).into(),
        })
    }
}
