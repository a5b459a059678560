//! A recording to the vector that says who speaks in it.

mod ecapa;
mod mel;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use super::config::SpeakerConfig;
use ecapa::EcapaTdnn;
use mel::MelSpectrogram;

/// Hears who speaks. Holds weights only.
///
/// Source: `extract_speaker_embedding` in `modeling_qwen3_tts.py` of Qwen3-TTS at `022e286`.
#[derive(Debug)]
pub struct SpeakerEncoder {
    mel: MelSpectrogram,
    network: EcapaTdnn,
    device: Device,
    dtype: DType,
}

impl SpeakerEncoder {
    /// Takes its tensors from a builder that stands at the model's root.
    ///
    /// # Errors
    /// When a tensor is missing or the device is out of memory.
    pub fn new(config: &SpeakerConfig, weights: &VarBuilder) -> Result<Self> {
        Ok(Self {
            mel: MelSpectrogram::new(config.mel_dim, config.sample_rate),
            network: EcapaTdnn::new(config, &weights.pp("speaker_encoder"))?,
            device: weights.device().clone(),
            dtype: weights.dtype(),
        })
    }

    /// Samples that a recording must have: fewer cannot be mirrored onto its ends.
    #[must_use]
    pub fn min_samples(&self) -> usize {
        let mirrored = MelSpectrogram::samples(self.network.min_moments());
        mirrored.max(MelSpectrogram::MIN_SAMPLES)
    }

    /// Embeds one recording, of one channel at 24 kHz, −1 to 1.
    ///
    /// # Shapes
    /// * `samples`: at least [`Self::min_samples`]
    /// * returns `E` numbers, as they are added to the prompt: not normalised
    ///
    /// # Errors
    /// On fewer samples, and when the device fails or is out of memory.
    pub fn embed(&self, samples: &[f32]) -> Result<Vec<f32>> {
        if samples.len() < self.min_samples() {
            candle_core::bail!(
                "{} samples are too few to hear who speaks, {} are not",
                samples.len(),
                self.min_samples()
            );
        }
        let mels = self.spectrogram(samples)?;
        let mels = mels.to_dtype(self.dtype)?.to_device(&self.device)?;
        self.network.forward(&mels)?.to_dtype(DType::F32)?.to_vec1()
    }

    /// What the embedding is made of: `[T, bands]`, in F32 on the CPU.
    pub(super) fn spectrogram(&self, samples: &[f32]) -> Result<Tensor> {
        self.mel.forward(samples)
    }
}

#[cfg(test)]
mod tests;
