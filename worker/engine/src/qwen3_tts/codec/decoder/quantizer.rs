//! Codes to the vectors they stand for.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::qwen3_tts::Frame;
use crate::qwen3_tts::config::{CODES, CodecDecoderConfig};

/// Uses below this count as this many, so that a row that was never used is not divided by zero.
const LEAST_USAGE: f32 = 1e-5;

/// The books: one semantic, the others acoustic, each group with its own projection.
///
/// Source: `SplitResidualVectorQuantizer.decode`, `modeling_qwen3_tts_tokenizer_v2.py` at
/// `022e286`. Differs: tables are divided by their rows' usage once, at loading.
#[derive(Debug)]
pub(super) struct Quantizer {
    first: Group,
    rest: Group,
    codes: usize,
    device: Device,
}

/// Books that are summed before they are projected.
#[derive(Debug)]
struct Group {
    /// `[codes, C]` each.
    tables: Vec<Tensor>,
    /// `[C, O]`.
    output_proj: Tensor,
}

impl Quantizer {
    pub(super) fn load(config: &CodecDecoderConfig, weights: &VarBuilder) -> Result<Self> {
        Ok(Self {
            first: Group::load(config, 1, &weights.pp("rvq_first"))?,
            rest: Group::load(config, CODES - 1, &weights.pp("rvq_rest"))?,
            codes: config.codebook_size,
            device: weights.device().clone(),
        })
    }

    /// # Shapes
    /// * `rows`: `B` rows of `T` frames at most; shorter ones are filled with code 0
    /// * returns `[T, B, O]`
    pub(super) fn forward(&self, rows: &[&[Frame]]) -> Result<Tensor> {
        let moments = rows.iter().map(|frames| frames.len()).max().unwrap_or(0);
        let book = |book: usize| -> Result<Tensor> {
            let codes: Vec<u32> = (0..moments)
                .flat_map(|moment| {
                    rows.iter().map(move |frames| {
                        frames.get(moment).map_or(0, |frame| u32::from(frame[book]))
                    })
                })
                .collect();
            if let Some(code) = codes.iter().find(|&&code| code as usize >= self.codes) {
                candle_core::bail!("code {code} of book {book} is not below {}", self.codes);
            }
            Tensor::from_vec(codes, moments * rows.len(), &self.device)
        };
        let first = self.first.forward(&[book(0)?])?;
        let rest = self.rest.forward(&(1..CODES).map(book).collect::<Result<Vec<_>>>()?)?;
        (first + rest)?.reshape((moments, rows.len(), ()))
    }
}

impl Group {
    fn load(config: &CodecDecoderConfig, books: usize, weights: &VarBuilder) -> Result<Self> {
        let (width, output) = (config.codebook_dim / 2, config.codebook_dim);
        let layers = weights.pp("vq.layers");
        let tables = (0..books)
            .map(|book| table(config.codebook_size, width, &layers.pp(book).pp("_codebook")))
            .collect::<Result<_>>()?;
        let output_proj = weights.get((output, width, 1), "output_proj.weight")?;
        Ok(Self { tables, output_proj: output_proj.squeeze(2)?.t()?.contiguous()? })
    }

    /// `N` codes of each book → `[N, O]`.
    fn forward(&self, codes: &[Tensor]) -> Result<Tensor> {
        let mut rows = self.tables.iter().zip(codes).map(|(table, codes)| table.embedding(codes));
        let Some(mut sum) = rows.next().transpose()? else {
            candle_core::bail!("a quantizer without books")
        };
        for row in rows {
            sum = (sum + row?)?;
        }
        sum.matmul(&self.output_proj)
    }
}

/// A book's rows, which the checkpoint has as sums over their uses.
fn table(codes: usize, width: usize, weights: &VarBuilder) -> Result<Tensor> {
    let usage = weights.get(codes, "cluster_usage")?.maximum(LEAST_USAGE)?;
    weights.get((codes, width), "embedding_sum")?.broadcast_div(&usage.unsqueeze(1)?)
}
