//! Fetching a release from the hub into a folder.
//!
//! ```text
//!  list of files ─▶ .fetching-NAME-COMMIT/ : each file to FILE.part, checked, then FILE
//!                                          └─ all there ─▶ checked as a release ─▶ renamed to NAME
//! ```
//!
//! Nobody ever sees half a release: the folder gets its name once all of it is there. What was
//! received stays when something goes wrong, and the next try goes on behind it.

mod file;
mod staging;

use std::path::{Path, PathBuf};

use engine::qwen3_tts::config::ModelConfig;
use serde::{Deserialize, Serialize};

use self::file::{Incoming, receive};
use self::staging::Staging;
use super::hub::{Hub, Listed, Listing};
use super::repository::is_word;
use super::{FetchError, Release, Repository};

/// Where releases are published.
pub const HUB: &str = "https://huggingface.co";

/// The branch that is fetched when no revision is named.
pub const USUAL_REVISION: &str = "main";

/// What to fetch, from where, and where to.
#[derive(Debug, Clone)]
pub struct FetchOrder {
    /// What to fetch.
    pub repository: Repository,
    /// A branch, a tag or, so that it is the same for ever, a commit's hash.
    pub revision: String,
    /// The folder of models; made when missing.
    pub models: PathBuf,
    /// Address of the hub, usually [`HUB`]: `https:`, or `http:` on this machine.
    pub endpoint: String,
    /// Who asks, where the hub wants to know.
    pub token: Option<String>,
}

/// How far a fetch is, told as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchProgress {
    /// Told once: all files have `bytes` together, of which `had` are here from an earlier try.
    Begun {
        /// Bytes of all files.
        bytes: u64,
        /// Bytes that are here.
        had: u64,
    },
    /// So many bytes more are here.
    Received(u64),
    /// So many bytes have to be received again.
    Lost(u64),
}

/// A release that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What voices call it, and where it is.
    pub release: Release,
    /// The commit's hash: fetching this revision gives the same files for ever.
    pub revision: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether nothing had to be fetched.
    pub was_there: bool,
}

/// What a release says of where it came from, in the file [`RECORD`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// `OWNER/NAME`.
    pub(super) repository: String,
    /// The commit's hash.
    pub(super) revision: String,
    /// By path.
    pub(super) files: Vec<RecordedFile>,
}

/// A file as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedFile {
    /// Relative to the release.
    pub(super) path: String,
    /// How many it has.
    pub(super) bytes: u64,
    /// Lower-case hex.
    pub(super) sha256: String,
}

/// Where a release says where it came from.
pub(super) const RECORD: &str = "fetched.json";

/// Bytes that a file of text may have: six times what the largest published one has.
const TEXT: u64 = 16 << 20;

/// Bytes that a file of weights may have: four times what the largest published one has.
const WEIGHTS: u64 = 16 << 30;

/// The files that a release is opened by, and how large they may be. Nothing else is fetched.
const FILES: [(&str, u64); 8] = [
    ("config.json", TEXT),
    ("generation_config.json", TEXT),
    ("vocab.json", TEXT),
    ("merges.txt", TEXT),
    ("tokenizer_config.json", TEXT),
    ("speech_tokenizer/config.json", TEXT),
    ("speech_tokenizer/model.safetensors", WEIGHTS),
    ("model.safetensors", WEIGHTS),
];

/// Fetches a release, or finds that it is there already.
///
/// Cancel-safe: what was received stays and is gone on from. Weights are held to the SHA-256 that the
/// hub has of them.
///
/// # Errors
/// [`FetchError`]; another try goes on where this one ended.
pub async fn fetch(
    order: &FetchOrder,
    progress: &mut dyn FnMut(FetchProgress),
) -> Result<Fetched, FetchError> {
    if !is_word(&order.revision) {
        return Err(FetchError::Revision(order.revision.clone()));
    }
    let folder = order.models.join(order.repository.folder());
    if let Some(fetched) = already(&folder, order, &order.revision)? {
        return Ok(fetched);
    }
    let hub = Hub::new(&order.endpoint, order.token.as_deref())?;
    let Listing { sha: commit, siblings } = hub.list(&order.repository, &order.revision).await?;
    if let Some(fetched) = already(&folder, order, &commit)? {
        return Ok(fetched);
    }
    if folder.exists() {
        return Err(FetchError::Occupied { folder });
    }
    let incoming = incoming(&order.repository, &siblings)?;
    let staging = Staging::open(&order.models, &order.repository.folder(), &commit)?;
    let bytes = incoming.iter().filter_map(|file| file.bytes).sum();
    let had = incoming.iter().map(|file| staging.had(file.path)).sum();
    staging.check_room(bytes, had)?;
    progress(FetchProgress::Begun { bytes, had });
    let mut files = Vec::with_capacity(incoming.len());
    for file in &incoming {
        let source = (&hub, &order.repository, commit.as_str());
        files.push(receive(source, file, &staging, progress).await?);
    }
    let repository = order.repository.id().to_owned();
    let bytes = files.iter().map(|file| file.bytes).sum();
    let unusable = |source| FetchError::Unusable { repository: repository.clone(), source };
    let config = ModelConfig::read(&staging.path(CONFIG)).map_err(unusable)?;
    let record = Record { repository, revision: commit.clone(), files };
    staging.place(&record, &folder)?;
    let release = Release { name: config.release_name(), folder };
    Ok(Fetched { release, revision: commit, bytes, was_there: false })
}

const CONFIG: &str = "config.json";

/// The release in `folder`, if it is of this repository and revision and its files are whole in length.
fn already(
    folder: &Path,
    order: &FetchOrder,
    revision: &str,
) -> Result<Option<Fetched>, FetchError> {
    let Ok(bytes) = std::fs::read(folder.join(RECORD)) else { return Ok(None) };
    let Ok(record) = serde_json::from_slice::<Record>(&bytes) else { return Ok(None) };
    let is_whole = FILES.iter().all(|(path, _)| {
        let recorded = record.files.iter().find(|file| file.path == *path);
        let found = std::fs::metadata(folder.join(path));
        recorded.is_some_and(|file| found.is_ok_and(|meta| meta.len() == file.bytes))
    });
    if record.repository != order.repository.id() || record.revision != revision || !is_whole {
        return Ok(None);
    }
    let unusable = |source| FetchError::Unusable { repository: record.repository.clone(), source };
    let config = ModelConfig::read(&folder.join(CONFIG)).map_err(unusable)?;
    Ok(Some(Fetched {
        release: Release { name: config.release_name(), folder: folder.to_owned() },
        bytes: record.files.iter().map(|file| file.bytes).sum(),
        revision: record.revision,
        was_there: true,
    }))
}

/// The release's files as the hub lists them.
fn incoming(repository: &Repository, listed: &[Listed]) -> Result<Vec<Incoming>, FetchError> {
    let find = |&(path, most): &(&'static str, u64)| {
        let listed = listed.iter().find(|listed| listed.rfilename == path);
        let repository = || repository.id().to_owned();
        let listed =
            listed.ok_or_else(|| FetchError::NoRelease { repository: repository(), file: path })?;
        let bytes = listed.lfs.as_ref().map(|large| large.size).or(listed.size);
        if bytes.is_some_and(|bytes| bytes > most) {
            return Err(FetchError::TooLarge { file: path, most });
        }
        let sha256 = listed.lfs.as_ref().map(|large| large.sha256.to_lowercase());
        Ok(Incoming { path, most, bytes, sha256 })
    };
    FILES.iter().map(find).collect()
}

#[cfg(test)]
mod tests;
