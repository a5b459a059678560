//! Which keys objects may have.

use object_store::path::Path;

/// Why a key cannot name an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name an object")]
pub(crate) struct BadKey(String);

/// Accepts plain names of `A-Z a-z 0-9 - _ . @ = +` joined by single `/`, at most 900 bytes, so that a
/// key means the same in a folder, in memory and in a bucket, and never leaves the store.
pub(crate) fn check(key: &str) -> Result<Path, BadKey> {
    let bad = || BadKey(key.to_owned());
    if key.len() > 900 || !key.split('/').all(is_plain) {
        return Err(bad());
    }
    Path::parse(key).map_err(|_| bad())
}

fn is_plain(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@=+".contains(c);
    !name.is_empty() && !name.bytes().all(|b| b == b'.') && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_leaves_its_store() {
        for bad in
            ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a#1", "ä", "a\0b", "a%2e"]
        {
            assert_eq!(check(bad), Err(BadKey(bad.to_owned())), "{bad:?}");
        }
        assert!(check(&"k".repeat(901)).is_err());
    }

    #[test]
    fn a_key_stands_as_it_is_given() {
        for good in ["a", "takes/ab/abc.wav", "episodes/S01E03_v2.1/x/manifest.json"] {
            assert_eq!(check(good).unwrap().to_string(), good);
        }
    }
}
