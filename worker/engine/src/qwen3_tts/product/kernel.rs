//! The innermost loops: a few rows times the weights of a few outputs.
//!
//! Written as plain loops over arrays, of which the compiler makes vectors. No output ever shares a
//! sum with another: whatever is computed side by side, the additions of an output are the same, in
//! the same order.

#![expect(
    clippy::inline_always,
    reason = "what is not inlined is not compiled for the instructions"
)]

use super::instructions::{Set, Work, plus_product};
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

const ZERO: Sums = [Lanes([0.0; LANES]); PANEL / LANES];

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

    /// Whether eight rows at a time are faster than four.
    const BY_EIGHT: bool;

    /// Adds what rows `x` give, as long as each other, to `sums`.
    fn add<S: Set, const R: usize>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]);
}

impl Held for F32 {
    const INPUTS: usize = 1;
    const BY_EIGHT: bool = true;

    #[inline(always)]
    fn add<S: Set, const R: usize>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]) {
        chains::<S, _, R>(held, x, sums, |weights| widen(&weights.0));
    }
}

#[inline(always)]
fn widen(weights: &[f32; PANEL]) -> Sums {
    let (vectors, _) = weights.as_chunks::<LANES>();
    std::array::from_fn(|part| Lanes(vectors[part]))
}

impl Held for Bf16 {
    const INPUTS: usize = 1;
    const BY_EIGHT: bool = true;

    #[inline(always)]
    fn add<S: Set, const R: usize>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]) {
        chains::<S, _, R>(held, x, sums, |weights| widen_bf16(&weights.0));
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
    /// The compiler makes no good vectors of it.
    const BY_EIGHT: bool = false;

    #[inline(always)]
    fn add<S: Set, const R: usize>(held: &[Self], x: [&[f32]; R], sums: &mut [Sums; R]) {
        for (index, block) in held.iter().enumerate() {
            let first = index * BLOCK;
            let count = BLOCK.min(x[0].len() - first);
            let x = x.map(|row| &row[first..first + count]);
            let mut of_block = [ZERO; R];
            chains::<S, _, R>(&block.numbers[..count], x, &mut of_block, widen_i8);
            let scales = widen_bf16(&block.scales);
            for (sums, of_block) in sums.iter_mut().zip(&of_block) {
                for (part, sum) in sums.iter_mut().enumerate() {
                    let each = |lane: usize| {
                        let (number, scale) = (of_block[part].0[lane], scales[part].0[lane]);
                        plus_product::<S>(sum.0[lane], number, scale)
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
#[allow(clippy::needless_range_loop, reason = "the compiler makes better vectors of it")]
#[inline(always)]
fn chains<S: Set, W, const R: usize>(
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
                let each = |lane: usize| plus_product::<S>(sum.0[lane], weights.0[lane], x);
                *sum = Lanes(std::array::from_fn(each));
            }
        }
    }
    *sums = chain;
}

/// Multiplies rows `first..first + R`.
#[inline(always)]
fn tile<S: Set, W: Held, const R: usize>(
    panel: &[W],
    rows: &Rows,
    first: usize,
    target: &mut Target,
) {
    let mut sums = [ZERO; R];
    for (tap, held) in panel.chunks(rows.width.div_ceil(W::INPUTS)).enumerate() {
        let x = std::array::from_fn(|row| rows.at(first + row, tap));
        W::add::<S, R>(held, x, &mut sums);
    }
    for (row, sums) in sums.iter().enumerate() {
        let numbers: [[f32; LANES]; PANEL / LANES] = std::array::from_fn(|part| sums[part].0);
        target.put(first + row, numbers.as_flattened());
    }
}

/// All rows times one panel.
#[derive(Debug)]
pub(super) struct Multiplied<'a, 'b, W> {
    pub panel: &'a [W],
    pub rows: Rows<'a>,
    pub target: &'a mut Target<'b>,
}

impl<W: Held> Work for Multiplied<'_, '_, W> {
    #[inline(always)]
    fn run<S: Set>(self) {
        let Self { panel, rows, target } = self;
        let mut next = 0;
        while S::ROWS >= 12 && rows.count - next >= 12 {
            tile::<S, W, 12>(panel, &rows, next, target);
            next += 12;
        }
        while S::ROWS >= 8 && W::BY_EIGHT && rows.count - next >= 8 {
            tile::<S, W, 8>(panel, &rows, next, target);
            next += 8;
        }
        while S::ROWS >= 4 && rows.count - next >= 4 {
            tile::<S, W, 4>(panel, &rows, next, target);
            next += 4;
        }
        while rows.count - next >= 2 {
            tile::<S, W, 2>(panel, &rows, next, target);
            next += 2;
        }
        if next < rows.count {
            tile::<S, W, 1>(panel, &rows, next, target);
        }
    }
}
