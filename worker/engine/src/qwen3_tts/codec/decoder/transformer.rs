//! Attention over the frames of the last seconds.
//!
//! Letters, beside those of `conv.rs`: `H` heads, `G` key/value heads, `D` head width, `E` width of
//! the model, `K` positions that are attended to: what the window reaches back, then the new ones.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::{rms_norm, softmax_last_dim};
use candle_nn::{Linear, Module as _, VarBuilder, linear, linear_no_bias};

use super::state::{DecoderState, Tail};
use crate::qwen3_tts::config::CodecDecoderConfig;

/// A stack of layers, each of which sees `sliding_window` positions, its own included.
///
/// Source: `Qwen3TTSTokenizerV2DecoderTransformerModel`, `modeling_qwen3_tts_tokenizer_v2.py` at
/// `022e286`. Differs: keys and values go on from a state, and each row has its own position.
#[derive(Debug)]
pub(super) struct Transformer {
    input_proj: Linear,
    layers: Vec<Layer>,
    norm: Tensor,
    output_proj: Linear,
    eps: f64,
    window: usize,
    /// `[D / 2]`.
    frequencies: Vec<f32>,
}

impl Transformer {
    pub(super) fn load(config: &CodecDecoderConfig, weights: &VarBuilder) -> Result<Self> {
        let (latent, width) = (config.latent_dim, config.hidden_size);
        let layers = weights.pp("layers");
        Ok(Self {
            input_proj: linear(latent, width, weights.pp("input_proj"))?,
            layers: (0..config.num_hidden_layers)
                .map(|layer| Layer::load(config, &layers.pp(layer)))
                .collect::<Result<_>>()?,
            norm: weights.get(width, "norm.weight")?,
            output_proj: linear(width, latent, weights.pp("output_proj"))?,
            eps: config.rms_norm_eps,
            window: config.sliding_window,
            frequencies: frequencies(config.head_dim, config.rope_theta),
        })
    }

    /// What its layers look back on.
    pub(super) fn tails(&self) -> impl Iterator<Item = &Tail> {
        self.layers.iter().flat_map(|layer| [&layer.attention.keys, &layer.attention.values])
    }

    /// # Shapes
    /// * `x` `[T, B, latent]`, contiguous
    /// * returns the same
    pub(super) fn forward(&self, x: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let (moments, device) = (x.dim(0)?, x.device());
        let view = View {
            turn: Turn::new(&self.frequencies, moments, state.positions(), device)?,
            mask: self.mask(moments, state.positions(), device)?,
        };
        let mut hidden = self.input_proj.forward(x)?;
        for layer in &self.layers {
            hidden = layer.forward(&hidden, &view, state)?;
        }
        self.output_proj.forward(&normed(&hidden, &self.norm, self.eps)?)
    }

    /// `[B, 1, T, K]`: 0 where visible, −∞ where not.
    fn mask(&self, moments: usize, positions: &[usize], device: &Device) -> Result<Tensor> {
        let history = self.window - 1;
        let keys = history + moments;
        let mut mask = Vec::with_capacity(positions.len() * moments * keys);
        for &position in positions {
            let unknown = history.saturating_sub(position);
            for moment in 0..moments {
                let visible = moment.max(unknown)..=moment + history;
                mask.extend(
                    (0..keys).map(
                        |key| {
                            if visible.contains(&key) { 0.0 } else { f32::NEG_INFINITY }
                        },
                    ),
                );
            }
        }
        Tensor::from_vec(mask, (positions.len(), 1, moments, keys), device)
    }
}

/// What all layers of one pass share.
struct View {
    turn: Turn,
    /// `[B, 1, T, K]`.
    mask: Tensor,
}

/// By which angles positions turn queries and keys.
struct Turn {
    /// `[T, B, 1, D / 2]`.
    cos: Tensor,
    sin: Tensor,
}

impl Turn {
    fn new(
        frequencies: &[f32],
        moments: usize,
        positions: &[usize],
        device: &Device,
    ) -> Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^24")]
        let angles: Vec<f32> = (0..moments)
            .flat_map(|moment| positions.iter().map(move |position| (position + moment) as f32))
            .flat_map(|at| frequencies.iter().map(move |frequency| at * frequency))
            .collect();
        let shape = (moments, positions.len(), 1, frequencies.len());
        let angles = Tensor::from_vec(angles, shape, device)?;
        Ok(Self { cos: angles.cos()?, sin: angles.sin()? })
    }

    /// Turns the first half of a head against the second.
    ///
    /// # Shapes
    /// * `x` `[T, B, H, D]`
    /// * returns the same
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let half = x.dim(D::Minus1)? / 2;
        let (u, v) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
        let turned_u = (u.broadcast_mul(&self.cos)? - v.broadcast_mul(&self.sin)?)?;
        let turned_v = (v.broadcast_mul(&self.cos)? + u.broadcast_mul(&self.sin)?)?;
        Tensor::cat(&[turned_u, turned_v], D::Minus1)
    }
}

/// `1 / θ^(2i / D)`, in the reference's precision.
fn frequencies(head_width: usize, theta: f64) -> Vec<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a head width is far below 2^24, and the reference's numbers are F32"
    )]
    (0..head_width)
        .step_by(2)
        .map(|index| 1.0 / (theta as f32).powf(index as f32 / head_width as f32))
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "an epsilon is no less one in F32")]
fn normed(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    rms_norm(x, weight, eps as f32)
}

#[derive(Debug)]
struct Layer {
    input_layernorm: Tensor,
    attention: Attention,
    self_attn_layer_scale: Tensor,
    post_attention_layernorm: Tensor,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
    mlp_layer_scale: Tensor,
    eps: f64,
}

impl Layer {
    fn load(config: &CodecDecoderConfig, weights: &VarBuilder) -> Result<Self> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let mlp = weights.pp("mlp");
        Ok(Self {
            input_layernorm: weights.get(width, "input_layernorm.weight")?,
            attention: Attention::load(config, &weights.pp("self_attn"))?,
            self_attn_layer_scale: weights.get(width, "self_attn_layer_scale.scale")?,
            post_attention_layernorm: weights.get(width, "post_attention_layernorm.weight")?,
            gate_proj: linear_no_bias(width, inner, mlp.pp("gate_proj"))?,
            up_proj: linear_no_bias(width, inner, mlp.pp("up_proj"))?,
            down_proj: linear_no_bias(inner, width, mlp.pp("down_proj"))?,
            mlp_layer_scale: weights.get(width, "mlp_layer_scale.scale")?,
            eps: config.rms_norm_eps,
        })
    }

    /// `[T, B, E]` → the same.
    fn forward(&self, x: &Tensor, view: &View, state: &mut DecoderState) -> Result<Tensor> {
        let heard = normed(x, &self.input_layernorm, self.eps)?;
        let heard = self.attention.forward(&heard, view, state)?;
        let x = (x + heard.broadcast_mul(&self.self_attn_layer_scale)?)?;
        let thought = normed(&x, &self.post_attention_layernorm, self.eps)?;
        let gate = self.gate_proj.forward(&thought)?.silu()?;
        let thought = self.down_proj.forward(&(gate * self.up_proj.forward(&thought)?)?)?;
        &x + thought.broadcast_mul(&self.mlp_layer_scale)?
    }
}

#[derive(Debug)]
struct Attention {
    /// `E → H·D`.
    q_proj: Linear,
    /// `E → G·D`.
    k_proj: Linear,
    /// `E → G·D`.
    v_proj: Linear,
    /// `H·D → E`.
    o_proj: Linear,
    /// `H`.
    heads: usize,
    /// `G`; divides `H`.
    kv_heads: usize,
    /// `D`.
    head_width: usize,
    keys: Tail,
    values: Tail,
}

impl Attention {
    fn load(config: &CodecDecoderConfig, weights: &VarBuilder) -> Result<Self> {
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let (width, head_width) = (config.hidden_size, config.head_dim);
        let (queries, keys) = (heads * head_width, kv_heads * head_width);
        let tail = |what: &str| Tail {
            name: format!("{}.{what}", weights.prefix()),
            moments: config.sliding_window - 1,
            channels: keys,
        };
        Ok(Self {
            q_proj: linear_no_bias(width, queries, weights.pp("q_proj"))?,
            k_proj: linear_no_bias(width, keys, weights.pp("k_proj"))?,
            v_proj: linear_no_bias(width, keys, weights.pp("v_proj"))?,
            o_proj: linear_no_bias(queries, width, weights.pp("o_proj"))?,
            heads,
            kv_heads,
            head_width,
            keys: tail("keys"),
            values: tail("values"),
        })
    }

    /// `[T, B, E]` → the same. Keys are remembered as they are after turning.
    fn forward(&self, x: &Tensor, view: &View, state: &mut DecoderState) -> Result<Tensor> {
        let (moments, rows, _) = x.dims3()?;
        let split = |x: Tensor, heads| x.reshape((x.dim(0)?, rows, heads, self.head_width));
        let q = view.turn.apply(&split(self.q_proj.forward(x)?, self.heads)?)?;
        let k = view.turn.apply(&split(self.k_proj.forward(x)?, self.kv_heads)?)?;
        let k = state.extend(&self.keys.name, &k.flatten_from(2)?)?;
        let v = state.extend(&self.values.name, &self.v_proj.forward(x)?)?;
        let k = self.repeat(&split(k, self.kv_heads)?)?.permute((1, 2, 3, 0))?; // [B, H, D, K]
        let v = self.repeat(&split(v, self.kv_heads)?)?.permute((1, 2, 0, 3))?; // [B, H, K, D]
        let q = q.permute((1, 2, 0, 3))?; // [B, H, T, D]

        #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^52")]
        let scale = (self.head_width as f64).sqrt().recip();
        let scores = (q.contiguous()?.matmul(&k.contiguous()?)? * scale)?; // [B, H, T, K]
        let weights = softmax_last_dim(&scores.broadcast_add(&view.mask)?)?;
        let mixed = weights.matmul(&v.contiguous()?)?; // [B, H, T, D]
        let joined = mixed.permute((2, 0, 1, 3))?.contiguous()?;
        self.o_proj.forward(&joined.reshape((moments, rows, self.heads * self.head_width))?)
    }

    /// `[K, B, G, D]` → `[K, B, H, D]`, each head several times in a row.
    fn repeat(&self, x: &Tensor) -> Result<Tensor> {
        let times = self.heads / self.kv_heads;
        if times == 1 {
            return Ok(x.clone());
        }
        let (keys, rows, heads, width) = x.dims4()?;
        x.unsqueeze(3)?
            .expand((keys, rows, heads, times, width))?
            .contiguous()?
            .reshape((keys, rows, self.heads, width))
    }
}
