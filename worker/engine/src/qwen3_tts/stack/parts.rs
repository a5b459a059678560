//! The weights of a stack, for those who compute with them in another way.

use candle_core::Tensor;
use candle_nn::RmsNorm;

use super::{Layer, Projection, Stack};

/// What a [`Stack`] is made of. Letters as there.
pub(crate) struct Parts<'a> {
    /// In order.
    pub layers: Vec<LayerParts<'a>>,
    /// Behind the last layer.
    pub norm: &'a RmsNorm,
    /// How far numbers of a head turn from one position to the next, `D/2` of them.
    pub frequencies: &'a [f32],
    /// `H`.
    pub heads: usize,
    /// `G`.
    pub kv_heads: usize,
    /// `D`.
    pub head_width: usize,
}

/// What a layer is made of, under the checkpoint's names; projections of the same input are joined.
pub(crate) struct LayerParts<'a> {
    pub input_layernorm: &'a Tensor,
    pub qkv_proj: &'a Projection,
    pub q_norm: &'a Tensor,
    pub k_norm: &'a Tensor,
    pub o_proj: &'a Projection,
    pub post_attention_layernorm: &'a Tensor,
    pub gate_up_proj: &'a Projection,
    pub down_proj: &'a Projection,
}

impl Stack {
    /// Its weights.
    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts {
            layers: self.layers.iter().map(Layer::parts).collect(),
            norm: &self.norm,
            frequencies: self.rope.frequencies(),
            heads: self.heads,
            kv_heads: self.cache.kv_heads,
            head_width: self.cache.head_width,
        }
    }
}

impl Layer {
    fn parts(&self) -> LayerParts<'_> {
        let (qkv_proj, o_proj, q_norm, k_norm) = self.self_attn.weights();
        LayerParts {
            input_layernorm: self.input_layernorm.weight(),
            qkv_proj,
            q_norm,
            k_norm,
            o_proj,
            post_attention_layernorm: self.post_attention_layernorm.weight(),
            gate_up_proj: &self.mlp.gate_up_proj,
            down_proj: &self.mlp.down_proj,
        }
    }
}
