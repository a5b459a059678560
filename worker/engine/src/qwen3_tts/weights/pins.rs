//! Holds a checkpoint's files to what they were when somebody vouched for them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::qwen3_tts::LoadError;

/// The SHA-256 that files must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// Lower-case hex by path, relative to the checkpoint, with `/` on every platform.
    pub sha256: BTreeMap<String, String>,
}

impl Pins {
    /// Reads every pinned file and compares. Files without a pin are not looked at.
    ///
    /// Reads gigabytes: seconds from a fast disk.
    ///
    /// # Errors
    /// [`LoadError::Read`] and [`LoadError::Pin`], for the first file in alphabetical order.
    pub fn verify(&self, checkpoint: &Path) -> Result<(), LoadError> {
        for (relative, expected) in &self.sha256 {
            let path = checkpoint.join(relative);
            let found =
                sha256(&path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
            if &found != expected {
                return Err(LoadError::Pin { path, found, expected: expected.clone() });
            }
        }
        Ok(())
    }
}

/// Lower-case hex SHA-256 of a file.
pub(in crate::qwen3_tts) fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    Ok(schemas::hex(&hash.finalize()))
}
