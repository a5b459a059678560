//! What a store can do beyond reading and writing, found out by trying.

use std::time::{SystemTime, UNIX_EPOCH};

use object_store::{ObjectStore, PutMode, PutOptions};

use crate::entry::ANSWER;
use crate::{Store, StoreError, retry};

/// Whether a write that must not replace anything is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionalPut {
    /// Of two writes of one key, one was refused.
    Kept,
    /// Both were accepted: the server reads the condition and ignores it.
    Ignored,
    /// The server, or this kind of store, does not take such a write at all.
    Refused,
}

impl ConditionalPut {
    /// The finding in one sentence, for a log or a table.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Kept => "the store keeps conditional writes",
            Self::Ignored => {
                "the store accepts conditional writes and ignores their condition; nothing here needs \
                 them"
            }
            Self::Refused => "the store takes no conditional writes; nothing here needs them",
        }
    }
}

impl Store {
    /// Finds out what becomes of conditional writes: two at once create the same object below
    /// `probes/`, which is deleted again. Nothing relies on the answer, because keys are made of
    /// content; it is for whoever looks after the store.
    ///
    /// # Errors
    /// When the store cannot be written at all.
    pub async fn probe_conditional_put(&self) -> Result<ConditionalPut, StoreError> {
        let key = format!("probes/{}", probe_name());
        let path = self.path(&key)?;
        self.check_folder()?;
        let create = || {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            self.driver.put_opts(&path, "probe".into(), options)
        };
        let raced = async { tokio::join!(create(), create()) };
        let (one, two) = self.in_time(ANSWER, raced).await?;
        let found = match (one, two) {
            (Ok(_), Ok(_)) => Ok(ConditionalPut::Ignored),
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => match refused {
                // A server may also answer that the two stood in each other's way.
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::Generic { .. } => Ok(ConditionalPut::Kept),
                other => Err(self.write_error(&key, other)),
            },
            (Err(object_store::Error::NotImplemented { .. }), Err(_)) => {
                Ok(ConditionalPut::Refused)
            }
            (Err(error), Err(_)) => match self.write_error(&key, error) {
                // Refused with the condition; without it the store may well be in order.
                StoreError::Unavailable { .. } => {
                    self.put(&key, "probe").await.map(|()| ConditionalPut::Refused)
                }
                other => Err(other),
            },
        };
        self.delete(&key).await?;
        found
    }
}

/// A name that no other probe has.
fn probe_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let random = retry::random_bits();
    format!("{}-{random:016x}", since.as_millis())
}
