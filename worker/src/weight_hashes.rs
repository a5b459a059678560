//! Hashes of the files of releases, remembered: weights are gigabytes, and a worker starts often.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use engine::qwen3_tts::hash_file;
use serde::{Deserialize, Serialize};
use tracing::{debug, info};

use crate::whole_file;

/// Smaller files are hashed faster than looked up.
const WORTH_REMEMBERING: u64 = 1 << 20;

/// What was hashed, by path, in a file of the user's cache. A file counts as the same while its size
/// and its time of change are.
#[derive(Debug)]
pub(crate) struct WeightHashes {
    file: PathBuf,
    known: BTreeMap<String, Known>,
}

/// A file as it was when it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    bytes: u64,
    changed_ns: u64,
    sha256: String,
}

impl WeightHashes {
    /// Reads what is remembered; a file that cannot be read remembers nothing.
    pub(crate) fn open(cache_dir: &Path) -> Self {
        let file = cache_dir.join("weights.json");
        let known = std::fs::read(&file).ok().and_then(|json| serde_json::from_slice(&json).ok());
        Self { file, known: known.unwrap_or_default() }
    }

    /// The lower-case hex SHA-256 of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of(&mut self, path: &Path) -> io::Result<String> {
        let path = path.canonicalize()?;
        let before = stamp(&path)?;
        if before.0 < WORTH_REMEMBERING {
            return hash_file(&path);
        }
        let name = path.to_string_lossy().into_owned();
        if let Some(known) = self.known.get(&name)
            && (known.bytes, known.changed_ns) == before
        {
            return Ok(known.sha256.clone());
        }
        info!(file = name, bytes = before.0, "hashing, once");
        let sha256 = hash_file(&path)?;
        // One that changes while it is read is not remembered.
        if stamp(&path)? == before {
            let (bytes, changed_ns) = before;
            self.known.insert(name, Known { bytes, changed_ns, sha256: sha256.clone() });
            if let Err(error) = self.save() {
                debug!(%error, file = %self.file.display(), "hashes are not remembered");
            }
        }
        Ok(sha256)
    }

    fn save(&self) -> io::Result<()> {
        whole_file::write(&self.file, &serde_json::to_vec(&self.known)?)
    }
}

/// Size and time of change, in nanoseconds.
fn stamp(path: &Path) -> io::Result<(u64, u64)> {
    let meta = path.metadata()?;
    let changed = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((meta.len(), u64::try_from(changed.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 1 << 20;

    #[test]
    fn a_file_is_hashed_again_only_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.safetensors");
        std::fs::write(&file, vec![1; LARGE]).unwrap();
        let first = WeightHashes::open(folder.path()).of(&file).unwrap();
        assert_eq!(first, hash_file(&file).unwrap());

        let mut again = WeightHashes::open(folder.path());
        let key = again.known.keys().next().unwrap().clone();
        again.known.get_mut(&key).unwrap().sha256 = "remembered".to_owned();
        assert_eq!(again.of(&file).unwrap(), "remembered");

        std::fs::write(&file, vec![2; LARGE + 1]).unwrap();
        assert_eq!(again.of(&file).unwrap(), hash_file(&file).unwrap());
        assert_ne!(again.of(&file).unwrap(), first);
    }

    #[test]
    fn what_cannot_be_remembered_is_hashed_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.safetensors");
        std::fs::write(&file, vec![1; LARGE]).unwrap();
        std::fs::write(folder.path().join("weights.json"), "{").unwrap();
        assert!(WeightHashes::open(folder.path()).of(&file).is_ok());
        assert!(WeightHashes::open(&file).of(&file).is_ok());
        assert!(WeightHashes::open(folder.path()).of(Path::new("/nowhere")).is_err());
    }
}
