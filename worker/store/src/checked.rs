//! Reading what is known by its hash.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{Store, StoreError};

impl Store {
    /// Reads an object and compares it with the SHA-256 that is known of it, 64 lower-case hex digits.
    /// One that differs is read once more: what was damaged on its way may arrive whole.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it differs both times; otherwise as [`Store::get`].
    pub async fn get_checked(&self, key: &str, sha256: &str) -> Result<Bytes, StoreError> {
        for _ in 0..2 {
            let bytes = self.get(key).await?;
            if has_hash(&bytes, sha256) {
                return Ok(bytes);
            }
            tracing::debug!(key, "object is not what its hash says");
        }
        Err(StoreError::Damaged { place: self.place.to_string(), key: key.to_owned() })
    }
}

/// Whether `sha256` is the hash of `bytes`, in lower-case hex digits.
fn has_hash(bytes: &[u8], sha256: &str) -> bool {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16)).eq(sha256.chars().map(Some))
}
