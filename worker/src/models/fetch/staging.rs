//! The folder in which a release grows until it is whole.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{FILES, FetchError, RECORD, Record};

/// A release that is not whole yet. One process has it at a time.
pub(super) struct Staging {
    folder: PathBuf,
    /// Held until this is dropped.
    _lock: File,
}

impl Staging {
    /// Opens the folder of a release and a commit in `models`, made when missing, with what an earlier
    /// try left there.
    ///
    /// # Errors
    /// [`FetchError::Busy`] and [`FetchError::Write`].
    pub(super) fn open(models: &Path, name: &str, commit: &str) -> Result<Self, FetchError> {
        std::fs::create_dir_all(models).map_err(unwritable(models))?;
        let lock_path = models.join(format!(".fetching-{name}.lock"));
        let lock = File::create(&lock_path).map_err(unwritable(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FetchError::Busy { folder: models.join(name) });
            }
            Err(TryLockError::Error(source)) => return Err(unwritable(&lock_path)(source)),
        }
        let folder = models.join(format!(".fetching-{name}-{commit}"));
        for (path, _) in FILES {
            let parent = folder.join(path);
            let parent = parent.parent().unwrap_or(&folder);
            std::fs::create_dir_all(parent).map_err(unwritable(parent))?;
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Where a file of the release is once it is whole.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Where it is until then.
    pub(super) fn part(&self, path: &str) -> PathBuf {
        self.folder.join(format!("{path}.part"))
    }

    /// Bytes of a file that are here.
    pub(super) fn had(&self, path: &str) -> u64 {
        let length = |path: PathBuf| path.metadata().map(|meta| meta.len());
        length(self.path(path)).or_else(|_| length(self.part(path))).unwrap_or(0)
    }

    /// Whether there is room for what is to come, where the system says how much there is.
    ///
    /// # Errors
    /// [`FetchError::NoRoom`].
    pub(super) fn check_room(&self, bytes: u64, had: u64) -> Result<(), FetchError> {
        let needs = bytes.saturating_sub(had);
        match free_bytes(&self.folder) {
            Some(has) if has < needs => {
                Err(FetchError::NoRoom { folder: self.models().to_owned(), has, needs })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What writing a file of the release failed with: a disk that has become full is told as such.
    pub(super) fn failed(&self, path: &Path, source: io::Error) -> FetchError {
        if source.kind() == io::ErrorKind::StorageFull {
            let has = free_bytes(&self.folder).unwrap_or(0);
            return FetchError::NoRoom { folder: self.models().to_owned(), has, needs: has + 1 };
        }
        unwritable(path)(source)
    }

    /// Gives the release its name, with a record of where it came from.
    ///
    /// # Errors
    /// [`FetchError::Occupied`] and [`FetchError::Write`].
    pub(super) fn place(&self, record: &Record, folder: &Path) -> Result<(), FetchError> {
        let path = self.path(RECORD);
        let json = serde_json::to_vec_pretty(record).map_err(io::Error::other);
        json.and_then(|json| std::fs::write(&path, json)).map_err(unwritable(&path))?;
        for path in FILES.iter().map(|(path, _)| *path).chain([RECORD]) {
            let path = self.path(path);
            File::open(&path).and_then(|file| file.sync_all()).map_err(unwritable(&path))?;
        }
        // What is there and has nothing in it would be replaced.
        if folder.exists() {
            return Err(FetchError::Occupied { folder: folder.to_owned() });
        }
        std::fs::rename(&self.folder, folder).map_err(unwritable(folder))?;
        let synced = File::open(self.models()).and_then(|models| models.sync_all());
        synced.map_err(unwritable(self.models()))
    }

    fn models(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Write { path, source }
}

/// Bytes that this user may still write where `folder` is.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}
