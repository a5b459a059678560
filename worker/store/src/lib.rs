//! Objects by content key: a local folder, memory or S3 behind one type.
//!
//! The only user of `object_store`. Keys come from `schemas`; correctness rests on keys being made of
//! content, so writing twice is harmless and no conditional write is needed: some S3 servers accept
//! such a write and ignore its condition.

mod address;
mod checked;
mod entry;
mod error;
mod folder;
mod key;
mod open;
mod parts;
mod presign;
mod probe;
mod range;
mod retry;
mod settings;

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

pub use entry::Entry;
pub use error::StoreError;
use folder::Folder;
pub use probe::ConditionalPut;
pub use settings::S3Settings;

/// A place for objects. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    place: Arc<str>,
    driver: Arc<dyn ObjectStore>,
    /// What all keys are put below; empty but for S3.
    prefix: Path,
    /// The folder, when it is one: checked around a write, so that a folder that vanished (a disk that
    /// was unmounted) is not quietly made anew somewhere else.
    folder: Option<Arc<Folder>>,
    /// The driver once more, when it is S3's: what only that can do.
    s3: Option<Arc<AmazonS3>>,
}

impl Store {
    /// Opens a store by its address: a folder's path, `file:PATH`, `memory:`, or `s3://BUCKET/PREFIX`.
    /// A folder is made when it does not exist. S3 is reached with nothing but the defaults of
    /// [`S3Settings`]; see [`Store::open_with`].
    ///
    /// # Errors
    /// [`StoreError::BadAddress`], or what opening the folder gives.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        Self::open_with(address, S3Settings::default()).await
    }

    /// Opens a store by its address as [`Store::open`] does; `settings` say how S3 is reached and
    /// are not looked at for other stores. S3 itself is not contacted before the first use.
    ///
    /// # Errors
    /// [`StoreError::BadAddress`], or what opening the folder gives.
    pub async fn open_with(address: &str, settings: S3Settings) -> Result<Self, StoreError> {
        open::open(address, settings).await
    }

    /// Where it is, without credentials.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Writes an object whole: readers see all of it or nothing, and once this returns it survives
    /// a power cut. Large ones go to S3 in parts.
    ///
    /// # Errors
    /// Any but [`StoreError::NotFound`], after retries.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let bytes: Bytes = bytes.into();
        retry::while_unavailable(|| self.put_once(key, &path, bytes.clone())).await
    }

    /// Reads an object whole.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that key.
    pub async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let path = self.path(key)?;
        retry::while_unavailable(|| async {
            let read = async { self.driver.get(&path).await?.bytes().await };
            read.await.map_err(|source| self.read_error(key, source))
        })
        .await
    }

    /// Whether there is an object of that key, and how many bytes it has.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.entry(key).await?.map(|entry| entry.bytes))
    }

    /// Lists the keys below a prefix that ends in `/`, in no order. A prefix nothing lies below
    /// gives no keys.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let path = self.path(prefix.trim_end_matches('/'))?;
        retry::while_unavailable(|| async {
            self.check_folder()?;
            let listed: Vec<_> = self
                .driver
                .list(Some(&path))
                .try_collect()
                .await
                .map_err(|source| self.read_error(prefix, source))?;
            Ok(listed.iter().filter_map(|meta| self.key_of(&meta.location)).collect())
        })
        .await
    }

    async fn put_once(&self, key: &str, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        self.check_folder()?;
        match &self.s3 {
            Some(s3) if bytes.len() > parts::PART_BYTES => {
                parts::put(s3, path, &bytes, |source| self.write_error(key, source)).await
            }
            Some(_) | None => {
                let put = self.driver.put(path, bytes.into()).await;
                put.map_err(|source| self.write_error(key, source))?;
                // Had it vanished since, the write would have made another in its place.
                self.check_folder()
            }
        }
    }

    fn path(&self, key: &str) -> Result<Path, StoreError> {
        let path = key::check(key).map_err(|bad| StoreError::Denied {
            place: self.place.to_string(),
            advice: "give a key of plain names joined by `/`".to_owned(),
            source: Box::new(bad),
        })?;
        Ok(self.prefix.parts().chain(path.parts()).collect())
    }

    fn key_of(&self, location: &Path) -> Option<String> {
        let rest: Path = location.prefix_match(&self.prefix)?.collect();
        Some(rest.to_string())
    }

    fn check_folder(&self) -> Result<(), StoreError> {
        match self.folder.as_ref().map(|folder| folder.check()) {
            Some(Err(gone)) => Err(StoreError::Unavailable {
                place: self.place.to_string(),
                source: Box::new(gone),
            }),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// A missing object in a folder that is itself gone is an outage, not an absence.
    fn read_error(&self, key: &str, source: object_store::Error) -> StoreError {
        match self.check_folder() {
            Err(gone) => gone,
            Ok(()) => error::of_driver(&self.place, key, source),
        }
    }

    /// Writing needs no object: where one is missed, it is the bucket.
    fn write_error(&self, key: &str, source: object_store::Error) -> StoreError {
        match self.read_error(key, source) {
            StoreError::NotFound { place, key } => StoreError::Denied {
                place,
                advice: "make the bucket, or correct its name in the address".to_owned(),
                source: format!("nowhere to put `{key}`").into(),
            },
            other => other,
        }
    }
}
