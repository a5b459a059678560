//! The models that lie on this machine, as engines: what they are called, what they need, how they are
//! opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::qwen3_tts::proof::{self, Finding};
use engine::qwen3_tts::tokenizer::Words;
use engine::qwen3_tts::weights::{Pins, WeightFormat};
use engine::qwen3_tts::{
    Checkpoint, Device, Identity, LoadError, OpenConfig, Processor, QwenConfig, RATE_HZ, device,
    memory_bytes, open,
};
use engine::{Caps, DeviceError, Speaker};
use tracing::warn;

use crate::device::{DeviceSettings, Model};
use crate::memory::{usual_budget, written_bytes};
use crate::models::{self, NotFound, Release};
use crate::prompt_store::PromptFiles;
use crate::recordings::{RecordingCache, folder_in};
use crate::weight_hashes::WeightHashes;
use crate::{EngineSet, Engines, OpenError, WorkerError};

/// Where models are, and how they are computed with.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// Folders of releases, and releases themselves.
    pub folders: Vec<PathBuf>,
    /// What computes.
    pub processor: Processor,
    /// What large matrices are held in.
    pub weights: WeightFormat,
    /// Lines that one model speaks at once; by the processor when `None`: 4 to 8 on a CPU, 32 on an
    /// accelerator.
    pub slots: Option<usize>,
    /// Bytes that all loaded models may need together; [`usual_budget`] when `None`.
    pub memory_bytes: Option<u64>,
    /// How long a model without work stays loaded.
    pub idle_unload: Duration,
    /// A folder of the user's own for what can be made again.
    pub cache_dir: PathBuf,
}

/// Why models cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// What computes is not there.
    #[error("models cannot be computed here")]
    Device(#[from] DeviceError),
    /// A model is in none of the folders, or in several.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The device computes something else than it should, or cannot.
    #[error(
        "{device} does not compute as it should ({what}): `tableread-worker doctor` tells more, and \
         --device cpu does without it"
    )]
    Unproven {
        /// What computes.
        device: &'static str,
        /// What went wrong, and by how much.
        what: String,
    },
    /// A release is not what it should be.
    #[error("the model in {} cannot be used", folder.display())]
    Release {
        /// The release's.
        folder: PathBuf,
        /// What is wrong with it.
        #[source]
        source: LoadError,
    },
    /// A model needs more memory than models may take.
    #[error(
        "the model {name} needs about {} of memory with {slots} lines at once, more than the {} that \
         models may take; give --memory or fewer --slots",
        written_bytes(*needs), written_bytes(*budget)
    )]
    TooLarge {
        /// What voices call it.
        name: String,
        /// Lines at once.
        slots: usize,
        /// Bytes it needs.
        needs: u64,
        /// Bytes there are for models.
        budget: u64,
    },
}

/// A model of this machine that can be spoken with.
#[derive(Debug, Clone)]
pub struct LocalModel {
    release: Release,
    engine: String,
    bytes: u64,
    /// Lower-case hex SHA-256.
    weights: String,
}

/// Models of this machine, on one device.
#[derive(Debug)]
pub struct LocalModels {
    device: Device,
    weights: WeightFormat,
    slots: usize,
    budget: u64,
    idle_unload: Duration,
    cache_dir: PathBuf,
    models: Vec<LocalModel>,
}

impl LocalModels {
    /// All models that are in the folders and fit the memory; what cannot be used is logged with its
    /// reason and left out. The first time weights are seen they are read whole, gigabytes.
    ///
    /// # Errors
    /// [`ModelError::Device`].
    pub fn all(settings: &ModelSettings) -> Result<Self, ModelError> {
        let mut all = Self::none(settings)?;
        let (releases, unusable) = models::installed(&settings.folders);
        for unusable in unusable {
            warn!(%unusable, "model not offered");
        }
        let mut hashes = WeightHashes::open(&settings.cache_dir);
        for release in releases {
            if let Err(error) = all.add(release, &mut hashes) {
                warn!(reason = %crate::with_causes(&error), "model not offered");
            }
        }
        Ok(all)
    }

    /// The models of these names, each of which must be there, be sound and fit the memory.
    ///
    /// # Errors
    /// [`ModelError`] for the first that is not.
    pub fn named<'a>(
        settings: &ModelSettings,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ModelError> {
        let mut chosen = Self::none(settings)?;
        let mut hashes = WeightHashes::open(&settings.cache_dir);
        for name in names {
            chosen.add(models::find(name, &settings.folders)?, &mut hashes)?;
        }
        Ok(chosen)
    }

    fn none(settings: &ModelSettings) -> Result<Self, ModelError> {
        let device = device(settings.processor)?;
        let usual_slots = if device.is_cpu() { crate::cores().clamp(4, 8) } else { 32 };
        Ok(Self {
            slots: settings.slots.unwrap_or(usual_slots).max(1),
            budget: settings.memory_bytes.unwrap_or_else(|| usual_budget(device.is_cuda())),
            idle_unload: settings.idle_unload,
            cache_dir: settings.cache_dir.clone(),
            models: Vec::new(),
            weights: settings.weights,
            device,
        })
    }

    fn add(&mut self, release: Release, hashes: &mut WeightHashes) -> Result<(), ModelError> {
        let wrong = |source| ModelError::Release { folder: release.folder.clone(), source };
        // Looks at every tensor's name and shape, at none of their numbers.
        Checkpoint::open(&release.folder, Words::Native, &Pins::default()).map_err(wrong)?;
        let bytes =
            memory_bytes(&release.folder, &self.device, self.weights, self.slots).map_err(wrong)?;
        if bytes > self.budget {
            let (name, slots, budget) = (release.name, self.slots, self.budget);
            return Err(ModelError::TooLarge { name, slots, needs: bytes, budget });
        }
        let identity =
            Identity::of(&release.folder, None, &mut |path| hashes.of(path)).map_err(wrong)?;
        let engine = identity.engine(&self.device, self.weights);
        if self.models.iter().all(|model| model.engine != engine) {
            let path = release.folder.join("model.safetensors");
            let weights = hashes.of(&path).map_err(|source| ModelError::Release {
                folder: release.folder.clone(),
                source: LoadError::Read { path, source },
            })?;
            self.models.push(LocalModel { release, engine, bytes, weights });
        }
        Ok(())
    }

    /// Proves, with a tiny model that is inside the program, that what computes does it right; some
    /// seconds. Without models there is nothing to prove.
    ///
    /// # Errors
    /// [`ModelError::Unproven`] with the first thing that is wrong.
    pub fn prove(&self) -> Result<(), ModelError> {
        if self.is_empty() {
            return Ok(());
        }
        let device = self.device_name();
        let findings = proof::quick(&self.device)
            .map_err(|error| ModelError::Unproven { device, what: error.to_string() })?;
        match findings.into_iter().find(|finding| !finding.is_passed()) {
            None => Ok(()),
            Some(Finding { stage, largest, tolerance, problem }) => {
                let off = format!("{}: off by {largest}, {tolerance} is allowed", stage.name());
                Err(ModelError::Unproven { device, what: problem.unwrap_or(off) })
            }
        }
    }

    /// What speaks each model's voices, name and version, by the model's name. A name that two
    /// releases share is the first one's.
    #[must_use]
    pub fn engines(&self) -> BTreeMap<String, String> {
        let reversed = self.models.iter().rev();
        reversed.map(|model| (model.release.name.clone(), model.engine.clone())).collect()
    }

    /// Lower-case hex SHA-256 of each model's weights, by the model's name.
    #[must_use]
    pub fn weights(&self) -> BTreeMap<String, String> {
        let reversed = self.models.iter().rev();
        reversed.map(|model| (model.release.name.clone(), model.weights.clone())).collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// What computes, as [`schemas::WorkerReport::device`] names it.
    #[must_use]
    pub fn device_name(&self) -> &'static str {
        match &self.device {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Metal(_) => "metal",
        }
    }

    /// Puts them beside an engine that is always there.
    ///
    /// # Errors
    /// [`WorkerError::Open`] when their thread cannot be started.
    pub fn beside(self, always: Engines) -> Result<EngineSet, WorkerError> {
        let recordings = RecordingCache::new(folder_in(&self.cache_dir));
        let prompts = PromptFiles::new(&self.cache_dir);
        let settings = DeviceSettings { memory_bytes: self.budget, idle_unload: self.idle_unload };
        let opening = Arc::new(Opening {
            device: self.device,
            weights: self.weights,
            slots: self.slots,
            cache_dir: self.cache_dir,
            recordings: recordings.clone(),
        });
        let models = self.models.into_iter().map(|model| opening.clone().model(model)).collect();
        let set = EngineSet::new(always).with_models(models, settings, recordings)?;
        Ok(set.with_prompts(prompts))
    }
}

/// What opening a model takes.
struct Opening {
    device: Device,
    weights: WeightFormat,
    slots: usize,
    cache_dir: PathBuf,
    recordings: RecordingCache,
}

impl Opening {
    fn model(self: Arc<Self>, model: LocalModel) -> Model {
        let caps = Caps {
            engine: model.engine.clone(),
            models: vec![model.release.name.clone()],
            slots: self.slots,
            rate_hz: RATE_HZ,
        };
        let bytes = model.bytes;
        Model { caps, bytes, open: Box::new(move || self.open(&model)) }
    }

    /// Loads a model whose files still are what they were when it was named.
    fn open(&self, model: &LocalModel) -> Result<Box<dyn Speaker>, OpenError> {
        let folder = &model.release.folder;
        let mut hashes = WeightHashes::open(&self.cache_dir);
        let identity = Identity::of(folder, None, &mut |path: &Path| hashes.of(path))?;
        let recordings = self.recordings.clone();
        let speaker = open(OpenConfig {
            model: QwenConfig {
                release: folder.clone(),
                name: None,
                device: self.device.clone(),
                weights: self.weights,
                words: Words::Native,
                pins: Pins::default(),
                recordings: Box::new(move |name| recordings.hear(name)),
            },
            slots: self.slots,
            voice_bytes: VOICE_BYTES,
            prompts: Some(Box::new(PromptFiles::new(&self.cache_dir))),
            identity: Some(identity),
        })?;
        Ok(speaker)
    }
}

/// Bytes of voices that each model keeps ready: a large cast's, at some 10 MB a voice.
const VOICE_BYTES: usize = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(cache: &Path) -> ModelSettings {
        ModelSettings {
            folders: vec![fixtures::path("reference/s1"), fixtures::path("reference/s2")],
            processor: Processor::Cpu,
            weights: WeightFormat::Native,
            slots: None,
            memory_bytes: None,
            idle_unload: Duration::from_mins(10),
            cache_dir: cache.to_owned(),
        }
    }

    #[test]
    fn releases_of_one_name_are_engines_of_their_own() {
        let cache = tempfile::tempdir().unwrap();
        let all = LocalModels::all(&settings(cache.path())).unwrap();
        let names: Vec<_> = all.models.iter().map(|model| model.release.name.as_str()).collect();
        let bases = names.iter().filter(|name| **name == "qwen3-tts-12hz-0.6b-base").count();
        assert_eq!(bases, 2, "{names:?}");
        let mut engines: Vec<_> = all.models.iter().map(|model| &model.engine).collect();
        engines.sort();
        engines.dedup();
        assert_eq!(engines.len(), names.len());
        assert!((4..=8).contains(&all.slots));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name_and_not_offered() {
        let cache = tempfile::tempdir().unwrap();
        let small = ModelSettings { memory_bytes: Some(1_000_000), ..settings(cache.path()) };
        let name = "qwen3-tts-12hz-0.6b-customvoice";
        let error = LocalModels::named(&small, [name]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("--memory"), "{error}");
        assert!(LocalModels::all(&small).unwrap().is_empty());
    }

    #[test]
    fn a_name_is_the_same_whoever_asks() {
        let cache = tempfile::tempdir().unwrap();
        let name = "qwen3-tts-12hz-0.6b-customvoice";
        let one = LocalModels::named(&settings(cache.path()), [name]).unwrap().engines();
        let all = LocalModels::all(&settings(cache.path())).unwrap().engines();
        assert_eq!(one[name], all[name]);
    }
}
