//! A folder that is known again when it comes back.

use std::io;
use std::path::{Path, PathBuf};

/// A folder as it was when it was opened.
///
/// One that vanished, because a disk was unmounted or somebody moved it, may have another in its place:
/// the empty folder that the disk was mounted on, or one that a write under way has made. What is
/// written there is lost to everybody else.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    identity: u64,
}

impl Folder {
    /// Remembers the folder at `path`.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(crate) fn at(path: PathBuf) -> io::Result<Self> {
        let identity = identity_of(&path)?;
        Ok(Self { path, identity })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks whether it is still there.
    ///
    /// # Errors
    /// When it is not, or is another one.
    pub(crate) fn check(&self) -> io::Result<()> {
        if identity_of(&self.path)? == self.identity {
            return Ok(());
        }
        let another =
            "another folder is in its place: put the right one back, or start again with this one";
        Err(io::Error::new(io::ErrorKind::NotFound, another))
    }
}

/// What tells the folders apart that can be at one path, one after the other: the number of its inode,
/// without its device's, for that changes when a disk is mounted again.
#[cfg(unix)]
fn identity_of(path: &Path) -> io::Result<u64> {
    let found = std::fs::metadata(path)?;
    if found.is_dir() {
        return Ok(std::os::unix::fs::MetadataExt::ino(&found));
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Whether it is there is all that is known of it.
#[cfg(not(unix))]
fn identity_of(path: &Path) -> io::Result<u64> {
    if std::fs::metadata(path)?.is_dir() { Ok(0) } else { Err(io::ErrorKind::NotFound.into()) }
}
