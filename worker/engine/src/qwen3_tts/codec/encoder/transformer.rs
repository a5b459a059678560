//! The encoder's transformer: what was said before colours every vector.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::rotary_emb::rope;
use candle_nn::{LayerNorm, Linear, Module, VarBuilder, layer_norm, linear_no_bias};

use crate::qwen3_tts::config::CodecEncoderConfig;

/// Letters: `T` positions, `E` width, `H` heads, `D` width of a head.
///
/// Source: `MimiTransformerModel` in `modeling_mimi.py` of transformers 4.57.3.
/// Differs: the window in the configuration is left out, because the reference's attention leaves
/// it out, too: a position attends to all before it.
#[derive(Debug)]
pub(super) struct Transformer {
    layers: Vec<Layer>,
    /// `[D / 2]`, on the host.
    frequencies: Vec<f32>,
}

#[derive(Debug)]
struct Layer {
    input_layernorm: LayerNorm,
    self_attn: Attention,
    /// `[E]`.
    self_attn_layer_scale: Tensor,
    post_attention_layernorm: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    /// `[E]`.
    mlp_layer_scale: Tensor,
}

#[derive(Debug)]
struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    /// `H`.
    heads: usize,
    /// `D`.
    head_width: usize,
}

/// What is the same for every layer of one pass.
struct Positions {
    /// `[T, D / 2]`.
    cos: Tensor,
    /// `[T, D / 2]`.
    sin: Tensor,
    /// `[T, T]`: 0 where a row's position may look, −∞ elsewhere.
    mask: Tensor,
}

impl Transformer {
    pub(super) fn new(config: &CodecEncoderConfig, weights: &VarBuilder) -> Result<Self> {
        let layers = (0..config.num_hidden_layers)
            .map(|layer| Layer::new(config, &weights.pp("layers").pp(layer)))
            .collect::<Result<_>>()?;
        #[expect(clippy::cast_possible_truncation, reason = "the reference rotates in f32")]
        let base = config.rope_theta as f32;
        #[expect(clippy::cast_precision_loss, reason = "a head is a few hundred wide")]
        let frequencies = (0..config.head_dim / 2)
            .map(|pair| base.powf(2.0 * pair as f32 / config.head_dim as f32).recip())
            .collect();
        Ok(Self { layers, frequencies })
    }

    /// # Shapes
    /// * `rows` `[T, E]`
    /// * returns `[T, E]`; there is no norm behind the last layer
    pub(super) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let positions = self.positions(rows.dim(0)?, rows.dtype(), rows.device())?;
        let mut rows = rows.clone();
        for layer in &self.layers {
            rows = layer.forward(&rows, &positions)?;
        }
        Ok(rows)
    }

    fn positions(&self, count: usize, dtype: DType, device: &Device) -> Result<Positions> {
        #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^24")]
        let angles: Vec<f32> = (0..count)
            .flat_map(|position| self.frequencies.iter().map(move |f| position as f32 * f))
            .collect();
        let angles = Tensor::from_vec(angles, (count, self.frequencies.len()), device)?;
        let mask: Vec<f32> =
            (0..count).flat_map(|query| (0..count).map(move |key| visible(key <= query))).collect();
        Ok(Positions {
            cos: angles.cos()?.to_dtype(dtype)?,
            sin: angles.sin()?.to_dtype(dtype)?,
            mask: Tensor::from_vec(mask, (count, count), device)?.to_dtype(dtype)?,
        })
    }
}

fn visible(is: bool) -> f32 {
    if is { 0.0 } else { f32::NEG_INFINITY }
}

impl Layer {
    fn new(config: &CodecEncoderConfig, weights: &VarBuilder) -> Result<Self> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let norm = |name| layer_norm(width, config.norm_eps, weights.pp(name));
        let scale = |name| weights.pp(name).get(width, "scale");
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            self_attn: Attention::new(config, &weights.pp("self_attn"))?,
            self_attn_layer_scale: scale("self_attn_layer_scale")?,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            fc1: linear_no_bias(width, inner, weights.pp("mlp.fc1"))?,
            fc2: linear_no_bias(inner, width, weights.pp("mlp.fc2"))?,
            mlp_layer_scale: scale("mlp_layer_scale")?,
        })
    }

    /// `[T, E]` → `[T, E]`.
    fn forward(&self, rows: &Tensor, positions: &Positions) -> Result<Tensor> {
        let attended = self.self_attn.forward(&self.input_layernorm.forward(rows)?, positions)?;
        let rows = (rows + attended.broadcast_mul(&self.self_attn_layer_scale)?)?;
        let inner = self.fc1.forward(&self.post_attention_layernorm.forward(&rows)?)?;
        let through = self.fc2.forward(&inner.gelu_erf()?)?;
        rows + through.broadcast_mul(&self.mlp_layer_scale)?
    }
}

impl Attention {
    fn new(config: &CodecEncoderConfig, weights: &VarBuilder) -> Result<Self> {
        let (width, heads) = (config.hidden_size, config.num_attention_heads);
        let joined = heads * config.head_dim;
        Ok(Self {
            q_proj: linear_no_bias(width, joined, weights.pp("q_proj"))?,
            k_proj: linear_no_bias(width, joined, weights.pp("k_proj"))?,
            v_proj: linear_no_bias(width, joined, weights.pp("v_proj"))?,
            o_proj: linear_no_bias(joined, width, weights.pp("o_proj"))?,
            heads,
            head_width: config.head_dim,
        })
    }

    /// `[T, E]` → `[T, E]`.
    fn forward(&self, rows: &Tensor, positions: &Positions) -> Result<Tensor> {
        let rotate = |x: &Tensor| rope(&x.unsqueeze(0)?, &positions.cos, &positions.sin);
        let q = rotate(&self.split_heads(&self.q_proj.forward(rows)?)?)?.squeeze(0)?; // [H, T, D]
        let k = rotate(&self.split_heads(&self.k_proj.forward(rows)?)?)?.squeeze(0)?; // [H, T, D]
        let v = self.split_heads(&self.v_proj.forward(rows)?)?; // [H, T, D]

        #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^52")]
        let scale = (self.head_width as f64).sqrt().recip();
        let scores = (q.matmul(&k.t()?.contiguous()?)? * scale)?; // [H, T, T]
        let shares = softmax_last_dim(&scores.broadcast_add(&positions.mask)?)?;
        let mixed = shares.matmul(&v)?; // [H, T, D]
        self.o_proj.forward(&mixed.transpose(0, 1)?.contiguous()?.flatten_from(1)?)
    }

    /// `[T, H·D]` → `[H, T, D]`, contiguous.
    fn split_heads(&self, rows: &Tensor) -> Result<Tensor> {
        rows.reshape(((), self.heads, self.head_width))?.transpose(0, 1)?.contiguous()
    }
}
