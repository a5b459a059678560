//! What a production takes away: files of every line, the mix, captions, the timeline, the manifest.
//!
//! Everything here follows from a [`Manifest`] and the objects it names; no queue is asked.

mod captions;
mod files;
mod manifest;
mod mix;
mod place;
mod timeline;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use schemas::{EpisodeId, LineOutcome, Manifest, ManifestLine, delivery_object, hex};
use sha2::{Digest as _, Sha256};
use store::{Store, StoreError};

pub use captions::{Caption, subrip, webvtt};
pub use files::{delivery_file, replace_file};
pub use manifest::manifest;
pub use place::{Cue, Gaps, Place, place};
pub use timeline::{Bar, SceneBand, timeline};

/// Deliveries fetched from the store at the same time; enough to hide a network's latency.
const FETCHED_AT_ONCE: usize = 16;

/// Where an export put what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The folder.
    pub folder: PathBuf,
    /// The mix; absent when not a single line was delivered.
    pub mix: Option<PathBuf>,
    /// The picture.
    pub timeline: PathBuf,
    /// The manifest.
    pub manifest: PathBuf,
    /// Length of the episode with its gaps, in milliseconds.
    pub length_ms: u64,
    /// Files of lines written now; those that were there already are not counted.
    pub lines_written: u64,
}

/// Why an export failed. What is in the folder stays usable.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error("the export cannot read the store")]
    Store(#[source] StoreError),
    /// An object was there and is no more.
    #[error("rendered audio is gone from the store; render the episode again to make it anew")]
    Lost(#[source] StoreError),
    /// A file cannot be written.
    #[error("cannot write {path}; free space or choose another folder", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An object does not hold the audio it was written as.
    #[error("line {line}: stored audio cannot be used; render again to replace it")]
    Audio {
        /// Which line.
        line: String,
        /// What the reader said.
        #[source]
        source: audio::AudioError,
    },
    /// The mix cannot be encoded: a bug.
    #[error("the mix cannot be encoded")]
    Mix(#[source] audio::AudioError),
}

impl From<StoreError> for ExportError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NotFound { .. } | StoreError::Damaged { .. } => Self::Lost(err),
            StoreError::Unavailable { .. }
            | StoreError::Denied { .. }
            | StoreError::BadAddress { .. } => Self::Store(err),
        }
    }
}

/// Where an episode is exported: `folder` itself, or a folder of its own below it when `folder` holds
/// another episode's export, whose files would be lost.
fn folder_of(manifest: &Manifest, folder: &Path) -> PathBuf {
    match read_manifest(folder) {
        Some(there) if there.episode != manifest.episode => {
            folder.join("episodes").join(manifest.episode.as_str())
        }
        Some(_) | None => folder.to_owned(),
    }
}

/// Whether an export of the episode is in `folder`, or below it as [`export`] puts it there.
#[must_use]
pub fn is_exported(episode: &EpisodeId, folder: &Path) -> bool {
    let below = folder.join("episodes").join(episode.as_str());
    let is_of_it = |folder: &Path| read_manifest(folder).is_some_and(|it| it.episode == *episode);
    is_of_it(folder) || is_of_it(&below)
}

/// Writes everything into `folder`: `lines/*.m4a`, `episode.m4a`, `captions.vtt` and `.srt`,
/// `timeline.svg` and `manifest.json`, each replaced whole.
///
/// Another episode's export stays as it is: this one then goes into `episodes/EPISODE` below it.
/// Files of an earlier export that this one does not have are removed. The mix and the picture
/// are only made anew when something they are made of changed.
///
/// # Errors
/// [`ExportError`]; running it again goes on where it stopped.
pub async fn export(
    manifest: &Manifest,
    store: &Store,
    folder: &Path,
) -> Result<Exported, ExportError> {
    let folder = &folder_of(manifest, folder);
    let before = read_manifest(folder);
    let lines_written = write_lines(manifest, store, folder).await?;
    if let Some(before) = &before {
        remove_stale(before, manifest, folder);
    }

    let cues: Vec<_> = manifest.lines.iter().map(cue).collect();
    let places = place(&cues, &Gaps::default());
    let length_ms = places.iter().map(|place| place.end_ms).max().unwrap_or(0);
    let captions: Vec<_> = manifest
        .lines
        .iter()
        .zip(&places)
        .map(|(line, &place)| Caption { place, character: &line.character, text: &line.text })
        .collect();
    write(&folder.join("captions.vtt"), webvtt(&captions).as_bytes())?;
    write(&folder.join("captions.srt"), subrip(&captions).as_bytes())?;

    let (mix_path, timeline_path) = (folder.join("episode.m4a"), folder.join("timeline.svg"));
    let is_mixed = before.as_ref().is_some_and(|before| sounds_the_same(before, manifest));
    if !(is_mixed && mix_path.exists() && timeline_path.exists()) {
        let mixed = mix::mix(manifest, &places, store).await?;
        match &mixed.m4a {
            Some(bytes) => write(&mix_path, bytes)?,
            // Nothing is delivered any more: the mix of before would tell otherwise.
            None => remove(&mix_path),
        }
        let svg = picture(manifest, &places, mixed.peaks);
        write(&timeline_path, svg.as_bytes())?;
    }

    // Last, because it says that the rest is there.
    let manifest_path = folder.join("manifest.json");
    write(&manifest_path, &manifest_json(manifest))?;
    Ok(Exported {
        folder: folder.to_owned(),
        mix: (manifest.totals.delivered > 0).then_some(mix_path),
        timeline: timeline_path,
        manifest: manifest_path,
        length_ms,
        lines_written,
    })
}

/// The manifest as it is stored and exported: JSON, indented, ending in a line end.
///
/// # Panics
/// Never: a manifest always serialises.
#[must_use]
pub fn manifest_json(manifest: &Manifest) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(manifest).expect("a manifest always serialises");
    json.push(b'\n');
    json
}

fn read_manifest(folder: &Path) -> Option<Manifest> {
    let json = std::fs::read(folder.join("manifest.json")).ok()?;
    serde_json::from_slice(&json).ok()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    replace_file(path, bytes).map_err(|source| ExportError::File { path: path.to_owned(), source })
}

/// Fetches every delivery whose file is not there already, and says how many those were.
async fn write_lines(
    manifest: &Manifest,
    store: &Store,
    folder: &Path,
) -> Result<u64, ExportError> {
    let missing = manifest.lines.iter().filter_map(|line| {
        let (LineOutcome::Delivered { delivery, .. }, Some(file)) = (&line.outcome, &line.file)
        else {
            return None;
        };
        let path = folder.join(file);
        let is_there = std::fs::read(&path)
            .is_ok_and(|bytes| hex(&Sha256::digest(&bytes)) == delivery.delivery_sha256);
        (!is_there).then_some((path, delivery))
    });
    stream::iter(missing)
        .map(|(path, delivery)| async move {
            let key = delivery_object(&delivery.master_key);
            let bytes = store.get_checked(&key, &delivery.delivery_sha256).await?;
            write(&path, &bytes)?;
            Ok(1)
        })
        .buffer_unordered(FETCHED_AT_ONCE)
        .try_fold(0, |sum, one| async move { Ok(sum + one) })
        .await
}

/// Removes line files that the export before made and this one has no more.
fn remove_stale(before: &Manifest, now: &Manifest, folder: &Path) {
    let kept: BTreeSet<_> = now.lines.iter().filter_map(|line| line.file.as_deref()).collect();
    for file in before.lines.iter().filter_map(|line| line.file.as_deref()) {
        // The manifest is a file people may edit: only plain names inside `lines/` are ours.
        let is_ours = file.strip_prefix("lines/").is_some_and(|name| {
            !name.contains(['/', '\\']) && Path::new(name).extension().is_some_and(|e| e == "m4a")
        });
        if is_ours && !kept.contains(file) {
            remove(&folder.join(file));
        }
    }
}

/// Removes a file that is of an earlier export; one that is gone already is as good.
fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %err, "stale file not removed");
        }
        Ok(()) | Err(_) => {}
    }
}

fn cue(line: &ManifestLine) -> Cue {
    Cue {
        scene: line.scene_number,
        is_with_previous: line.is_with_previous,
        text: line.text.clone(),
        length_ms: match &line.outcome {
            // Rounded up, so that no line loses its last samples to the next.
            LineOutcome::Delivered { delivery, .. } => {
                (delivery.samples * 1_000).div_ceil(u64::from(delivery.rate_hz.max(1)))
            }
            LineOutcome::Failed { .. } | LineOutcome::Pending { .. } => line.estimated_ms.into(),
        },
    }
}

/// Whether two manifests give the same mix and picture.
fn sounds_the_same(a: &Manifest, b: &Manifest) -> bool {
    let key = |line: &ManifestLine| match &line.outcome {
        LineOutcome::Delivered { delivery, .. } => Some(delivery.master_key.clone()),
        LineOutcome::Failed { .. } | LineOutcome::Pending { .. } => None,
    };
    a.title == b.title
        && a.mastering == b.mastering
        && a.lines.len() == b.lines.len()
        && a.lines.iter().zip(&b.lines).all(|(a, b)| {
            (&a.id, &a.scene, &a.character, &a.text, cue(a), key(a))
                == (&b.id, &b.scene, &b.character, &b.text, cue(b), key(b))
        })
}

fn picture(manifest: &Manifest, places: &[Place], peaks: Vec<mix::Peaks>) -> String {
    let bars: Vec<_> = manifest
        .lines
        .iter()
        .zip(places)
        .zip(peaks)
        .map(|((line, &place), peaks)| Bar {
            place,
            character: &line.character,
            id: line.id.as_str(),
            text: &line.text,
            peaks,
            missing: match &line.outcome {
                LineOutcome::Delivered { .. } => None,
                LineOutcome::Failed { failure, .. } => Some(failure.message.as_str()),
                LineOutcome::Pending { .. } => Some("not rendered yet"),
            },
        })
        .collect();
    timeline(&manifest.title, &bars, &scene_bands(manifest, places))
}

fn scene_bands<'a>(manifest: &'a Manifest, places: &[Place]) -> Vec<SceneBand<'a>> {
    let mut bands: Vec<(u32, SceneBand<'a>)> = Vec::new();
    for (line, place) in manifest.lines.iter().zip(places) {
        match bands.last_mut() {
            Some((number, band)) if *number == line.scene_number => {
                band.place.end_ms = band.place.end_ms.max(place.end_ms);
            }
            _ => bands.push((line.scene_number, SceneBand { place: *place, heading: &line.scene })),
        }
    }
    bands.into_iter().map(|(_, band)| band).collect()
}
