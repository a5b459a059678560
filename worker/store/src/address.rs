//! What a store's address says.

use std::path::PathBuf;

use crate::StoreError;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A folder on this machine.
    Folder(PathBuf),
    /// This process's memory; gone when it ends.
    Memory,
    /// A bucket.
    S3 {
        /// Its name.
        bucket: String,
        /// What all keys are put below; without slashes at its ends, often empty.
        prefix: String,
    },
}

const KNOWN: &str = "give a folder's path, file:PATH, memory: or s3://BUCKET/PREFIX";

/// Reads an address.
///
/// # Errors
/// [`StoreError::BadAddress`] for anything that [`crate::Store::open`] does not document.
pub(crate) fn parse(address: &str) -> Result<Address, StoreError> {
    if address == "memory:" {
        return Ok(Address::Memory);
    }
    if let Some(rest) = address.strip_prefix("s3://") {
        return parse_bucket(address, rest);
    }
    let path = match address.strip_prefix("file:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None if address.contains("://") => return Err(bad(address, KNOWN)),
        None => address,
    };
    if path.is_empty() || path.contains('\0') {
        return Err(bad(address, KNOWN));
    }
    Ok(Address::Folder(PathBuf::from(path)))
}

fn parse_bucket(address: &str, rest: &str) -> Result<Address, StoreError> {
    if rest.contains('@') {
        return Err(bad(address, "give the access key and its secret in the settings instead"));
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bucket.is_empty() || !bucket.chars().all(is_name) {
        return Err(bad(address, "a bucket's name has letters, digits, dots and dashes"));
    }
    let prefix = prefix.trim_matches('/');
    if !prefix.is_empty() && crate::key::check(prefix).is_err() {
        return Err(bad(address, "give a prefix of plain names joined by `/`"));
    }
    Ok(Address::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

fn bad(address: &str, advice: &str) -> StoreError {
    StoreError::BadAddress { address: without_credentials(address), advice: advice.to_owned() }
}

/// Everything between `://` and the last `@` may be a secret.
fn without_credentials(address: &str) -> String {
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_address_is_understood() {
        let folder = |path: &str| Address::Folder(path.into());
        let s3 = |bucket: &str, prefix: &str| Address::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (address, meaning) in [
            ("audio/store", folder("audio/store")),
            ("/srv/audio", folder("/srv/audio")),
            ("file:/srv/audio", folder("/srv/audio")),
            ("file:///srv/audio", folder("/srv/audio")),
            ("file:audio", folder("audio")),
            ("memory:", Address::Memory),
            ("s3://episodes", s3("episodes", "")),
            ("s3://episodes/night/ferry/", s3("episodes", "night/ferry")),
        ] {
            assert_eq!(parse(address).unwrap(), meaning, "{address}");
        }
    }

    #[test]
    fn what_is_no_store_is_refused_with_what_would_be_one() {
        for address in ["", "file:", "gs://bucket", "s3://", "s3://a b", "s3://b/../c"] {
            let error = parse(address).unwrap_err();
            assert!(matches!(error, StoreError::BadAddress { .. }), "{address}: {error}");
        }
    }

    #[test]
    fn a_secret_in_an_address_is_not_repeated() {
        let error = parse("s3://KEY:hunter2@bucket/x").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}
