//! What all layers of one pass have in common.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};

use super::cache::{Cache, LayerCache};
use super::rope::{Rope, Turn};

/// `T` new positions for each of `B` neighbouring rows of a cache.
#[derive(Debug)]
pub(crate) struct Pass {
    /// The first of the rows.
    first: usize,
    /// The rotation of the new positions.
    pub turn: Turn,
    /// How the new keys and values get where they belong.
    write: Write,
    /// What is attended to at once, in the order of the rows.
    pub spans: Vec<Span>,
}

/// How new keys and values are written.
#[derive(Debug)]
enum Write {
    /// To the same position of all rows.
    Even(usize),
    /// To a position of its own in each row, row by row.
    Apart(Vec<usize>),
    /// To a position of its own in each row, `[B, G, 1, D]`, at once.
    Scattered(Tensor),
}

/// Rows of a pass that are attended to at once.
#[derive(Debug)]
pub(crate) struct Span {
    /// Their places in the pass.
    pub rows: Range<usize>,
    /// `K`: positions that are looked at, the new ones included.
    pub length: usize,
    /// Broadcasts to `[rows, G, H/G, T, K]`: 0 where visible, −∞ where not. `None` is all visible.
    pub mask: Option<Tensor>,
}

impl Pass {
    /// `new` positions from `start` on of the one line that is in `row`.
    pub(crate) fn prefill(
        rope: &Rope,
        cache: &mut Cache,
        row: usize,
        positions: Range<usize>,
    ) -> Result<Self> {
        let pass = Self::even(rope, cache, 1, positions)?;
        Ok(Self { first: row, ..pass })
    }

    /// The same positions for each of the first `count` rows.
    pub(crate) fn even(
        rope: &Rope,
        cache: &mut Cache,
        count: usize,
        positions: Range<usize>,
    ) -> Result<Self> {
        cache.reserve(positions.end)?;
        let mask = match positions.len() {
            0 | 1 => None,
            _ => Some(causal(&positions, cache.dtype(), cache.device())?),
        };
        Ok(Self {
            first: 0,
            turn: rope.at(&vec![positions.start; count], positions.len())?,
            write: Write::Even(positions.start),
            spans: vec![Span { rows: 0..count, length: positions.end, mask }],
        })
    }

    /// One position for each of the first rows, behind the `lengths` they have.
    ///
    /// On the CPU rows of different lengths are attended to one by one, so that none costs or feels
    /// another's length. Elsewhere a call costs more than what it does, so all go at once, masked.
    pub(crate) fn step(rope: &Rope, cache: &mut Cache, lengths: &[usize]) -> Result<Self> {
        let longest = lengths.iter().max().copied().unwrap_or(0);
        if lengths.iter().all(|&length| length == longest) {
            return Self::even(rope, cache, lengths.len(), longest..longest + 1);
        }
        match cache.device() {
            Device::Cpu => Self::apart(rope, cache, lengths),
            Device::Cuda(_) | Device::Metal(_) => Self::masked(rope, cache, lengths),
        }
    }

    /// A step of rows of different lengths, one by one.
    fn apart(rope: &Rope, cache: &mut Cache, lengths: &[usize]) -> Result<Self> {
        cache.reserve(lengths.iter().max().map_or(0, |longest| longest + 1))?;
        let span = |(row, length)| Span { rows: row..row + 1, length, mask: None };
        Ok(Self {
            first: 0,
            turn: rope.at(lengths, 1)?,
            write: Write::Apart(lengths.to_vec()),
            spans: lengths.iter().map(|length| length + 1).enumerate().map(span).collect(),
        })
    }

    /// A step of rows of different lengths, all at once.
    fn masked(rope: &Rope, cache: &mut Cache, lengths: &[usize]) -> Result<Self> {
        let longest = lengths.iter().max().map_or(0, |longest| longest + 1);
        cache.reserve(longest)?;
        let mask = Some(ragged(lengths, longest, cache.dtype(), cache.device())?);
        Ok(Self {
            first: 0,
            turn: rope.at(lengths, 1)?,
            write: Write::Scattered(cache.places(lengths)?),
            spans: vec![Span { rows: 0..lengths.len(), length: longest, mask }],
        })
    }

    /// Puts new keys and values behind what the rows have.
    ///
    /// # Shapes
    /// * `keys`, `values` `[B, G, T, D]`, contiguous
    pub(crate) fn write(&self, layer: &LayerCache, keys: &Tensor, values: &Tensor) -> Result<()> {
        for (all, new) in [(&layer.keys, keys), (&layer.values, values)] {
            let all = all.narrow(0, self.first, new.dim(0)?)?;
            match &self.write {
                Write::Even(start) => all.slice_set(new, 2, *start)?,
                Write::Apart(starts) => {
                    for (row, &start) in starts.iter().enumerate() {
                        all.narrow(0, row, 1)?.slice_set(&new.narrow(0, row, 1)?, 2, start)?;
                    }
                }
                Write::Scattered(places) => all.scatter_set(places, new, 2)?,
            }
        }
        Ok(())
    }

    /// What a span looks at: keys and values, each `[rows, G, K, D]`, views.
    pub(crate) fn read(&self, layer: &LayerCache, span: &Span) -> Result<(Tensor, Tensor)> {
        let view = |all: &Tensor| {
            let first = self.first + span.rows.start;
            all.narrow(0, first, span.rows.len())?.narrow(2, 0, span.length)
        };
        Ok((view(&layer.keys)?, view(&layer.values)?))
    }
}

/// Each new position sees itself and all before it: `[T, K]`.
fn causal(positions: &Range<usize>, dtype: DType, device: &Device) -> Result<Tensor> {
    let row = |position| (0..positions.end).map(move |key| visible(key <= position));
    let mask: Vec<f32> = positions.clone().flat_map(row).collect();
    Tensor::from_vec(mask, (positions.len(), positions.end), device)?.to_dtype(dtype)
}

/// Each row's one new position sees itself and all before it: `[B, 1, 1, 1, K]`.
fn ragged(lengths: &[usize], longest: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    let row = |&length: &usize| (0..longest).map(move |key| visible(key <= length));
    let mask: Vec<f32> = lengths.iter().flat_map(row).collect();
    Tensor::from_vec(mask, (lengths.len(), 1, 1, 1, longest), device)?.to_dtype(dtype)
}

fn visible(yes: bool) -> f32 {
    if yes { 0.0 } else { f32::NEG_INFINITY }
}

#[cfg(test)]
mod tests {
    use super::super::cache::CacheShape;
    use super::*;

    fn noise(shape: &[usize]) -> Tensor {
        Tensor::rand(-1_f32, 1., shape, &Device::Cpu).unwrap()
    }

    /// What the accelerators do, on the CPU: written and seen as if row by row.
    #[test]
    fn all_rows_at_once_write_and_see_what_each_does_by_itself() {
        let shape = CacheShape {
            layers: 1,
            kv_heads: 2,
            head_width: 4,
            dtype: DType::F32,
            device: Device::Cpu,
        };
        let lengths = [3, 0, 5];
        let (keys, values) = (noise(&[3, 2, 1, 4]), noise(&[3, 2, 1, 4]));
        let rope = Rope::new(1e4, 4, DType::F32, &Device::Cpu);
        let mut caches = [Cache::new(shape.clone(), 4, 8), Cache::new(shape, 4, 8)];
        let apart = Pass::step(&rope, &mut caches[0], &lengths).unwrap();
        let at_once = Pass::masked(&rope, &mut caches[1], &lengths).unwrap();
        apart.write(caches[0].layer(0), &keys, &values).unwrap();
        at_once.write(caches[1].layer(0), &keys, &values).unwrap();
        let all = |cache: &Cache| {
            let layer = cache.layer(0);
            let bits = |x: &Tensor| -> Vec<u32> {
                let numbers: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
                numbers.into_iter().map(f32::to_bits).collect()
            };
            [&layer.keys, &layer.values].map(bits)
        };
        assert_eq!(all(&caches[0]), all(&caches[1]));
        let mask = at_once.spans[0].mask.as_ref().unwrap().flatten_all().unwrap();
        let mask: Vec<f32> = mask.to_vec1().unwrap();
        let visible: Vec<usize> =
            mask.chunks(6).map(|row| row.iter().filter(|key| key.is_finite()).count()).collect();
        let own: Vec<usize> = apart.spans.iter().map(|span| span.length).collect();
        assert_eq!(visible, own);
    }
}
