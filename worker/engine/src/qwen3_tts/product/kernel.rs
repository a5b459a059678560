//! The innermost loops: a few rows times the weights of a few outputs.
//!
//! Written as plain loops over arrays and compiled once for each set of instructions, so that the
//! compiler makes vectors of them. No output ever shares a sum with another: whatever is computed
//! side by side, the additions of an output are the same, in the same order.

use super::rows::{Rows, Target};

/// Outputs whose weights are side by side in memory.
pub(super) const PANEL: usize = 32;

/// Inputs that share a scale in [`Q8`].
pub(super) const BLOCK: usize = 32;

/// The widest vector there is, in numbers.
const LANES: usize = 16;

/// A vector's worth of numbers.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lanes([f32; LANES]);

/// One row's sums for all outputs of a panel.
pub(super) type Sums = [Lanes; PANEL / LANES];

/// Weights of one input, as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct F32(pub [f32; PANEL]);

/// The same in BF16, for weights that lose nothing by it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Bf16(pub [u16; PANEL]);

/// Weights of [`BLOCK`] inputs in eight bits, with a scale for each output.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Q8 {
    /// In BF16.
    pub scales: [u16; PANEL],
    pub numbers: [[i8; PANEL]; BLOCK],
}

/// How weights are held.
pub(super) trait Held: Send + Sync + Sized {
    /// Inputs that one of these has the weights of.
    const INPUTS: usize;

    /// Adds what rows `x` give, as long as each other, to `sums`.
    fn add<const R: usize, const FUSED: bool>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]);
}

impl Held for F32 {
    const INPUTS: usize = 1;

    #[inline(always)]
    fn add<const R: usize, const FUSED: bool>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]) {
        chains::<_, R, FUSED>(held, x, sums, |weights| widen(&weights.0));
    }
}

#[inline(always)]
fn widen(weights: &[f32; PANEL]) -> Sums {
    let (vectors, _) = weights.as_chunks::<LANES>();
    std::array::from_fn(|part| Lanes(vectors[part]))
}

impl Held for Bf16 {
    const INPUTS: usize = 1;

    #[inline(always)]
    fn add<const R: usize, const FUSED: bool>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]) {
        chains::<_, R, FUSED>(held, x, sums, |weights| widen_bf16(&weights.0));
    }
}

#[inline(always)]
fn widen_bf16(weights: &[u16; PANEL]) -> Sums {
    let (vectors, _) = weights.as_chunks::<LANES>();
    std::array::from_fn(|part| {
        Lanes(vectors[part].map(|bits| f32::from_bits(u32::from(bits) << 16)))
    })
}

impl Held for Q8 {
    const INPUTS: usize = BLOCK;

    #[inline(always)]
    fn add<const R: usize, const FUSED: bool>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]) {
        for (index, block) in held.iter().enumerate() {
            let first = index * BLOCK;
            let count = BLOCK.min(x[0].len() - first);
            let x = x.map(|row| &row[first..first + count]);
            let mut of_block = [[Lanes([0.0; LANES]); PANEL / LANES]; R];
            chains::<_, R, FUSED>(&block.numbers[..count], x, &mut of_block, widen_i8);
            let scales = widen_bf16(&block.scales);
            for (sums, of_block) in sums.iter_mut().zip(&of_block) {
                for (part, sum) in sums.iter_mut().enumerate() {
                    let each = |lane: usize| {
                        let (number, scale) = (of_block[part].0[lane], scales[part].0[lane]);
                        plus_product::<FUSED>(sum.0[lane], number, scale)
                    };
                    *sum = Lanes(std::array::from_fn(each));
                }
            }
        }
    }
}

#[inline(always)]
fn widen_i8(weights: &[i8; PANEL]) -> Sums {
    let (vectors, _) = weights.as_chunks::<LANES>();
    std::array::from_fn(|part| Lanes(vectors[part].map(f32::from)))
}

/// Adds the products with one input after the other: every sum is one chain of additions.
#[inline(always)]
fn chains<W, const R: usize, const FUSED: bool>(
    weights: &[W],
    x: [&[f32]; R],
    sums: &mut [Sums; R],
    widen: impl Fn(&W) -> Sums,
) {
    let x = x.map(|row| &row[..weights.len()]);
    let mut chain = *sums;
    for (input, weights) in weights.iter().enumerate() {
        let weights = widen(weights);
        for row in 0..R {
            let x = x[row][input];
            for (sum, weights) in chain[row].iter_mut().zip(&weights) {
                let each = |lane: usize| plus_product::<FUSED>(sum.0[lane], weights.0[lane], x);
                *sum = Lanes(std::array::from_fn(each));
            }
        }
    }
    *sums = chain;
}

/// `sum + a·b`, rounded once if `FUSED`.
#[inline(always)]
fn plus_product<const FUSED: bool>(sum: f32, a: f32, b: f32) -> f32 {
    if FUSED { a.mul_add(b, sum) } else { sum + a * b }
}

/// Multiplies rows `first..first + R`.
#[inline(always)]
fn tile<W: Held, const R: usize, const FUSED: bool>(
    panel: &[W],
    rows: &Rows,
    first: usize,
    target: &mut Target,
) {
    let mut sums = [[Lanes([0.0; LANES]); PANEL / LANES]; R];
    for (tap, held) in panel.chunks(rows.width.div_ceil(W::INPUTS)).enumerate() {
        let x = std::array::from_fn(|row| rows.at(first + row, tap));
        W::add::<R, FUSED>(held, x, &mut sums);
    }
    for (row, sums) in sums.iter().enumerate() {
        let numbers: [[f32; LANES]; PANEL / LANES] = std::array::from_fn(|part| sums[part].0);
        target.put(first + row, numbers.as_flattened());
    }
}

/// Multiplies all rows, `MOST` at a time as long as there are so many, then 4, 2, and one by one.
#[inline(always)]
fn tiles<W: Held, const MOST: usize, const FUSED: bool>(
    panel: &[W],
    rows: &Rows,
    target: &mut Target,
) {
    let mut next = 0;
    while rows.count - next >= MOST {
        tile::<W, MOST, FUSED>(panel, rows, next, target);
        next += MOST;
    }
    while MOST > 4 && rows.count - next >= 4 {
        tile::<W, 4, FUSED>(panel, rows, next, target);
        next += 4;
    }
    while MOST > 2 && rows.count - next >= 2 {
        tile::<W, 2, FUSED>(panel, rows, next, target);
        next += 2;
    }
    while next < rows.count {
        tile::<W, 1, FUSED>(panel, rows, next, target);
        next += 1;
    }
}

/// Instructions that the loops are compiled for. All that fuse give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instructions {
    /// What every processor of the architecture has.
    Plain,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 as of its first servers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// The best that this processor has.
    pub(super) fn best() -> Self {
        Self::all().last().copied().unwrap_or(Self::Plain)
    }

    /// All that this processor has, the best last.
    pub(super) fn all() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match (has_avx2, has_avx512) {
                (true, true) => &[Self::Plain, Self::Avx2, Self::Avx512],
                (true, false) => &[Self::Plain, Self::Avx2],
                (false, _) => &[Self::Plain],
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        &[Self::Plain]
    }

    /// Whether a product is added without being rounded first.
    #[cfg(test)]
    pub(super) fn are_fused(self) -> bool {
        self != Self::Plain || PLAIN_IS_FUSED
    }

    /// Multiplies all rows by one panel.
    pub(super) fn multiply<W: Held>(self, panel: &[W], rows: &Rows, target: &mut Target) {
        match self {
            Self::Plain => tiles::<W, 2, PLAIN_IS_FUSED>(panel, rows, target),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know what processor it will be")]
            // SAFETY: `all` gives these only where the processor says that it has them.
            Self::Avx2 => unsafe { with_avx2(panel, rows, target) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know what processor it will be")]
            // SAFETY: as above.
            Self::Avx512 => unsafe { with_avx512(panel, rows, target) },
        }
    }
}

/// On x86 the first processors have no instruction for it, and doing without one is slow.
const PLAIN_IS_FUSED: bool = cfg!(target_arch = "aarch64");

/// 16 registers: two rows' sums, and a panel's weights.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<W: Held>(panel: &[W], rows: &Rows, target: &mut Target) {
    tiles::<W, 2, true>(panel, rows, target);
}

/// 32 registers: twelve rows' sums, and a panel's weights.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn with_avx512<W: Held>(panel: &[W], rows: &Rows, target: &mut Target) {
    tiles::<W, 12, true>(panel, rows, target);
}
