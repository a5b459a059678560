//! The layers that talker and predictor have in common, five kernels each.

use candle_core::cuda_backend::CudaDevice;
use candle_core::{DType, Device, Result, Tensor};

use super::attention::{Attention, QUERIES};
use super::kernels::Kernels;
use super::memory::{Address, Memory, NOWHERE, address};
use super::product::{Matrix, Product, Then, small, tiles};
use crate::qwen3_tts::stack::{Parts, Projection, Stack};

/// Head widths there are kernels for.
const WIDTHS: [usize; 4] = [16, 32, 64, 128];

/// A stack by the addresses of its weights. Letters as in [`Stack`].
pub(super) struct FusedStack {
    layers: Vec<Layer>,
    /// Of the norm behind the last layer.
    norm: Address,
    /// `[D / 2]`.
    frequencies: Tensor,
    pub(super) width: usize,
    inner: usize,
    pub(super) kv_heads: usize,
    pub(super) head_width: usize,
    pub(super) eps: f32,
    /// What the addresses are of.
    _weights: Vec<Tensor>,
}

/// Addresses of one layer's weights.
struct Layer {
    input_layernorm: Address,
    qkv_proj: Matrix,
    q_norm: Address,
    k_norm: Address,
    o_proj: Matrix,
    post_attention_layernorm: Address,
    gate_up_proj: Matrix,
    down_proj: Matrix,
}

/// Where keys and values of one layer are: `[S, G, capacity, D]` each.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerKeys {
    pub keys: Address,
    pub values: Address,
}

/// What a pass goes over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    pub lines: usize,
    /// New positions of each line, 1 or 2.
    pub tokens: usize,
    /// Where the lines' `Row`s are, or nowhere if all lines begin at `position`.
    pub rows: Address,
    pub position: usize,
    /// Keys and values of each layer.
    pub keys: &'a [LayerKeys],
    pub capacity: usize,
}

/// What is between two kernels of a stack.
pub(super) struct Scratch {
    /// F32, `[rows, E]`: what the layers add to.
    pub sum: Memory,
    /// `[rows, E]`: the sum times the weight of the norm that comes next.
    pub ready: Memory,
    /// F32, `[rows, tiles]`: partial sums of the sum's squares.
    pub squares: Memory,
    qkv: Memory,
    mixed: Memory,
    inner: Memory,
}

/// A projection's weights, if they are of a kind that kernels can be given.
pub(super) fn matrix(projection: &Projection, kept: &mut Vec<Tensor>) -> Result<Matrix> {
    let (weight, bias) = projection.tensors()?;
    let (outputs, inputs) = weight.dims2()?;
    let bias = match bias {
        Some(bias) => keep(bias, kept)?,
        None => NOWHERE,
    };
    Ok(Matrix { weight: keep(&weight, kept)?, bias, inputs, outputs })
}

/// The address of a tensor that is kept from now on.
pub(super) fn keep(tensor: &Tensor, kept: &mut Vec<Tensor>) -> Result<Address> {
    kept.push(tensor.clone());
    address(tensor)
}

impl FusedStack {
    /// Takes a stack's addresses; `None` if its sizes are not what kernels are for.
    pub(super) fn of(stack: &Stack, device: &Device) -> Result<Option<Self>> {
        let Parts { layers, norm, frequencies, heads, kv_heads, head_width } = stack.parts();
        if heads != QUERIES * kv_heads || !WIDTHS.contains(&head_width) {
            return Ok(None);
        }
        let mut kept = Vec::new();
        let mut fused = Vec::with_capacity(layers.len());
        for layer in layers {
            fused.push(Layer {
                input_layernorm: keep(layer.input_layernorm, &mut kept)?,
                qkv_proj: matrix(layer.qkv_proj, &mut kept)?,
                q_norm: keep(layer.q_norm, &mut kept)?,
                k_norm: keep(layer.k_norm, &mut kept)?,
                o_proj: matrix(layer.o_proj, &mut kept)?,
                post_attention_layernorm: keep(layer.post_attention_layernorm, &mut kept)?,
                gate_up_proj: matrix(layer.gate_up_proj, &mut kept)?,
                down_proj: matrix(layer.down_proj, &mut kept)?,
            });
        }
        let Some(first) = fused.first() else { return Ok(None) };
        #[expect(clippy::cast_possible_truncation, reason = "an epsilon is no less one in F32")]
        let eps = norm.eps() as f32;
        Ok(Some(Self {
            width: first.qkv_proj.inputs,
            inner: first.down_proj.inputs,
            norm: keep(norm.weight(), &mut kept)?,
            layers: fused,
            frequencies: Tensor::new(frequencies, device)?,
            kv_heads,
            head_width,
            eps,
            _weights: kept,
        }))
    }

    /// How many layers there are.
    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The weight of the norm that everything goes through first.
    pub(super) fn first_norm(&self) -> Address {
        self.layers.first().map_or(NOWHERE, |layer| layer.input_layernorm)
    }

    /// Kernels of a pass.
    #[cfg(test)]
    pub(super) fn launches(&self) -> usize {
        5 * self.layers.len()
    }

    /// Room for `rows` rows.
    pub(super) fn scratch(
        &self,
        device: &CudaDevice,
        rows: usize,
        dtype: DType,
    ) -> Result<Scratch> {
        let bytes = dtype.size_in_bytes();
        let heads = self.kv_heads * self.head_width;
        Ok(Scratch {
            sum: Memory::new(device, rows * self.width, 4)?,
            ready: Memory::new(device, rows * self.width, bytes)?,
            squares: Memory::new(device, rows * tiles(self.width), 4)?,
            qkv: Memory::new(device, rows * (QUERIES + 2) * heads, bytes)?,
            mixed: Memory::new(device, rows * QUERIES * heads, bytes)?,
            inner: Memory::new(device, rows * self.inner, bytes)?,
        })
    }

    /// Completes a product whose rows are in the scratch, normed.
    pub(super) fn normed(&self, product: Product, scratch: &Scratch) -> Product {
        Product {
            squares: scratch.squares.address(),
            square_tiles: small(tiles(self.width)),
            eps: self.eps,
            ..product
        }
    }

    /// Launches all layers over what is in the scratch, and leaves there what they make of it, to
    /// be normed.
    ///
    /// # Safety
    /// The scratch has room for the span's rows, the span's addresses are of memory as large as it
    /// says, and all of it lives until the kernels have run.
    pub(super) unsafe fn launch(
        &self,
        kernels: &Kernels,
        scratch: &Scratch,
        span: &Span,
    ) -> Result<()> {
        let rows = span.lines * span.tokens;
        let (ready, sum) = (scratch.ready.address(), scratch.sum.address());
        let [qkv, mixed, inner] =
            [&scratch.qkv, &scratch.mixed, &scratch.inner].map(Memory::address);
        for (index, (layer, keys)) in self.layers.iter().zip(span.keys).enumerate() {
            let next_norm =
                self.layers.get(index + 1).map_or(self.norm, |next| next.input_layernorm);
            let add = |product: Product, next_norm| Product {
                sum,
                next_norm,
                next_squares: scratch.squares.address(),
                ..product
            };
            let attention = self.attention(layer, *keys, span, (qkv, mixed))?;
            let products = [
                self.normed(layer.qkv_proj.product(ready, rows, Then::Store, qkv), scratch),
                add(
                    layer.o_proj.product(mixed, rows, Then::Add, ready),
                    layer.post_attention_layernorm,
                ),
                self.normed(layer.gate_up_proj.product(ready, rows, Then::Gate, inner), scratch),
                add(layer.down_proj.product(inner, rows, Then::Add, ready), next_norm),
            ];
            // SAFETY: weights have the sizes their tensors have, and live in this stack; the rest is
            // the caller's.
            unsafe {
                kernels.product(&products[0])?;
                kernels.attend(&attention, span.lines, self.head_width)?;
                for product in &products[1..] {
                    kernels.product(product)?;
                }
            }
        }
        Ok(())
    }

    fn attention(
        &self,
        layer: &Layer,
        keys: LayerKeys,
        span: &Span,
        (qkv, out): (Address, Address),
    ) -> Result<Attention> {
        Ok(Attention {
            qkv,
            keys: keys.keys,
            values: keys.values,
            out,
            q_norm: layer.q_norm,
            k_norm: layer.k_norm,
            frequencies: address(&self.frequencies)?,
            rows: span.rows,
            kv_heads: small(self.kv_heads),
            capacity: small(span.capacity),
            tokens: small(span.tokens),
            position: small(span.position),
            eps: self.eps,
        })
    }
}
