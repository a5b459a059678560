//! The decoder layers that talker and predictor have in common.

mod attention;
mod cache;
mod glance;
mod kept;
#[cfg(feature = "cuda")]
mod parts;
mod pass;
mod projection;
mod rope;

use candle_core::{Result, Tensor};
use candle_nn::{Module, RmsNorm, VarBuilder, rms_norm};

use self::attention::Attention;
pub(crate) use self::cache::{Cache, CacheShape, Kept};
#[cfg(feature = "cuda")]
pub(crate) use self::parts::Parts;
pub(crate) use self::pass::Pass;
pub(crate) use self::projection::Projection;
pub(crate) use self::rope::Rope;
use super::config::{PredictorConfig, TalkerConfig};
use super::weights::WeightFormat;

/// Layers of attention and MLP with a norm behind them; weights only, state lives in a [`Cache`].
///
/// Letters, the same in all of `stack` and around it: `B` rows, `S` rows there is room for, `T` new
/// positions, `K` all positions, `H` query heads, `G` key and value heads, `D` head width, `E` model
/// width, `F` MLP width, `V` ids that can be chosen, `P` positions of a prompt.
///
/// Source: `Qwen3TTSTalkerModel` and `Qwen3TTSTalkerCodePredictorModel`, Qwen3-TTS
/// `modeling_qwen3_tts.py` at `022e286`.
/// Differs: rows are never padded; each has its own length and positions.
#[derive(Debug)]
pub(crate) struct Stack {
    layers: Vec<Layer>,
    norm: RmsNorm,
    rope: Rope,
    cache: CacheShape,
    /// `H`.
    #[cfg(feature = "cuda")]
    heads: usize,
}

/// Sizes of a [`Stack`].
#[derive(Debug, Clone)]
pub(crate) struct StackShape {
    layers: usize,
    /// `E`.
    width: usize,
    /// `F`.
    inner: usize,
    /// `H`.
    heads: usize,
    /// `G`; divides `H`.
    kv_heads: usize,
    /// `D`.
    head_width: usize,
    /// Added to the variance in every norm.
    eps: f64,
    /// Base of the rotation's frequencies.
    theta: f64,
    /// How the layers' matrices are held.
    format: WeightFormat,
}

impl StackShape {
    /// The same with the layers' matrices held in another format than the native one.
    pub(crate) fn held_in(self, format: WeightFormat) -> Self {
        Self { format, ..self }
    }
}

impl From<&TalkerConfig> for StackShape {
    fn from(config: &TalkerConfig) -> Self {
        Self {
            layers: config.num_hidden_layers,
            width: config.hidden_size,
            inner: config.intermediate_size,
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            head_width: config.head_dim,
            eps: config.rms_norm_eps,
            theta: config.rope_theta,
            format: WeightFormat::Native,
        }
    }
}

impl From<&PredictorConfig> for StackShape {
    fn from(config: &PredictorConfig) -> Self {
        Self {
            layers: config.num_hidden_layers,
            width: config.hidden_size,
            inner: config.intermediate_size,
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            head_width: config.head_dim,
            eps: config.rms_norm_eps,
            theta: config.rope_theta,
            format: WeightFormat::Native,
        }
    }
}

impl Stack {
    /// Loads `layers.*` and `norm`.
    pub(crate) fn load(shape: &StackShape, vb: &VarBuilder) -> Result<Self> {
        let layer = |index: usize| Layer::load(shape, &vb.pp("layers").pp(index));
        Ok(Self {
            layers: (0..shape.layers).map(layer).collect::<Result<_>>()?,
            norm: rms_norm(shape.width, shape.eps, vb.pp("norm"))?,
            rope: Rope::new(shape.theta, shape.head_width, vb.dtype(), vb.device()),
            cache: CacheShape {
                layers: shape.layers,
                kv_heads: shape.kv_heads,
                head_width: shape.head_width,
                dtype: vb.dtype(),
                device: vb.device().clone(),
            },
            #[cfg(feature = "cuda")]
            heads: shape.heads,
        })
    }

    /// An empty cache for up to `rows` lines that grows by `block` positions.
    pub(crate) fn cache(&self, rows: usize, block: usize) -> Cache {
        Cache::new(self.cache.clone(), rows, block)
    }

    /// The angles of its positions.
    pub(crate) fn rope(&self) -> &Rope {
        &self.rope
    }

    /// Adds the new positions of `pass` to `cache` and returns what the stack makes of them, normed.
    ///
    /// # Shapes
    /// * `hidden` `[B, T, E]`
    /// * returns `[B, T, E]`
    pub(crate) fn forward(&self, hidden: &Tensor, cache: &Cache, pass: &Pass) -> Result<Tensor> {
        self.watched(hidden, cache, pass, &mut |_| ())
    }

    /// As [`Self::forward`], showing what goes into each layer and, last, what is returned.
    pub(crate) fn watched(
        &self,
        hidden: &Tensor,
        cache: &Cache,
        pass: &Pass,
        watch: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let mut hidden = hidden.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            watch(&hidden);
            hidden = layer.forward(&hidden, cache, pass, index)?;
        }
        let normed = self.norm.forward(&hidden)?;
        watch(&normed);
        Ok(normed)
    }
}

/// Attention and MLP, each behind a norm and added to what went in.
#[derive(Debug)]
struct Layer {
    input_layernorm: RmsNorm,
    self_attn: Attention,
    post_attention_layernorm: RmsNorm,
    mlp: Mlp,
}

impl Layer {
    fn load(shape: &StackShape, vb: &VarBuilder) -> Result<Self> {
        let norm = |name| rms_norm(shape.width, shape.eps, vb.pp(name));
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            self_attn: Attention::load(shape, &vb.pp("self_attn"))?,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            mlp: Mlp::load(shape, &vb.pp("mlp"))?,
        })
    }

    /// `[B, T, E]` → `[B, T, E]`.
    fn forward(&self, x: &Tensor, cache: &Cache, pass: &Pass, index: usize) -> Result<Tensor> {
        let normed = self.input_layernorm.forward(x)?;
        let x = (x + self.self_attn.forward(&normed, cache.layer(index), pass)?)?;
        let normed = self.post_attention_layernorm.forward(&x)?;
        x + self.mlp.forward(&normed)?
    }
}

/// `SwiGLU`.
#[derive(Debug)]
struct Mlp {
    /// `gate_proj` and `up_proj` one behind the other: `E → 2F`.
    gate_up_proj: Projection,
    /// `F → E`.
    down_proj: Projection,
    inner: usize,
}

impl Mlp {
    fn load(shape: &StackShape, vb: &VarBuilder) -> Result<Self> {
        let &StackShape { width, inner, format, .. } = shape;
        let parts = [("gate_proj", inner), ("up_proj", inner)];
        Ok(Self {
            gate_up_proj: Projection::joined(width, &parts, format, vb)?,
            down_proj: Projection::joined(inner, &[("down_proj", width)], format, vb)?,
            inner,
        })
    }

    /// `[B, T, E]` → `[B, T, E]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate_up = self.gate_up_proj.forward(x)?;
        let gate = gate_up.narrow(2, 0, self.inner)?.silu()?;
        let up = gate_up.narrow(2, self.inner, self.inner)?;
        self.down_proj.forward(&(gate * up)?)
    }
}
