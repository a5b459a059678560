//! Attention of one new position, on a processor.

#![expect(
    clippy::inline_always,
    reason = "what is not inlined is not compiled for the instructions"
)]

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::qwen3_tts::product::{Instructions, Set, Work, plus_product};

/// Every query's mix of the values it sees, of rows that have one new position each.
///
/// General products are made for many positions and cost more here than all that is computed; this
/// goes through keys and values once. Letters as in [`Stack`](super::Stack).
///
/// # Shapes
/// * `queries` `[B, G, H/G, D]`, F32 on the CPU, already divided by the root of `D`
/// * `keys` and `values` `[B, G, K, D]`, views of a cache
/// * returns `[B, G, H/G, D]`
///
/// # Errors
/// On any other shape or type.
pub(super) fn glance(queries: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
    queries.contiguous()?.apply_op3_no_bwd(keys, values, &Glance)
}

struct Glance;

/// Numbers of keys that a thread is worth waking for.
const MANY: usize = 1 << 16;

/// Parts of a sum that are added up side by side.
const LANES: usize = 16;

impl CustomOp3 for Glance {
    fn name(&self) -> &'static str {
        "glance"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_at: &Layout,
        keys: &CpuStorage,
        keys_at: &Layout,
        values: &CpuStorage,
        values_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (b, g, h, d) = queries_at.shape().dims4()?;
        let (Some((start, end)), CpuStorage::F32(queries)) =
            (queries_at.contiguous_offsets(), queries)
        else {
            candle_core::bail!("queries that are not F32 or not contiguous")
        };
        let (keys, values) = (Rows::new(keys, keys_at)?, Rows::new(values, values_at)?);
        if [keys.dims, values.dims] != [[b, g, keys.dims[2], d]; 2] {
            candle_core::bail!("queries {b} {g} {h} {d} of {:?} and {:?}", keys.dims, values.dims);
        }
        let mut mixed = vec![0.0; end - start];
        let instructions = Instructions::best();
        let each = |(group, (mixed, queries)): (usize, (&mut [f32], &[f32]))| {
            let (keys, values) = (keys.of(group), values.of(group));
            instructions.run(Mixing { queries, keys, values, width: d, mixed });
        };
        let (sizes, queries) = (h * d, &queries[start..end]);
        if b * g * keys.dims[2] * d >= MANY {
            mixed.par_chunks_mut(sizes).zip(queries.par_chunks(sizes)).enumerate().for_each(each);
        } else {
            mixed.chunks_mut(sizes).zip(queries.chunks(sizes)).enumerate().for_each(each);
        }
        Ok((CpuStorage::F32(mixed), queries_at.shape().clone()))
    }
}

/// Keys or values.
struct Rows<'a> {
    numbers: &'a [f32],
    /// `B`, `G`, `K`, `D`.
    dims: [usize; 4],
    /// From a row, and from a group, to the next.
    strides: [usize; 2],
}

impl<'a> Rows<'a> {
    fn new(storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        let dims: [usize; 4] = layout.shape().dims4()?.into();
        match (storage, layout.stride()) {
            (CpuStorage::F32(numbers), &[row, group, position, 1]) if position == dims[3] => {
                let numbers = &numbers[layout.start_offset()..];
                Ok(Self { numbers, dims, strides: [row, group] })
            }
            _ => candle_core::bail!("keys or values that are not F32 or not in a cache"),
        }
    }

    /// `K` vectors, one behind the other, of the groups counted over all rows.
    fn of(&self, group: usize) -> &'a [f32] {
        let [_, groups, positions, width] = self.dims;
        let first = group / groups * self.strides[0] + group % groups * self.strides[1];
        &self.numbers[first..first + positions * width]
    }
}

/// What is computed for one group of one row.
struct Mixing<'a> {
    /// `H/G` vectors.
    queries: &'a [f32],
    /// `K` vectors.
    keys: &'a [f32],
    /// `K` vectors.
    values: &'a [f32],
    /// `D`.
    width: usize,
    /// `H/G` vectors.
    mixed: &'a mut [f32],
}

impl Work for Mixing<'_> {
    #[inline(always)]
    fn run<S: Set>(self) {
        let Self { queries, keys, values, width, mixed } = self;
        let mut weights = vec![0.0; keys.len() / width];
        for (query, mixed) in queries.chunks_exact(width).zip(mixed.chunks_exact_mut(width)) {
            let mut highest = f32::NEG_INFINITY;
            for (weight, key) in weights.iter_mut().zip(keys.chunks_exact(width)) {
                *weight = dot::<S>(query, key);
                highest = highest.max(*weight);
            }
            let mut sum = 0.0;
            for weight in &mut weights {
                *weight = (*weight - highest).exp();
                sum += *weight;
            }
            for (weight, value) in weights.iter().zip(values.chunks_exact(width)) {
                for (mixed, value) in mixed.iter_mut().zip(value) {
                    *mixed = plus_product::<S>(*mixed, *weight, *value);
                }
            }
            for mixed in mixed {
                *mixed /= sum;
            }
        }
    }
}

/// The sum of products, in [`LANES`] parts.
#[allow(clippy::needless_range_loop, reason = "the compiler makes vectors of it")]
#[inline(always)]
fn dot<S: Set>(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] = plus_product::<S>(sums[lane], a[lane], b[lane]);
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    let rest = a_rest.iter().zip(b_rest);
    rest.fold(sums[0], |sum, (a, b)| plus_product::<S>(sum, *a, *b))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use candle_nn::ops::softmax_last_dim;

    use super::*;

    fn noise(shape: &[usize]) -> Tensor {
        Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap()
    }

    /// Views of what a cache has: some rows, and some of the positions there is room for.
    fn view(cache: &Tensor, first: usize, rows: usize, length: usize) -> Tensor {
        cache.narrow(0, first, rows).unwrap().narrow(2, 0, length).unwrap()
    }

    #[test]
    fn it_is_what_products_and_a_softmax_give() {
        for (width, length) in [(16, 1), (24, 5), (128, 300)] {
            let (keys, values) = (noise(&[4, 2, 310, width]), noise(&[4, 2, 310, width]));
            #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^52")]
            let scale = (width as f64).sqrt().recip();
            let queries = (noise(&[2, 2, 3, width]) * scale).unwrap();
            let (keys, values) = (view(&keys, 1, 2, length), view(&values, 1, 2, length));
            let ours = glance(&queries, &keys, &values).unwrap();
            let scores = queries.matmul(&keys.transpose(2, 3).unwrap()).unwrap();
            let expected = softmax_last_dim(&scores).unwrap().matmul(&values).unwrap();
            assert_eq!(ours.dims(), expected.dims());
            let gap = (ours - expected).unwrap().abs().unwrap().max_all().unwrap();
            assert!(gap.to_scalar::<f32>().unwrap() < 1e-5, "{width} {length}");
        }
    }

    #[test]
    fn a_row_has_the_same_bits_among_others() {
        let (keys, values) = (noise(&[5, 2, 200, 64]), noise(&[5, 2, 200, 64]));
        let queries = noise(&[5, 2, 2, 64]);
        let (keys, values) = (view(&keys, 0, 5, 190), view(&values, 0, 5, 190));
        let numbers = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let together = numbers(glance(&queries, &keys, &values).unwrap());
        for (row, expected) in together.chunks(2 * 2 * 64).enumerate() {
            let one = |x: &Tensor| x.narrow(0, row, 1).unwrap();
            let alone = numbers(glance(&one(&queries), &one(&keys), &one(&values)).unwrap());
            assert_eq!(alone, expected, "row {row}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (queries, keys) = (noise(&[1, 2, 2, 8]), noise(&[1, 2, 4, 8]));
        assert!(glance(&queries, &keys, &noise(&[1, 2, 5, 8])).is_err());
        assert!(glance(&queries, &keys.transpose(2, 3).unwrap(), &keys).is_err());
        assert!(glance(&noise(&[2, 2, 2, 8]), &keys, &keys).is_err());
    }
}
