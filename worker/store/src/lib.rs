//! Objects by content key: a local folder, memory or S3 behind one type.
//!
//! The only user of `object_store`. Keys come from `schemas`; correctness rests on keys being made of
//! content, so writing twice is harmless and no conditional write is needed.

use bytes::Bytes;

/// What can go wrong with the store; the variants differ in what the caller does.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or is overloaded; the same call may succeed later.
    #[error("the store at {place} cannot be reached")]
    Unavailable {
        /// Where it is, without credentials.
        place: String,
        /// What the driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such object.
    #[error("the store at {place} has no object `{key}`")]
    NotFound {
        /// Where it is, without credentials.
        place: String,
        /// Which object.
        key: String,
    },
    /// It refuses: credentials, permissions, or the disk is full. A person must act.
    #[error("the store at {place} refuses: {advice}")]
    Denied {
        /// Where it is, without credentials.
        place: String,
        /// What to do.
        advice: String,
        /// What the driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address is not one of a store.
    #[error("`{address}` is no store: {advice}")]
    BadAddress {
        /// What was given, without credentials.
        address: String,
        /// What would be one.
        advice: String,
    },
}

/// A place for objects. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    place: String,
}

impl Store {
    /// Opens a store by its address: a folder's path, `file:PATH`, `memory:`, or `s3://BUCKET/PREFIX`.
    /// A folder is made when it does not exist. Credentials for S3 come from `settings`.
    ///
    /// # Errors
    /// [`StoreError::BadAddress`], or what opening the folder gives.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        todo!("{address}")
    }

    /// Where it is, without credentials.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Writes an object whole: readers see all of it or nothing. Large ones go in parts.
    ///
    /// # Errors
    /// Any but [`StoreError::NotFound`], after retries.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) -> Result<(), StoreError> {
        let _: Bytes = bytes.into();
        todo!("{key}")
    }

    /// Reads an object whole.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that key.
    pub async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        todo!("{key}")
    }

    /// Whether there is an object of that key, and how many bytes it has.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        todo!("{key}")
    }

    /// Lists the keys below a prefix that ends in `/`, in no order.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        todo!("{prefix}")
    }
}
