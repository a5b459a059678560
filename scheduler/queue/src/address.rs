//! Finds the queue that an address names.

use std::path::Path;
use std::sync::Arc;

use crate::{Queue, QueueError, RedisQueue, SqliteQueue};

/// Opens the queue at `address`: `sqlite:PATH` or a path, where a missing file is created; or
/// `redis://…`, `rediss://…` or `redis+unix://…`, see [`RedisQueue::open`].
///
/// Blocks for as long as opening a file takes, and up to ten seconds when another process is
/// bringing it to a newer layout: call it while setting up. A server is connected to by the first
/// call.
///
/// # Errors
/// [`QueueError::Address`] when it names no kind of queue that this program has, and whatever
/// opening the queue fails with.
pub fn open(address: &str) -> Result<Arc<dyn Queue>, QueueError> {
    let path = match address.split_once(':') {
        Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
        Some(("redis" | "rediss" | "redis+unix", _)) => {
            return Ok(Arc::new(RedisQueue::open(address)?));
        }
        Some((scheme, rest)) if rest.starts_with("//") => {
            // What follows the scheme may hold a password.
            return Err(QueueError::Address {
                address: format!("{scheme}://…"),
                advice: "give `sqlite:PATH` for one machine or `redis://HOST` for a farm",
            });
        }
        Some(_) | None => address,
    };
    if path.is_empty() {
        let advice = "give `sqlite:PATH`, e.g. `sqlite:queue.db`";
        return Err(QueueError::Address { address: address.to_owned(), advice });
    }
    Ok(Arc::new(SqliteQueue::open(Path::new(path))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_or_without_its_scheme_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        for address in [format!("sqlite:{}", path.display()), path.display().to_string()] {
            open(&address).unwrap();
            assert!(path.is_file(), "{address}");
        }
    }

    #[test]
    fn an_address_of_another_kind_is_refused_without_its_password() {
        let refused = open("mongodb://farm:secret@queue:6379/").unwrap_err().to_string();
        assert!(refused.contains("mongodb://…") && refused.contains("sqlite:PATH"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
        assert!(open("sqlite:").is_err() && open("").is_err());
    }
}
