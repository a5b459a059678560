//! Voices made ready, kept in files between runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use engine::PromptStore;
use telemetry::metrics::PROMPT_BYTES;
use tracing::warn;

use crate::whole_file;

/// What all files may take together when nothing else is said: a hundred voices of a 10-second
/// recording.
const USUAL_BYTES: u64 = 1 << 30;

/// A folder of voices made ready, within a budget: what was longest not asked for goes first.
///
/// Every process of a user may share it. It is only a cache: what cannot be read or written costs
/// time, never a line.
#[derive(Debug, Clone)]
pub struct PromptFiles {
    folder: PathBuf,
    most_bytes: u64,
}

impl PromptFiles {
    /// Files in the folder `voices` of `cache_dir`, which is made when the first is kept, and at most a
    /// gigabyte of them.
    #[must_use]
    pub fn new(cache_dir: &Path) -> Self {
        Self::with_room(cache_dir.join("voices"), USUAL_BYTES)
    }

    /// Files in `folder`, at most `most_bytes` of them together. A larger one is not kept at all.
    #[must_use]
    pub fn with_room(folder: PathBuf, most_bytes: u64) -> Self {
        Self { folder, most_bytes }
    }

    /// Whether the voice under `key` is kept.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.path(key).is_some_and(|path| path.is_file())
    }

    /// Where the voice under `key` is; nowhere for what is no key.
    fn path(&self, key: &str) -> Option<PathBuf> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_key = key.len() == 64 && key.bytes().all(is_digit);
        is_key.then(|| self.folder.join(format!("{key}.voice")))
    }

    /// Removes what was longest not asked for until the rest is within the budget; never `but`.
    fn make_room(&self, but: &Path) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
                Some((meta.modified().ok()?, meta.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, length, path) in files.iter().filter(|(_, _, path)| path != but) {
            if bytes <= self.most_bytes {
                break;
            }
            // Another process may have removed it first.
            std::fs::remove_file(path).ok();
            bytes -= length;
        }
        PROMPT_BYTES.set(f64::from(u32::try_from(bytes / 1_024).unwrap_or(u32::MAX)) * 1_024.0, []);
    }
}

impl PromptStore for PromptFiles {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key)?;
        let is_fit = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= self.most_bytes);
        let bytes = is_fit.then(|| std::fs::read(&path).ok())??;
        // So that it counts as just asked for; where that cannot be noted it goes a little earlier.
        if let Ok(file) = File::options().append(true).open(&path) {
            file.set_modified(SystemTime::now()).ok();
        }
        Some(bytes)
    }

    fn put(&mut self, key: &str, bytes: &[u8]) {
        let Some(path) = self.path(key) else { return };
        if bytes.len() as u64 > self.most_bytes {
            return;
        }
        match whole_file::write(&path, bytes) {
            Ok(()) => self.make_room(&path),
            Err(error) => {
                let folder = self.folder.display().to_string();
                warn!(folder, reason = error.to_string(), "voice not kept for the next run");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use engine::qwen3_tts::tokenizer::Words;
    use engine::qwen3_tts::weights::Pins;
    use engine::qwen3_tts::{Device, OpenConfig, QwenConfig, RATE_HZ, open};
    use engine::{PromptCounts, Request, Samples};
    use schemas::{ReferenceTake, Voice, VoiceSource};

    use super::*;

    fn key(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap()[..1].to_owned())
            .collect();
        names.sort();
        names
    }

    /// Makes a file as old as if it had last been asked for `minutes` ago.
    fn age(files: &PromptFiles, key: &str, minutes: u64) {
        let file = File::options().append(true).open(files.path(key).unwrap()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_mins(minutes)).unwrap();
    }

    #[test]
    fn what_is_put_is_there_in_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = PromptFiles::new(folder.path());
        assert_eq!(files.get(&key('a')), None);
        files.put(&key('a'), b"mira");
        files.put(&key('a'), b"mira again");
        let mut next = PromptFiles::new(folder.path());
        assert_eq!(next.get(&key('a')).as_deref(), Some(b"mira again".as_slice()));
        assert_eq!(names(&folder.path().join("voices")), ["a"]);
    }

    #[test]
    fn what_was_longest_not_asked_for_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = PromptFiles::with_room(folder.path().to_owned(), 100);
        for (digit, minutes) in [('a', 30), ('b', 20), ('c', 10)] {
            files.put(&key(digit), &[0; 30]);
            age(&files, &key(digit), minutes);
        }
        assert!(files.get(&key('a')).is_some());
        files.put(&key('d'), &[0; 30]);
        assert_eq!(names(folder.path()), ["a", "c", "d"]);
        files.put(&key('e'), &[0; 101]);
        files.put(&key('f'), &[0; 100]);
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn a_key_is_never_a_path_and_a_folder_that_cannot_be_written_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = PromptFiles::new(folder.path());
        for key in ["../../up", "", &key('A'), &key('a')[1..]] {
            files.put(key, b"x");
            assert_eq!(files.get(key), None);
        }
        assert!(!folder.path().join("voices").exists());
        std::fs::write(folder.path().join("voices"), "in the way").unwrap();
        files.put(&key('a'), b"x");
        assert_eq!(files.get(&key('a')), None);
    }

    /// What a worker that keeps its voices in `folder` says in a cloned voice, how often it heard the
    /// recording for that, and what it counted.
    fn work(folder: &Path) -> (Samples, usize, PromptCounts) {
        let heard = Arc::new(AtomicUsize::new(0));
        let count = heard.clone();
        let recordings = Box::new(move |_: &str| {
            count.fetch_add(1, Ordering::Relaxed);
            let wav = std::fs::read(fixtures::path("casts/voices/anna-neutral.wav")).unwrap();
            let pcm = audio::resample(&audio::read_wav(&wav).unwrap(), RATE_HZ).unwrap();
            Ok(Samples { samples: pcm.samples, rate_hz: pcm.rate_hz })
        });
        let config = OpenConfig {
            model: QwenConfig {
                release: fixtures::path("reference/s1/base-0b6"),
                name: None,
                device: Device::Cpu,
                words: Words::Native,
                pins: Pins::default(),
                recordings,
                weights: engine::qwen3_tts::weights::WeightFormat::default(),
            },
            slots: 2,
            voice_bytes: 1 << 30,
            prompts: Some(Box::new(PromptFiles::with_room(folder.to_owned(), 1 << 30))),
            identity: None,
        };
        let mut speaker = open(config).unwrap();
        let reference = ReferenceTake {
            mood: "neutral".to_owned(),
            audio_sha256: "0".repeat(64),
            transcript: Some("The tide does not care what day it is.".to_owned()),
        };
        let voice = Voice {
            name: "anna".to_owned(),
            model: "qwen3-tts-12hz-0.6b-base".to_owned(),
            source: VoiceSource::Clone { reference },
        };
        let mut finished = Vec::new();
        for seed in 0..8 {
            let (text, language) = ("Who's there?".to_owned(), "en".to_owned());
            let voice = voice.clone();
            let pauses = Vec::new();
            speaker.admit(Request { tag: seed, text, pauses, language, voice, seed });
        }
        while !speaker.is_idle() {
            finished.extend(speaker.turn().unwrap());
        }
        finished.sort_by_key(|line| line.tag);
        let spoken = finished.into_iter().find_map(|line| line.result.ok());
        let samples = spoken.expect("one of eight takes of a tiny model ends");
        (samples, heard.load(Ordering::Relaxed), speaker.prompt_counts())
    }

    #[test]
    fn a_second_start_makes_no_voice_ready_again_and_a_spoilt_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (first, heard, counts) = work(folder.path());
        assert_eq!((heard, counts.misses, counts.recalled), (1, 1, 0));
        let (second, heard, counts) = work(folder.path());
        assert_eq!((heard, counts.misses, counts.recalled, counts.hits), (0, 1, 1, 7));
        assert!(second == first);

        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let (third, heard, counts) = work(folder.path());
        assert_eq!((heard, counts.recalled), (1, 0));
        assert!(third == first);
        assert!(std::fs::read(&file).unwrap() == whole);
    }
}
