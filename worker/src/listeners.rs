//! Base models of this machine outside of a render: who speaks in a recording, and voices made ready.

use std::collections::BTreeMap;
use std::path::Path;

use audio::Pcm;
use bytes::Bytes;
use engine::{PromptStore as _, Samples};
use schemas::{PromptKey, RecordingKey, Voice, VoiceSource};

use crate::recordings::{RecordingCache, decode, folder_in};
use crate::shared_prompts::shared_key;
use crate::{EngineSet, Engines, LocalModels, Programs, PromptFiles, WorkerError, scratch_speaker};

/// Why a recording cannot be heard or a voice not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The model cannot be loaded, or the device failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The recording or the voice: what is wrong with it.
    #[error("{0}")]
    Voice(String),
}

/// Models of this machine that can hear. Each is loaded when it is first asked.
#[derive(Debug)]
pub struct Listeners {
    engines: EngineSet,
    /// By the model's name.
    names: BTreeMap<String, String>,
    weights: BTreeMap<String, String>,
    recordings: RecordingCache,
    prompts: PromptFiles,
}

impl Listeners {
    /// Puts models to listening; `cache_dir` is the folder for caches that they were found with.
    ///
    /// # Errors
    /// [`WorkerError::Open`] when a thread cannot be started.
    pub async fn open(models: LocalModels, cache_dir: &Path) -> Result<Self, WorkerError> {
        let (names, weights) = (models.engines(), models.weights());
        let cache = cache_dir.to_owned();
        let open = move || scratch_speaker(1, &cache, &Programs::default());
        let engines = models.beside(Engines::open(1, open).await?)?;
        let recordings = RecordingCache::new(folder_in(cache_dir));
        Ok(Self { engines, names, weights, recordings, prompts: PromptFiles::new(cache_dir) })
    }

    /// The engine of each model, by the model's name; see [`engine::qwen3_tts::Identity::engine`].
    #[must_use]
    pub fn engines(&self) -> &BTreeMap<String, String> {
        &self.names
    }

    /// Lower-case hex SHA-256 of a model's weights.
    #[must_use]
    pub fn weights_sha256(&self, model: &str) -> Option<&str> {
        self.weights.get(model).map(String::as_str)
    }

    /// Who speaks, as a model hears it: what [`engine::likeness()`] compares.
    ///
    /// # Errors
    /// When the model is not here or cannot hear, and when the recording is too short or long.
    pub async fn embed(&self, model: &str, pcm: &Pcm) -> Result<Vec<f32>, ListenError> {
        let engine = self.engine(model)?;
        let pcm = audio::resample(pcm, engine::qwen3_tts::RATE_HZ)
            .map_err(|error| ListenError::Voice(error.to_string()))?;
        let samples = Samples { samples: pcm.samples, rate_hz: pcm.rate_hz };
        let heard = self.engines.embed(engine, samples).await?;
        let heard = heard.map_err(|error| ListenError::Voice(error.to_string()))?;
        let cannot = || format!("the model {model} cannot hear; name a base model");
        heard.ok_or_else(|| ListenError::Voice(cannot()))
    }

    /// Makes a cloned voice ready for lines in a language, or finds it ready in the caches; gives it as
    /// workers share it. `recording` is the file that the voice is cloned from.
    ///
    /// # Errors
    /// When the model is not here, and when the voice cannot be made ready.
    pub async fn ready(
        &self,
        voice: &Voice,
        language: &str,
        recording: &[u8],
    ) -> Result<(PromptKey, Bytes), ListenError> {
        let engine = self.engine(&voice.model)?;
        let unusable = |problem: String| ListenError::Voice(problem);
        let key = shared_key(engine, voice, language)
            .ok_or_else(|| unusable(format!("the voice `{}` is not cloned", voice.name)))?;
        self.keep_recording(voice, recording).map_err(unusable)?;
        self.engines.prepare(engine, voice, language).await?;
        match self.prompts.clone().get(key.as_str()) {
            Some(bytes) => Ok((key, bytes.into())),
            None => Err(unusable(self.why_not_ready(voice, recording).await)),
        }
    }

    /// Waits until the models are gone.
    pub async fn close(self) {
        self.engines.close().await;
    }

    fn engine(&self, model: &str) -> Result<&str, ListenError> {
        let engine = self.names.get(model).map(String::as_str);
        engine.ok_or_else(|| ListenError::Voice(format!("the model {model} is not at hand")))
    }

    fn keep_recording(&self, voice: &Voice, recording: &[u8]) -> Result<(), String> {
        let VoiceSource::Clone { reference } = &voice.source else { return Ok(()) };
        let key = RecordingKey::of(recording);
        if key.as_str() != reference.audio_sha256 {
            return Err(format!("the recording of `{}` is another file", voice.name));
        }
        if self.recordings.has(&key) {
            return Ok(());
        }
        let told = |error| format!("the recording of `{}` cannot be kept: {error}", voice.name);
        self.recordings.keep(&key, recording).map_err(told)
    }

    /// A voice that cannot be made ready says so to its lines only; hearing it says the same.
    async fn why_not_ready(&self, voice: &Voice, recording: &[u8]) -> String {
        let heard = match decode(recording) {
            Ok(Samples { samples, rate_hz }) => {
                self.embed(&voice.model, &Pcm { samples, rate_hz }).await.err()
            }
            Err(error) => Some(ListenError::Voice(error.to_string())),
        };
        let why = heard.map_or_else(
            || "its prompt cannot be kept; is there room in the folder for caches?".to_owned(),
            |error| error.to_string(),
        );
        format!("the voice `{}` cannot be made ready in {}: {why}", voice.name, voice.model)
    }
}
