//! Ids and codes to vectors: everything a prompt and a frame are made of.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Embedding, Module, embedding};

use super::config::{CODES, ModelConfig};
use super::stack::Projection;
use super::weights::{HostTable, Weights};

/// A frame: code 0 by the talker, the rest by the predictor.
pub type Frame = [u16; CODES];

/// The embeddings, each as wide as the talker. Letters as in `Stack`.
///
/// Source: `Qwen3TTSTalkerModel`, `Qwen3TTSTalkerResizeMLP`, Qwen3-TTS `modeling_qwen3_tts.py` at
/// `022e286`.
#[derive(Debug)]
pub struct Tables {
    text_embedding: HostTable,
    linear_fc1: Projection,
    linear_fc2: Projection,
    /// By talker id.
    codec_embedding: Embedding,
    /// Of codes 1 to 15, in this order.
    code_embeddings: Vec<Embedding>,
    dtype: DType,
    device: Device,
}

impl Tables {
    pub(crate) fn load(
        weights: &Weights,
        config: &ModelConfig,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let talker = &config.talker_config;
        let (width, text_width) = (talker.hidden_size, talker.text_hidden_size);
        let vb = weights.builder(dtype, device).pp("talker");
        let text = vb.pp("text_projection");
        let codes = vb.pp("code_predictor.model.codec_embedding");
        let code =
            |book: usize| embedding(talker.code_predictor_config.vocab_size, width, codes.pp(book));
        Ok(Self {
            text_embedding: weights.table("talker.model.text_embedding.weight")?,
            linear_fc1: Projection::biased(text_width, text_width, &text.pp("linear_fc1"))?,
            linear_fc2: Projection::biased(text_width, width, &text.pp("linear_fc2"))?,
            codec_embedding: embedding(talker.vocab_size, width, vb.pp("model.codec_embedding"))?,
            code_embeddings: (0..CODES - 1).map(code).collect::<Result<_>>()?,
            dtype,
            device: device.clone(),
        })
    }

    /// What text ids mean to the talker: `[N, E]`, for at least one id.
    ///
    /// An id's row is the same whatever its neighbours, so a prompt's beginning can be kept for
    /// other lines.
    pub(crate) fn text(&self, ids: &[u32]) -> Result<Tensor> {
        let rows = self.text_embedding.gather(ids, self.dtype, &self.device)?;
        let inner = self.linear_fc1.forward(&rows)?.silu()?;
        self.linear_fc2.forward(&inner)
    }

    /// What talker ids mean to the talker: `[N, E]`.
    pub(crate) fn codec(&self, ids: &[u32]) -> Result<Tensor> {
        self.codec_embedding.forward(&Tensor::new(ids, &self.device)?)
    }

    /// What talker ids that are on the device mean to the talker: `[N]` → `[N, E]`.
    pub(crate) fn codec_ids(&self, ids: &Tensor) -> Result<Tensor> {
        self.codec_embedding.forward(ids)
    }

    /// What codes of one of the books 1 to 15 mean to talker and predictor: `[N]` → `[N, E]`.
    pub(crate) fn code_ids(&self, book: usize, codes: &Tensor) -> Result<Tensor> {
        self.code_embeddings[book - 1].forward(codes)
    }

    /// The tables of codes 0 to 15, in this order, each `[ids, E]`.
    #[cfg(feature = "cuda")]
    pub(crate) fn codes(&self) -> impl Iterator<Item = &Tensor> {
        let first = self.codec_embedding.embeddings();
        std::iter::once(first).chain(self.code_embeddings.iter().map(Embedding::embeddings))
    }

    /// What whole frames mean to the talker: `[N, E]`, for at least one frame.
    pub(crate) fn frames(&self, frames: &[Frame]) -> Result<Tensor> {
        let book = |book: usize| -> Result<Tensor> {
            let codes: Vec<u32> = frames.iter().map(|frame| u32::from(frame[book])).collect();
            Tensor::new(codes, &self.device)
        };
        let mut sum = self.codec_ids(&book(0)?)?;
        for index in 1..CODES {
            sum = (sum + self.code_ids(index, &book(index)?)?)?;
        }
        Ok(sum)
    }

    /// `x` in the type and on the device of these tables.
    pub(crate) fn adopt(&self, x: &Tensor) -> Result<Tensor> {
        x.to_dtype(self.dtype)?.to_device(&self.device)
    }
}
