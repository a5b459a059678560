//! Opening a release as a speaker of the engine.

use super::model::{QwenConfig, QwenModel};
use super::{Identity, LoadError, hash_file};
use crate::{ContinuousBatch, DeviceError, PromptStore, Speaker};

/// A release, and how it is spoken with.
pub struct OpenConfig {
    /// The release.
    pub model: QwenConfig,
    /// Lines spoken at once; at least 1.
    pub slots: usize,
    /// Bytes of voices kept ready; the one last asked for is kept in any case. One of a 10-second
    /// recording takes about 10 MB.
    pub voice_bytes: usize,
    /// Where voices made ready are kept for the next run; nowhere when `None`.
    pub prompts: Option<Box<dyn PromptStore>>,
    /// What the release is, where that is known; found out by reading all of it when `None`.
    pub identity: Option<Identity>,
}

/// Why there is no speaker.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The release cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The seats do not fit into memory.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// Makes a speaker of a release. Its engine's name is [`Identity::engine`]'s.
///
/// Without [`OpenConfig::identity`] it reads all of the weights, gigabytes, once more than it has to.
///
/// # Errors
/// [`OpenError`].
pub fn open(config: OpenConfig) -> Result<Box<dyn Speaker + Send>, OpenError> {
    let OpenConfig { model, slots, voice_bytes, prompts, identity } = config;
    let (device, weights) = (model.device.clone(), model.weights);
    let identity = match identity {
        Some(identity) => identity,
        None => Identity::of(&model.release, model.name.as_deref(), &mut hash_file)?,
    };
    let mut opened = QwenModel::open(model)?;
    opened.engine = identity.engine(&device, weights);
    let vocoder = opened.vocoder();
    let batch = ContinuousBatch::new(opened, vocoder, slots, voice_bytes)?;
    Ok(match prompts {
        Some(store) => Box::new(batch.keeping_prompts_in(store)),
        None => Box::new(batch),
    })
}
