//! Finished audio on this machine's disk while the store is away, so that rendering goes on.
//!
//! ```text
//!  deliver ──put──▶ store                          the usual way
//!     │ away
//!     └──keep──▶ folder ──upload, oldest first──▶ store ──▶ the line is settled
//! ```
//!
//! A line whose audio is kept stays leased and is settled once both its objects are in the store. After
//! a crash the next worker that starts with the same folder and the same store uploads what it finds:
//! keys are made of content, so that is harmless, and who has the lines by then finds their takes.

mod files;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use store::{Store, StoreError};
use tokio::sync::{Notify, oneshot, watch};
use tracing::{error, info, warn};

use self::files::Files;
use crate::WorkerError;
use crate::deliver::{note_error, note_upload};
use crate::outage::{LONGEST_WAIT, random_share, with_causes};

/// The wait before the store is asked again for the first time; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// An object that no store has: asking for it tells whether there is an answer.
const NOTHING: &str = "probes/is-anybody-there";

/// Where audio is kept while the store is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// A folder of this machine, made when missing. Workers of one machine share it; each has a part
    /// of its own.
    pub folder: PathBuf,
    /// How much this worker keeps there at most, in bytes.
    pub limit_bytes: u64,
}

/// An object's key and its bytes.
pub(crate) type Object = (String, Bytes);

/// How the store is doing, as far as this worker noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// It answers.
    Well,
    /// It does not, and there is room on the disk.
    Away,
    /// It does not, and there is none.
    Full,
}

/// Objects that wait for the store, in a folder of this worker's own.
pub(crate) struct Spool {
    files: Files,
    limit_bytes: u64,
    place: String,
    waiting: Mutex<Waiting>,
    condition: watch::Sender<Condition>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: u64,
    /// Numbers the next file.
    next: u64,
}

/// One object in the folder.
struct Entry {
    path: PathBuf,
    key: String,
    bytes: u64,
    /// Told once the object is in the store; on the last of those that belong together.
    stored: Option<oneshot::Sender<()>>,
}

impl Spool {
    /// Opens a folder for objects of `store`, and takes over what workers that are gone left in it.
    ///
    /// # Errors
    /// [`WorkerError::Spool`] when the folder cannot be used.
    pub(crate) fn open(settings: &SpoolSettings, store: &Store) -> Result<Self, WorkerError> {
        let failed = |source| WorkerError::Spool { folder: settings.folder.clone(), source };
        let (files, found) = Files::open(&settings.folder, store.place()).map_err(failed)?;
        let mut waiting = Waiting::default();
        for found in found {
            waiting.next = waiting.next.max(found.number + 1);
            waiting.bytes += found.bytes;
            let (path, key, bytes) = (found.path, found.key, found.bytes);
            waiting.entries.push_back(Entry { path, key, bytes, stored: None });
        }
        if !waiting.entries.is_empty() {
            let objects = waiting.entries.len();
            info!(objects, folder = %files.folder().display(), "uploading what an earlier worker kept");
        }
        Ok(Self {
            files,
            limit_bytes: settings.limit_bytes,
            place: store.place().to_owned(),
            waiting: Mutex::new(waiting),
            condition: watch::Sender::new(Condition::Well),
            news: Notify::new(),
        })
    }

    /// Whether the store is known not to answer.
    pub(crate) fn is_away(&self) -> bool {
        *self.condition.borrow() != Condition::Well
    }

    /// Whether nothing more should be rendered until the store is back.
    pub(crate) fn is_full(&self) -> bool {
        *self.condition.borrow() == Condition::Full
    }

    /// Bytes and objects that wait for the store, and how many bytes may.
    pub(crate) fn stand(&self) -> (u64, usize, u64) {
        let waiting = self.lock();
        (waiting.bytes, waiting.entries.len(), self.limit_bytes)
    }

    /// Whether something waits for the store.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.lock().entries.is_empty()
    }

    /// One sentence while something is wrong.
    pub(crate) fn detail(&self) -> Option<String> {
        let (place, folder) = (&self.place, self.files.folder().display());
        match *self.condition.borrow() {
            Condition::Well => None,
            Condition::Away => Some(format!(
                "the store at {place} cannot be reached; rendering goes on, and finished audio waits in \
                 {folder} ({} of {})",
                megabytes(self.lock().bytes),
                megabytes(self.limit_bytes)
            )),
            Condition::Full => Some(format!(
                "the store at {place} cannot be reached and there is no more room in {folder}: no more \
                 lines are taken until the store is back"
            )),
        }
    }

    /// Notes that the store did not answer, and says so once an outage.
    pub(crate) fn note_away(&self, error: &StoreError) {
        let is_new = self.condition.send_if_modified(|condition| {
            let is_new = *condition == Condition::Well;
            if is_new {
                *condition = Condition::Away;
            }
            is_new
        });
        if is_new {
            self.news.notify_one();
            warn!(
                error = %with_causes(error),
                folder = %self.files.folder().display(),
                "the store cannot be reached: rendering goes on, finished audio waits on this disk"
            );
        }
    }

    /// Keeps objects that belong together, to be stored in their order. What this returns resolves once
    /// the last is in the store; dropping it changes nothing about that.
    ///
    /// # Errors
    /// The objects come back when there is no room for them.
    pub(crate) async fn keep<const N: usize>(
        &self,
        objects: [Object; N],
    ) -> Result<oneshot::Receiver<()>, [Object; N]> {
        let bytes: u64 = objects.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let Some(first) = self.reserve(N as u64, bytes) else {
            self.note_full(None);
            return Err(objects);
        };
        let files = self.files.clone();
        let writing = objects.clone();
        let written = tokio::task::spawn_blocking(move || files.write(first, &writing)).await;
        let written = written.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
        match written {
            Ok(paths) => Ok(self.enlist(paths, &objects)),
            Err(failed) => {
                self.lock().bytes -= bytes;
                self.note_full(Some(&failed));
                Err(objects)
            }
        }
    }

    /// Uploads what is kept, oldest first, and watches for the store to come back; returns what the
    /// store refused for good. What is in hand then stays in the folder.
    pub(crate) async fn upload(&self, store: &Store) -> StoreError {
        let mut wait = FIRST_WAIT;
        loop {
            match self.upload_one(store).await {
                Ok(true) => {
                    self.note_well();
                    wait = FIRST_WAIT;
                }
                Ok(false) if self.is_away() => match store.size(NOTHING).await {
                    Ok(_) => self.note_well(),
                    Err(_) => pause(&mut wait).await,
                },
                Ok(false) => self.news.notified().await,
                Err(error @ StoreError::Unavailable { .. }) => {
                    self.note_away(&error);
                    pause(&mut wait).await;
                }
                Err(refused) => return refused,
            }
        }
    }

    /// Uploads what is kept until nothing is or the store fails, and says how many objects stay.
    pub(crate) async fn flush(&self, store: &Store) -> usize {
        while matches!(self.upload_one(store).await, Ok(true)) {}
        let objects = self.lock().entries.len();
        if objects > 0 {
            warn!(
                objects,
                folder = %self.files.folder().display(),
                "the store cannot be reached: audio stays on this disk; the next worker that starts here \
                 uploads it"
            );
        }
        objects
    }

    /// Waits until the store answers again; at once when it is not known to be away.
    pub(crate) async fn back(&self) {
        let mut condition = self.condition.subscribe();
        // The sender is ours: it cannot be gone.
        condition.wait_for(|condition| *condition == Condition::Well).await.ok();
    }

    /// Uploads the oldest object; false when there is none.
    async fn upload_one(&self, store: &Store) -> Result<bool, StoreError> {
        let Some((path, key, bytes)) = self.first() else { return Ok(false) };
        // An earlier attempt, or another worker, may have stored it.
        if store.size(&key).await? != Some(bytes) {
            match tokio::fs::read(path).await {
                Ok(content) => {
                    store
                        .put(&key, content)
                        .await
                        .inspect_err(|error| note_error("write", error))?;
                    note_upload(usize::try_from(bytes).unwrap_or(usize::MAX));
                }
                Err(failed) => {
                    error!(key, error = %failed, "audio kept on this disk is lost; its line is spoken anew");
                    self.give_up(&key);
                    return Ok(true);
                }
            }
        }
        if let Some(Entry { path, stored, .. }) = self.strike_first() {
            if let Err(failed) = tokio::fs::remove_file(&path).await {
                // It is uploaded once more after a restart, which is harmless.
                warn!(path = %path.display(), error = %failed, "uploaded audio cannot be removed");
            }
            if let Some(stored) = stored {
                // Whoever waited may be gone: the line was cancelled, or its lease lost.
                stored.send(()).ok();
            }
        }
        Ok(true)
    }

    /// Lets go of an object and those that belong to it, unstored: where the second of two is in the
    /// store, so is the first. Who waits for them is told by the drop.
    fn give_up(&self, key: &str) {
        let of = content_of(key).to_owned();
        while self.first().is_some_and(|(_, key, _)| content_of(&key) == of) {
            self.strike_first();
        }
    }

    fn first(&self) -> Option<(PathBuf, String, u64)> {
        let waiting = self.lock();
        waiting.entries.front().map(|entry| (entry.path.clone(), entry.key.clone(), entry.bytes))
    }

    fn strike_first(&self) -> Option<Entry> {
        let mut waiting = self.lock();
        let entry = waiting.entries.pop_front()?;
        waiting.bytes = waiting.bytes.saturating_sub(entry.bytes);
        Some(entry)
    }

    /// The number of the first of `count` files, when there is room for `bytes` more.
    fn reserve(&self, count: u64, bytes: u64) -> Option<u64> {
        let mut waiting = self.lock();
        if waiting.bytes + bytes > self.limit_bytes {
            return None;
        }
        waiting.bytes += bytes;
        let first = waiting.next;
        waiting.next += count;
        Some(first)
    }

    fn enlist(&self, paths: Vec<PathBuf>, objects: &[Object]) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        let mut tell = Some(tell);
        let count = objects.len();
        let mut waiting = self.lock();
        for (at, (path, (key, bytes))) in paths.into_iter().zip(objects).enumerate() {
            let stored = if at + 1 == count { tell.take() } else { None };
            let (key, bytes) = (key.clone(), bytes.len() as u64);
            waiting.entries.push_back(Entry { path, key, bytes, stored });
        }
        self.news.notify_one();
        told
    }

    fn note_full(&self, failed: Option<&std::io::Error>) {
        let before = self.condition.send_replace(Condition::Full);
        if before == Condition::Full {
            return;
        }
        self.news.notify_one();
        let folder = self.files.folder().display();
        if let Some(failed) = failed {
            warn!(
                %folder,
                error = %failed,
                "finished audio cannot be kept on this disk: no more lines are taken until the store is back"
            );
        } else {
            warn!(
                %folder,
                limit = megabytes(self.limit_bytes),
                "as much audio is kept on this disk as may be: no more lines are taken until the store is \
                 back"
            );
        }
    }

    fn note_well(&self) {
        let before = self.condition.send_replace(Condition::Well);
        if before != Condition::Well {
            info!(kept = self.lock().entries.len(), "the store is back");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content key in an object's key: objects that belong together share it.
fn content_of(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.split('.').next().unwrap_or(name)
}

/// Waits, shortened at random by up to half, and doubles the next wait.
async fn pause(wait: &mut Duration) {
    tokio::time::sleep(wait.mul_f64(0.5 + random_share() / 2.0)).await;
    *wait = (*wait * 2).min(LONGEST_WAIT);
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

impl std::fmt::Display for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.files.folder().display())
    }
}

#[cfg(test)]
mod tests;
