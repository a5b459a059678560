//! Talker, predictor and tables as one: what turns prompts into frames.

use candle_core::{DType, Device, Result};

use super::config::ModelConfig;
use super::predictor::Predictor;
use super::prompt::Prefill;
use super::sampling::{Chooser, Controls};
use super::stack::Kept;
use super::tables::Tables;
use super::talker::Talker;
use super::weights::{WeightFormat, Weights, compute_dtype};

/// What turns prompts into frames; weights only, state lives in [`Frames`](super::frames::Frames).
#[derive(Debug)]
pub struct FrameModel {
    pub(crate) tables: Tables,
    pub(crate) talker: Talker,
    pub(crate) predictor: Predictor,
    pub(crate) chooser: Chooser,
    /// Positions a line may have, prompt included.
    pub(crate) max_positions: usize,
    /// The same weights as kernels of our own see them, where the device has them.
    #[cfg(feature = "cuda")]
    pub(super) kernels: Option<super::cuda::FrameKernels>,
}

/// What the lines of one voice begin with, already taken in by the talker.
///
/// A line sounds the same with and without it: without, its beginning is taken in by itself, too.
#[derive(Debug, Clone)]
pub struct Prefix(pub(crate) Kept);

impl FrameModel {
    /// Moves a checkpoint's weights to `device`, in the type it computes in.
    ///
    /// # Errors
    /// When a tensor is not there or the device is out of memory.
    pub fn load(weights: &Weights, config: &ModelConfig, device: &Device) -> Result<Self> {
        Self::load_in(WeightFormat::Native, weights, config, device)
    }

    /// The same with the matrices of the layers held in `format`.
    ///
    /// # Errors
    /// As [`Self::load`], and when `format` is not for this device.
    pub fn load_in(
        format: WeightFormat,
        weights: &Weights,
        config: &ModelConfig,
        device: &Device,
    ) -> Result<Self> {
        Self::load_as(format, weights, config, (device, compute_dtype(device)))
    }

    /// As [`Self::load_in`], in a type of one's own.
    pub(crate) fn load_as(
        format: WeightFormat,
        weights: &Weights,
        config: &ModelConfig,
        (device, dtype): (&Device, DType),
    ) -> Result<Self> {
        let talker = &config.talker_config;
        let codes = talker.code_predictor_config.vocab_size;
        let vb = weights.builder(dtype, device).pp("talker");
        let (controls, vocabulary) = (Controls::of(talker), talker.vocab_size);
        let max_positions = talker.max_position_embeddings;
        let tables = Tables::load(weights, config, dtype, device)?;
        let talker = Talker::load(talker, format, &vb)?;
        let predictor = Predictor::load(&config.talker_config, format, &vb.pp("code_predictor"))?;
        Ok(Self {
            #[cfg(feature = "cuda")]
            kernels: {
                let parts = (&tables, &talker, &predictor);
                super::cuda::FrameKernels::of(parts, controls, device)?
            },
            tables,
            talker,
            predictor,
            chooser: Chooser::new(controls, vocabulary, codes, device)?,
            max_positions,
        })
    }

    /// What prompts are assembled from.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Takes in what `prefill` shares with the other lines of its voice, for
    /// [`Admission::prefix`](super::frames::Admission::prefix). `None` if it shares nothing.
    ///
    /// # Errors
    /// When the device fails.
    pub fn prefix(&self, prefill: &Prefill) -> Result<Option<Prefix>> {
        if prefill.shared == 0 {
            return Ok(None);
        }
        let mut cache = self.talker.cache(1);
        self.talker.prefill(&prefill.embeds, 0..prefill.shared, &mut cache, 0)?;
        Ok(Some(Prefix(cache.keep(0, prefill.shared)?)))
    }
}
