//! Links that fetch one object without credentials.

use std::time::Duration;

use object_store::signer::{Method, Signer as _};

use crate::{Store, StoreError, error};

/// The longest a link may hold: whoever has it may fetch the object until then.
const LONGEST: Duration = Duration::from_hours(1);

impl Store {
    /// Makes a link that fetches an object, for as long as `holds` (at most an hour, else an hour);
    /// `None` when only this machine can reach the store. Whether the object exists is not asked.
    ///
    /// The link is a secret for as long as it holds: it is not to be logged.
    ///
    /// # Errors
    /// When the key cannot name an object, or there are no credentials to sign with.
    pub async fn presign(&self, key: &str, holds: Duration) -> Result<Option<String>, StoreError> {
        let path = self.path(key)?;
        let Some(s3) = &self.s3 else { return Ok(None) };
        let signed = s3.signed_url(Method::GET, &path, holds.min(LONGEST)).await;
        let url = signed.map_err(|source| error::of_driver(&self.place, key, source))?;
        Ok(Some(url.into()))
    }
}
