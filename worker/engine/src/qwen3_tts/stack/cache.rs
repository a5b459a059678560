//! Keys and values of the lines that are being spoken.

use candle_core::{DType, Device, Result, Tensor};

/// Sizes of what a [`Stack`](super::Stack) keeps of a position.
#[derive(Debug, Clone)]
pub(crate) struct CacheShape {
    /// Layers.
    pub layers: usize,
    /// `G`.
    pub kv_heads: usize,
    /// `D`.
    pub head_width: usize,
    /// What they are computed in.
    pub dtype: DType,
    /// Where they are.
    pub device: Device,
}

/// Keys and values of up to `S` lines, each in a row of its own and of its own length.
///
/// Positions are allocated ahead, in blocks and for all rows alike; what lies behind a row's
/// length is never looked at. An empty cache takes no memory.
///
/// Letters as in [`Stack`](super::Stack).
#[derive(Debug)]
pub(crate) struct Cache {
    shape: CacheShape,
    rows: usize,
    block: usize,
    /// Positions each row has room for.
    capacity: usize,
    layers: Vec<LayerCache>,
}

/// Keys and values of one layer.
#[derive(Debug)]
pub(crate) struct LayerCache {
    /// `[S, G, capacity, D]`.
    pub keys: Tensor,
    /// `[S, G, capacity, D]`.
    pub values: Tensor,
}

/// What a row holds, taken out of its cache: the beginning that lines have in common.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Positions.
    pub length: usize,
    /// Keys and values of each layer, `[1, G, length, D]`.
    pub(super) layers: Vec<(Tensor, Tensor)>,
}

impl Cache {
    /// An empty cache of `rows` rows that grows by `block` positions.
    pub(crate) fn new(shape: CacheShape, rows: usize, block: usize) -> Self {
        Self { shape, rows, block, capacity: 0, layers: Vec::new() }
    }

    /// What keys and values are computed in.
    pub(crate) fn dtype(&self) -> DType {
        self.shape.dtype
    }

    /// Where they are.
    pub(crate) fn device(&self) -> &Device {
        &self.shape.device
    }

    /// Where one new position behind each of `lengths` is written to: `[B, G, 1, D]`.
    pub(crate) fn places(&self, lengths: &[usize]) -> Result<Tensor> {
        #[expect(clippy::cast_possible_truncation, reason = "positions are below 65 536")]
        let lengths: Vec<u32> = lengths.iter().map(|&length| length as u32).collect();
        let shape = (lengths.len(), self.shape.kv_heads, 1, self.shape.head_width);
        Tensor::new(lengths.as_slice(), &self.shape.device)?
            .reshape(((), 1, 1, 1))?
            .broadcast_as(shape)?
            .contiguous()
    }

    /// One layer's part. Present once [`Self::reserve`] was called.
    pub(crate) fn layer(&self, layer: usize) -> &LayerCache {
        &self.layers[layer]
    }

    /// Every layer's part; none before [`Self::reserve`] was called.
    #[cfg(feature = "cuda")]
    pub(crate) fn layers(&self) -> &[LayerCache] {
        &self.layers
    }

    /// Positions each row has room for.
    #[cfg(feature = "cuda")]
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes room for rows of `length` positions, keeping what is there.
    pub(crate) fn reserve(&mut self, length: usize) -> Result<()> {
        if length <= self.capacity {
            return Ok(());
        }
        let capacity = length.next_multiple_of(self.block);
        let CacheShape { kv_heads, head_width, dtype, ref device, layers } = self.shape;
        let shape = (self.rows, kv_heads, capacity, head_width);
        let grown = |old: Option<&Tensor>| -> Result<Tensor> {
            let new = Tensor::zeros(shape, dtype, device)?;
            if let Some(old) = old {
                new.slice_set(old, 2, 0)?;
            }
            Ok(new)
        };
        for layer in 0..layers {
            let old = self.layers.get(layer);
            let keys = grown(old.map(|old| &old.keys))?;
            let values = grown(old.map(|old| &old.values))?;
            match self.layers.get_mut(layer) {
                Some(place) => *place = LayerCache { keys, values },
                None => self.layers.push(LayerCache { keys, values }),
            }
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Gives all memory back.
    pub(crate) fn clear(&mut self) {
        self.layers.clear();
        self.capacity = 0;
    }

    /// Puts the first `length` positions of row `from` in place of those of row `to`.
    pub(crate) fn move_row(&mut self, from: usize, to: usize, length: usize) -> Result<()> {
        let kept = self.keep(from, length)?;
        self.restore(to, &kept)
    }

    /// Copies the first `length` positions of a row out.
    pub(crate) fn keep(&self, row: usize, length: usize) -> Result<Kept> {
        let copy = |all: &Tensor| all.narrow(0, row, 1)?.narrow(2, 0, length)?.force_contiguous();
        let layers = self
            .layers
            .iter()
            .map(|layer| Ok((copy(&layer.keys)?, copy(&layer.values)?)))
            .collect::<Result<_>>()?;
        Ok(Kept { length, layers })
    }

    /// Begins a row with what was kept of another.
    pub(crate) fn restore(&mut self, row: usize, kept: &Kept) -> Result<()> {
        self.reserve(kept.length)?;
        for (layer, (keys, values)) in self.layers.iter().zip(&kept.layers) {
            layer.keys.narrow(0, row, 1)?.slice_set(keys, 2, 0)?;
            layer.values.narrow(0, row, 1)?.slice_set(values, 2, 0)?;
        }
        Ok(())
    }
}
