//! The folder of a spool: one file an object, numbered, named by its key.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemas::hex;
use sha2::{Digest, Sha256};

use super::Object;

/// Workers of one machine that can share a spool for one store.
const PARTS: u32 = 256;

/// Longer keys make names that some file systems refuse; ours have a quarter of it.
const LONGEST_NAME: usize = 240;

/// One worker's part of a spool. The lock is held while this, or a clone, lives.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
    _lock: Arc<File>,
}

/// An object that was kept by an earlier worker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its place in the order of uploads.
    pub(super) number: u64,
    /// Where it lies.
    pub(super) path: PathBuf,
    /// What it is called in the store.
    pub(super) key: String,
    /// How long it is.
    pub(super) bytes: u64,
}

impl Files {
    /// Takes the first part that no living worker has, below a folder for this one store, and moves
    /// there what lies in parts of workers that are gone; returns it oldest first.
    ///
    /// # Errors
    /// When folders or files cannot be made or read.
    pub(super) fn open(folder: &Path, store: &str) -> io::Result<(Self, Vec<Found>)> {
        // Audio for one store is never uploaded to another.
        let of_store = folder.join(&hex(&Sha256::digest(store))[..16]);
        make_private(&of_store)?;
        let own = (0..PARTS).find_map(|part| take(&of_store.join(part.to_string())).transpose());
        let own = own.unwrap_or_else(|| Err(io::Error::other("too many workers share it")))?;
        let mut found = own.found()?;
        let mut next = found.last().map_or(0, |last| last.number + 1);
        for part in (0..PARTS).map(|part| of_store.join(part.to_string())) {
            if part == own.folder || !part.is_dir() {
                continue;
            }
            let Some(gone) = take(&part)? else { continue };
            for left in gone.found()? {
                let path = own.folder.join(name(next, &left.key));
                fs::rename(&left.path, &path)?;
                found.push(Found { number: next, path, ..left });
                next += 1;
            }
        }
        Ok((own, found))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes objects to files numbered from `first`: once this returns, they survive a power cut.
    /// Either all of them are there or none.
    ///
    /// # Errors
    /// When they cannot be written, e.g. on a full disk.
    pub(super) fn write(&self, first: u64, objects: &[Object]) -> io::Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        for ((key, bytes), number) in objects.iter().zip(first..) {
            match self.write_one(number, key, bytes) {
                Ok(path) => written.push(path),
                Err(failed) => {
                    for path in written {
                        fs::remove_file(path)?;
                    }
                    return Err(failed);
                }
            }
        }
        sync_folder(&self.folder)?;
        Ok(written)
    }

    fn write_one(&self, number: u64, key: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let name = name(number, key);
        if name.len() > LONGEST_NAME {
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, name));
        }
        let part = self.folder.join(format!("{number}.part"));
        let path = self.folder.join(name);
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&part, &path)
        });
        if written.is_err() {
            // The first error is the one to tell.
            fs::remove_file(&part).ok();
        }
        written.map(|()| path)
    }

    /// What lies in the folder, oldest first; what was never finished is removed.
    fn found(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let (path, file_name) = (entry.path(), entry.file_name());
            let file_name = file_name.to_string_lossy();
            if file_name.ends_with(".part") {
                fs::remove_file(path)?;
            } else if let Some((number, key)) = read_name(&file_name) {
                found.push(Found { number, path, key, bytes: entry.metadata()?.len() });
            }
        }
        found.sort_by_key(|found| found.number);
        Ok(found)
    }
}

/// A part of the spool, unless a living worker has it.
fn take(folder: &Path) -> io::Result<Option<Files>> {
    make_private(folder)?;
    let lock = File::create(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Files { folder: folder.to_owned(), _lock: Arc::new(lock) })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(failed)) => Err(failed),
    }
}

/// Keys hold no comma, so every name means one key.
fn name(number: u64, key: &str) -> String {
    format!("{number:012}-{}", key.replace('/', ","))
}

fn read_name(name: &str) -> Option<(u64, String)> {
    let (number, key) = name.split_once('-')?;
    Some((number.parse().ok()?, key.replace(',', "/")))
}

/// Makes a folder that only its owner may look into: unreleased scripts are heard in there.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
