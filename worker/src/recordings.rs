//! Recordings that voices are cloned from: fetched once by hash, kept on disk, heard from there.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use audio::Pcm;
use engine::Samples;
use engine::qwen3_tts::RATE_HZ;
use schemas::{LARGEST_RECORDING, RecordingKey, Voice, VoiceSource, recording_object};
use sha2::{Digest as _, Sha256};
use store::StoreError;
use tracing::warn;

use crate::render::Worker;
use crate::{RenderError, whole_file};

/// What all kept recordings may take together; the oldest go first.
const MOST_BYTES: u64 = 1 << 30;

/// A folder of recordings, each under its own hash.
#[derive(Debug, Clone)]
pub struct RecordingCache {
    folder: PathBuf,
}

impl RecordingCache {
    /// Recordings in a folder, which is made when the first is kept; every process may share it.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Whether a recording is here.
    #[must_use]
    pub fn has(&self, key: &RecordingKey) -> bool {
        self.path(key).is_file()
    }

    /// Keeps a recording, and forgets the oldest when there are too many.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(&self, key: &RecordingKey, bytes: &[u8]) -> std::io::Result<()> {
        whole_file::write(&self.path(key), bytes)?;
        self.forget_oldest(key);
        Ok(())
    }

    /// Gives a recording as the engine hears it: one channel at [`RATE_HZ`]. `name` is its hash.
    ///
    /// # Errors
    /// What is missing or wrong with it, in words.
    pub fn hear(&self, name: &str) -> Result<Samples, String> {
        let key = RecordingKey::parse(name).map_err(|error| error.to_string())?;
        let path = self.path(&key);
        let bytes = std::fs::read(&path)
            .map_err(|error| format!("the recording {} cannot be read: {error}", path.display()))?;
        if !is_its(&key, &bytes) {
            // The next line fetches it anew.
            std::fs::remove_file(&path).ok();
            return Err(format!("the recording {} was damaged; retry the line", path.display()));
        }
        decode(&bytes).map_err(|error| format!("the recording {name}: {error}"))
    }

    fn path(&self, key: &RecordingKey) -> PathBuf {
        self.folder.join(key.as_str())
    }

    /// What cannot be listed or removed is left: the folder is only a cache.
    fn forget_oldest(&self, but: &RecordingKey) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
                Some((meta.modified().ok()?, meta.len(), entry.path()))
            })
            .collect();
        kept.sort();
        let mut taken: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in kept {
            if taken <= MOST_BYTES {
                return;
            }
            if path != self.path(but) && std::fs::remove_file(&path).is_ok() {
                taken -= bytes;
            }
        }
    }
}

/// Reads a recording: WAV of any usual format, or AAC in MP4.
///
/// # Errors
/// When it is neither, or longer than memory should hold.
pub(crate) fn decode(bytes: &[u8]) -> Result<Samples, audio::AudioError> {
    let is_mp4 = bytes.get(4..8) == Some(b"ftyp");
    let pcm = if is_mp4 { audio::decode_aac(bytes)? } else { audio::read_wav(bytes)? };
    let Pcm { samples, rate_hz } = audio::resample(&pcm, RATE_HZ)?;
    Ok(Samples { samples, rate_hz })
}

fn is_its(key: &RecordingKey, bytes: &[u8]) -> bool {
    schemas::hex(&Sha256::digest(bytes)) == key.as_str()
}

impl Worker {
    /// Sees to it that the recording of a cloned voice lies here, by fetching it from the store.
    ///
    /// # Errors
    /// When the store cannot be reached or does not have it, or what it has is another file.
    pub(crate) async fn have_recording(&self, voice: &Voice) -> Result<(), RenderError> {
        let VoiceSource::Clone { reference } = &voice.source else { return Ok(()) };
        let Some(cache) = self.engines.recordings() else { return Ok(()) };
        let unusable = |problem: String| RenderError::Speak(engine::LineError::Voice(problem));
        let key = RecordingKey::parse(reference.audio_sha256.clone())
            .map_err(|error| unusable(format!("the recording of `{}`: {error}", voice.name)))?;
        if cache.has(&key) {
            return Ok(());
        }
        let object = recording_object(&key);
        let size = self.size_of(&object).await?;
        let name = &voice.name;
        let Some(size) = size else {
            return Err(unusable(format!(
                "the recording of `{name}` ({key}) is not in the store; submit the episode again from \
                 where the cast's recordings are"
            )));
        };
        if size > LARGEST_RECORDING {
            let problem = format!("the recording of `{name}` has {size} bytes, more than is taken");
            return Err(unusable(problem));
        }
        let bytes = match self.fetch(&object).await {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound { .. }) => {
                return Err(unusable(format!("the recording of `{name}` vanished from the store")));
            }
            Err(error) => return Err(error.into()),
        };
        if !is_its(&key, &bytes) {
            return Err(unusable(format!(
                "what the store has as the recording of `{name}` is another file; remove {object} \
                 there and submit the episode again"
            )));
        }
        let (cache, kept) = (cache.clone(), bytes);
        let written = self.on_a_core(move || cache.keep(&key, &kept)).await?;
        written.map_err(|error| {
            warn!(%error, "recording cannot be kept");
            let problem = format!("the recording of `{name}` cannot be written here: {error}");
            RenderError::Speak(engine::LineError::Failed(problem))
        })
    }
}

/// Where recordings are kept below a folder for caches.
pub(crate) fn folder_in(cache_dir: &Path) -> PathBuf {
    cache_dir.join("recordings")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(bytes: &[u8]) -> RecordingKey {
        RecordingKey::parse(schemas::hex(&Sha256::digest(bytes))).unwrap()
    }

    #[test]
    fn a_recording_is_heard_at_the_engines_rate() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RecordingCache::new(folder.path().join("recordings"));
        let bytes = std::fs::read(fixtures::path("casts/voices/anna-neutral.wav")).unwrap();
        let key = key_of(&bytes);
        assert!(!cache.has(&key));
        cache.keep(&key, &bytes).unwrap();
        assert!(cache.has(&key));
        let heard = cache.hear(key.as_str()).unwrap();
        assert_eq!(heard.rate_hz, RATE_HZ);
        assert!(heard.samples.len() > 24_000);
        assert_eq!(std::fs::read_dir(folder.path().join("recordings")).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_recording_is_told_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RecordingCache::new(folder.path().to_owned());
        let key = key_of(b"what it was");
        std::fs::write(folder.path().join(key.as_str()), b"what it is").unwrap();
        let problem = cache.hear(key.as_str()).unwrap_err();
        assert!(problem.contains("damaged"), "{problem}");
        assert!(!cache.has(&key));
        assert!(cache.hear("../../etc/passwd").is_err());
    }
}
