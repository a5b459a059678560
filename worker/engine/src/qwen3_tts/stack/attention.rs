//! Grouped-query attention.

use candle_core::{DType, Result, Tensor};
use candle_nn::{Module, RmsNorm, VarBuilder, rms_norm};

use super::StackShape;
use super::cache::LayerCache;
use super::glance::glance;
use super::pass::Pass;
use super::projection::Projection;

/// Attention of one layer; keys and values are in a [`LayerCache`]. Letters as in
/// [`Stack`](super::Stack).
///
/// Source: `Qwen3TTSTalkerAttention`, Qwen3-TTS `modeling_qwen3_tts.py` at `022e286`.
/// Differs: queries, keys and values come from one product; queries of a group share its keys
/// instead of each having a copy.
#[derive(Debug)]
pub(super) struct Attention {
    /// `q_proj`, `k_proj` and `v_proj` one behind the other: `E → (H + 2G)·D`.
    qkv_proj: Projection,
    /// `H·D → E`.
    o_proj: Projection,
    /// Over each head's `D`, before it is turned.
    q_norm: RmsNorm,
    /// Over each head's `D`, before it is turned.
    k_norm: RmsNorm,
    shape: StackShape,
}

impl Attention {
    pub(super) fn load(shape: &StackShape, vb: &VarBuilder) -> Result<Self> {
        let StackShape { width, heads, kv_heads, head_width, eps, format, .. } = *shape;
        let (queries, keys) = (heads * head_width, kv_heads * head_width);
        let parts = [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)];
        Ok(Self {
            qkv_proj: Projection::joined(width, &parts, format, vb)?,
            o_proj: Projection::joined(queries, &[("o_proj", width)], format, vb)?,
            q_norm: rms_norm(head_width, eps, vb.pp("q_norm"))?,
            k_norm: rms_norm(head_width, eps, vb.pp("k_norm"))?,
            shape: shape.clone(),
        })
    }

    /// Its weights: both projections, then both norms.
    #[cfg(feature = "cuda")]
    pub(super) fn weights(&self) -> (&Projection, &Projection, &Tensor, &Tensor) {
        (&self.qkv_proj, &self.o_proj, self.q_norm.weight(), self.k_norm.weight())
    }

    /// # Shapes
    /// * `hidden` `[B, T, E]`
    /// * returns `[B, T, E]`
    pub(super) fn forward(
        &self,
        hidden: &Tensor,
        layer: &LayerCache,
        pass: &Pass,
    ) -> Result<Tensor> {
        let (b, t, _) = hidden.dims3()?;
        let StackShape { heads, kv_heads, head_width, .. } = self.shape;
        let qkv = self.qkv_proj.forward(hidden)?;
        let qkv = qkv.reshape((b, t, heads + 2 * kv_heads, head_width))?.transpose(1, 2)?;
        let part = |first, count| qkv.narrow(1, first, count)?.contiguous();
        let q = self.q_norm.forward(&part(0, heads)?)?; // [B, H, T, D]
        let k = self.k_norm.forward(&part(heads, kv_heads)?)?; // [B, G, T, D]
        let v = part(heads + kv_heads, kv_heads)?; // [B, G, T, D]
        let (q, k) = (pass.turn.apply(&q)?, pass.turn.apply(&k)?);
        pass.write(layer, &k, &v)?;
        let mixed = self.mix(&q, layer, pass)?; // [B, H, T, D]
        let joined = mixed.transpose(1, 2)?.reshape((b, t, heads * head_width))?;
        self.o_proj.forward(&joined)
    }

    /// Every query's mix of the values it sees: `[B, H, T, D]` → `[B, H, T, D]`.
    fn mix(&self, q: &Tensor, layer: &LayerCache, pass: &Pass) -> Result<Tensor> {
        let (b, h, t, d) = q.dims4()?;
        let g = self.shape.kv_heads;
        #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^52")]
        let q = (q * (d as f64).sqrt().recip())?.reshape((b, g, h / g * t, d))?;
        let is_glance = t == 1 && q.device().is_cpu() && q.dtype() == DType::F32;
        let mut mixed = Vec::with_capacity(pass.spans.len());
        for span in &pass.spans {
            let n = span.rows.len();
            let (keys, values) = pass.read(layer, span)?; // [n, G, K, D]
            let queries = q.narrow(0, span.rows.start, n)?; // [n, G, H/G·T, D]
            if is_glance && span.mask.is_none() {
                mixed.push(glance(&queries, &keys, &values)?.reshape((n, h, t, d))?);
                continue;
            }
            let mut scores = queries.matmul(&keys.transpose(2, 3)?)?; // [n, G, H/G·T, K]
            if let Some(mask) = &span.mask {
                let apart = scores.reshape((n, g, h / g, t, span.length))?;
                scores = apart.broadcast_add(mask)?.reshape(scores.shape())?;
            }
            let weights = candle_nn::ops::softmax_last_dim(&scores)?;
            mixed.push(weights.matmul(&values)?.reshape((n, h, t, d))?);
        }
        Tensor::cat(&mixed, 0)
    }
}
