//! What the store can fail with, and how drivers' errors become that.

use std::error::Error;
use std::io;

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
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no such object.
    #[error("the store at {place} has no object `{key}`")]
    NotFound {
        /// Where it is, without credentials.
        place: String,
        /// Which object.
        key: String,
    },
    /// What lies there is not what its hash says it is. Writing it anew mends it.
    #[error(
        "the object `{key}` in the store at {place} is damaged; delete it, then submit its episode again"
    )]
    Damaged {
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
        source: Box<dyn Error + Send + Sync>,
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

/// Says what a driver's error about `key` means to the caller.
pub(crate) fn of_driver(place: &str, key: &str, source: object_store::Error) -> StoreError {
    use object_store::Error as Driver;
    let place = place.to_owned();
    match source {
        Driver::NotFound { source, .. } if source.to_string().contains("NoSuchBucket") => {
            let advice = "make the bucket, or correct its name in the address".to_owned();
            StoreError::Denied { place, advice, source }
        }
        Driver::NotFound { .. } => StoreError::NotFound { place, key: key.to_owned() },
        Driver::PermissionDenied { source, .. } | Driver::Unauthenticated { source, .. } => {
            let advice = "check the access key, its secret and what they may do with the bucket";
            StoreError::Denied { place, advice: advice.to_owned(), source }
        }
        other => of_io(place, Box::new(other)),
    }
}

/// Says what an error means whose cause is a file's, if any.
pub(crate) fn of_io(place: String, source: Box<dyn Error + Send + Sync>) -> StoreError {
    match advice_on(&place, io_kind(&*source)) {
        Some(advice) => StoreError::Denied { place, advice, source },
        None => StoreError::Unavailable { place, source },
    }
}

/// What to do about an error that waiting does not cure; `None` when waiting may.
fn advice_on(place: &str, kind: Option<io::ErrorKind>) -> Option<String> {
    match kind? {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some(format!("free space on the disk of {place}"))
        }
        io::ErrorKind::PermissionDenied => {
            Some(format!("let the user of this program write to {place}"))
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            Some(format!("{place} is mounted read-only; mount it for writing"))
        }
        io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::AlreadyExists => {
            Some(format!("something is in the way of a file or folder in {place}; move it"))
        }
        _ => None,
    }
}

/// The kind of the first error of a file operation in the chain of causes.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    match error.downcast_ref::<io::Error>() {
        Some(found) => Some(found.kind()),
        None => io_kind(error.source()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(kind: io::ErrorKind) -> StoreError {
        let source = Box::new(io::Error::from(kind));
        of_driver("/srv/audio", "k", object_store::Error::Generic { store: "file", source })
    }

    #[test]
    fn a_full_disk_asks_a_person_for_space() {
        let error = meaning_of(io::ErrorKind::StorageFull).to_string();
        assert_eq!(error, "the store at /srv/audio refuses: free space on the disk of /srv/audio");
    }

    #[test]
    fn what_a_person_must_mend_is_denied_and_what_may_pass_is_unavailable() {
        for kind in [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
            io::ErrorKind::NotADirectory,
            io::ErrorKind::QuotaExceeded,
        ] {
            assert!(matches!(meaning_of(kind), StoreError::Denied { .. }), "{kind}");
        }
        for kind in [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::TimedOut,
            io::ErrorKind::ResourceBusy,
            io::ErrorKind::Other,
        ] {
            assert!(matches!(meaning_of(kind), StoreError::Unavailable { .. }), "{kind}");
        }
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_object() {
        let missing = |text: &str| object_store::Error::NotFound {
            path: "k".to_owned(),
            source: text.to_owned().into(),
        };
        let bucket = of_driver("s3://b", "k", missing("<Code>NoSuchBucket</Code>"));
        assert!(matches!(bucket, StoreError::Denied { .. }), "{bucket}");
        let object = of_driver("s3://b", "k", missing("<Code>NoSuchKey</Code>"));
        assert!(matches!(object, StoreError::NotFound { .. }), "{object}");
    }
}
