//! Opening a release as a speaker of the engine.

use candle_core::Device;

use super::model::{QwenConfig, QwenModel};
use super::weights::{compute_dtype, sha256};
use super::{LoadError, device_failed};
use crate::{ContinuousBatch, DeviceError, Speaker};

/// A release, and how it is spoken with.
pub struct OpenConfig {
    /// The release.
    pub model: QwenConfig,
    /// Lines spoken at once; at least 1.
    pub slots: usize,
    /// Voices kept ready; at least 1. One of a 10-second recording takes about 10 MB.
    pub voices: usize,
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

/// Makes a speaker of a release.
///
/// Reads all of the weights, gigabytes, once more than it has to: their hashes are part of the
/// engine's name, so that takes of other weights are never mistaken for these.
///
/// # Errors
/// [`OpenError`].
pub fn open(config: OpenConfig) -> Result<Box<dyn Speaker + Send>, OpenError> {
    let OpenConfig { model, slots, voices } = config;
    let device = model.device.clone();
    let release = model.release.clone();
    let mut opened = QwenModel::open(model)?;
    let short = |file: &str| {
        let path = release.join(file);
        let hash = sha256(&path).map_err(|source| LoadError::Read { path, source })?;
        Ok::<_, LoadError>(hash[..12].to_owned())
    };
    let (model, codec) =
        (short("model.safetensors")?, short("speech_tokenizer/model.safetensors")?);
    let dtype = compute_dtype(&device).as_str();
    opened.engine = format!("{}/{model}-{codec}-{dtype}", opened.engine);
    let vocoder = opened.vocoder();
    Ok(Box::new(ContinuousBatch::new(opened, vocoder, slots, voices)?))
}

/// What computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Processor {
    /// The accelerator that this build is made for, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first CUDA device.
    Cuda,
    /// The Metal device.
    Metal,
}

/// Finds what computes.
///
/// # Errors
/// When this build or machine does not have it.
pub fn device(processor: Processor) -> Result<Device, DeviceError> {
    let (has_cuda, has_metal) =
        (candle_core::utils::cuda_is_available(), candle_core::utils::metal_is_available());
    let device = match processor {
        Processor::Cuda => Device::new_cuda(0),
        Processor::Metal => Device::new_metal(0),
        Processor::Auto if has_cuda => Device::new_cuda(0),
        Processor::Auto if has_metal => Device::new_metal(0),
        Processor::Auto | Processor::Cpu => Ok(Device::Cpu),
    };
    device.map_err(device_failed)
}
