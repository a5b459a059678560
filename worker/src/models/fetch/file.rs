//! One file of a release, received in as many pieces as it takes.

use std::path::Path;
use std::time::Duration;

use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::staging::Staging;
use super::{FetchError, FetchProgress, RecordedFile, Repository};
use crate::models::hub::{Hub, unreachable};

/// A file that is to come.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Relative to the release.
    pub(super) path: &'static str,
    /// Bytes it may have.
    pub(super) most: u64,
    /// Bytes it has, where the hub says.
    pub(super) bytes: Option<u64>,
    /// Lower-case hex, where the hub says.
    pub(super) sha256: Option<String>,
}

/// Tries in a row that may give nothing.
const TRIES: u32 = 5;

/// The wait after the first of them; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How a piece of a file ended.
enum Piece {
    /// The file is whole.
    Whole,
    /// It broke off, behind so many bytes.
    BrokenOff(u64, FetchError),
}

/// What is here of a file, with the state of its hash.
struct Here {
    bytes: u64,
    hash: Sha256,
}

/// Receives a file into the staging folder, behind what is there of it, and checks it.
///
/// # Errors
/// [`FetchError`].
pub(super) async fn receive(
    (hub, repository, commit): (&Hub, &Repository, &str),
    file: &Incoming,
    staging: &Staging,
    progress: &mut dyn FnMut(FetchProgress),
) -> Result<RecordedFile, FetchError> {
    let whole = staging.path(file.path);
    if whole.is_file() {
        let here = Here::of(&whole, staging).await?;
        return Ok(here.recorded(file));
    }
    let part = staging.part(file.path);
    let mut here = Here::of(&part, staging).await?;
    let mut tries = 0;
    while file.bytes.is_none_or(|bytes| here.bytes != bytes) {
        // Nothing is gone on from that cannot be checked, or is longer than the whole.
        let from = if file.bytes.is_some_and(|bytes| here.bytes < bytes) { here.bytes } else { 0 };
        let piece = match hub.open(repository, commit, file.path, from).await {
            Ok(answer) => here.take(answer, file, (&part, staging), progress).await?,
            Err(error @ FetchError::Unreachable { .. }) => Piece::BrokenOff(0, error),
            Err(error) => return Err(error),
        };
        match piece {
            Piece::Whole => break,
            Piece::BrokenOff(received, _) if received > 0 => tries = 0,
            Piece::BrokenOff(_, error) if tries + 1 >= TRIES => return Err(error),
            Piece::BrokenOff(..) => {
                tokio::time::sleep(FIRST_WAIT * 2_u32.pow(tries)).await;
                tries += 1;
            }
        }
    }
    let recorded = here.recorded(file);
    if let Some(expected) = file.sha256.as_ref().filter(|expected| **expected != recorded.sha256) {
        std::fs::remove_file(&part).map_err(|source| staging.failed(&part, source))?;
        let (found, expected) = (recorded.sha256, expected.clone());
        return Err(FetchError::Damaged { file: file.path, found, expected });
    }
    std::fs::rename(&part, &whole).map_err(|source| staging.failed(&whole, source))?;
    Ok(recorded)
}

impl Here {
    /// Reads what an earlier try left; nothing where there is no file.
    async fn of(path: &Path, staging: &Staging) -> Result<Self, FetchError> {
        let to_read = path.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            let mut hash = Sha256::new();
            let bytes = match std::fs::File::open(&to_read) {
                Ok(mut file) => std::io::copy(&mut file, &mut HashWriter(&mut hash))?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
                Err(error) => return Err(error),
            };
            Ok(Self { bytes, hash })
        });
        let read = read.await.map_err(std::io::Error::other).flatten();
        read.map_err(|source| staging.failed(path, source))
    }

    /// Takes one answer in, as far as it goes.
    async fn take(
        &mut self,
        mut answer: Response,
        file: &Incoming,
        (part, staging): (&Path, &Staging),
        progress: &mut dyn FnMut(FetchProgress),
    ) -> Result<Piece, FetchError> {
        let failed = |source| staging.failed(part, source);
        let mut options = tokio::fs::File::options();
        let mut out = if begins_at(&answer) == Some(self.bytes) {
            options.append(true).create(true).open(part).await.map_err(failed)?
        } else {
            progress(FetchProgress::Lost(self.bytes));
            *self = Self { bytes: 0, hash: Sha256::new() };
            options.write(true).create(true).truncate(true).open(part).await.map_err(failed)?
        };
        let before = self.bytes;
        let broken = loop {
            let chunk = match answer.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break None,
                Err(error) => break Some(unreachable(file.path, error)),
            };
            self.bytes += chunk.len() as u64;
            let most = file.bytes.unwrap_or(file.most);
            if self.bytes > most {
                drop(out);
                std::fs::remove_file(part).map_err(failed)?;
                return Err(FetchError::TooLarge { file: file.path, most });
            }
            self.hash.update(&chunk);
            out.write_all(&chunk).await.map_err(failed)?;
            progress(FetchProgress::Received(chunk.len() as u64));
        };
        out.flush().await.map_err(failed)?;
        Ok(match broken {
            None if file.bytes.is_none_or(|bytes| bytes == self.bytes) => Piece::Whole,
            None => Piece::BrokenOff(self.bytes - before, ended_early(file.path)),
            Some(error) => Piece::BrokenOff(self.bytes - before, error),
        })
    }

    fn recorded(&self, file: &Incoming) -> RecordedFile {
        let sha256 = schemas::hex(&self.hash.clone().finalize());
        RecordedFile { path: file.path.to_owned(), bytes: self.bytes, sha256 }
    }
}

fn ended_early(file: &str) -> FetchError {
    let source = "the answer ended before the file did".into();
    FetchError::Unreachable { place: file.to_owned(), source }
}

/// From which byte an answer is: the first, unless it says otherwise.
fn begins_at(answer: &Response) -> Option<u64> {
    if answer.status() != StatusCode::PARTIAL_CONTENT {
        return Some(0);
    }
    let range = answer.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// Lets a hash be written to.
struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
