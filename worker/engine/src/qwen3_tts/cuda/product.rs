//! Products of rows with a weight matrix.

use candle_core::Result;

use super::kernels::{Grid, Kernels, ProductKernel};
use super::memory::{Address, NOWHERE};

/// Outputs of a block, inputs of a stage, threads; as `product.cu` has them.
const TILE: usize = 64;
const DEPTH: usize = 64;
const THREADS: u32 = 128;
const WARPS: usize = 4;

/// Blocks that can share a tile.
const MOST_SHARES: usize = 8;

/// Blocks that keep a large GPU busy, two for each of its processors, and inputs below
/// which a share of them is not worth a block. Both decide how a row's sums are grouped, so they
/// are the same for every device.
pub(super) const BLOCKS: usize = 264;
const FEWEST_INPUTS: usize = 256;

/// What becomes of a product, as `product.cu` has it.
#[derive(Debug, Clone, Copy)]
#[repr(i32)]
pub(super) enum Then {
    Store = 0,
    Logits = 1,
    Gate = 2,
    Add = 3,
}

/// `Product` in `product.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Product {
    pub x: Address,
    pub weight: Address,
    pub bias: Address,
    pub squares: Address,
    pub out: Address,
    pub sum: Address,
    pub next_norm: Address,
    pub next_squares: Address,
    pub rows: i32,
    pub inputs: i32,
    pub outputs: i32,
    pub then: Then,
    pub square_tiles: i32,
    pub eps: f32,
}

/// Tiles that outputs are cut into: as many partial sums of squares has each row of a sum.
pub(super) fn tiles(outputs: usize) -> usize {
    outputs.div_ceil(TILE)
}

/// A weight matrix in device memory, `[outputs, inputs]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix {
    pub weight: Address,
    /// Or nowhere.
    pub bias: Address,
    pub inputs: usize,
    pub outputs: usize,
}

impl Matrix {
    /// A product of `rows` rows that are at `x`, to be completed by whoever needs more.
    pub(super) fn product(&self, x: Address, rows: usize, then: Then, out: Address) -> Product {
        Product {
            x,
            weight: self.weight,
            bias: self.bias,
            squares: NOWHERE,
            out,
            sum: NOWHERE,
            next_norm: NOWHERE,
            next_squares: NOWHERE,
            rows: small(rows),
            inputs: small(self.inputs),
            outputs: small(self.outputs),
            then,
            square_tiles: 0,
            eps: 0.0,
        }
    }
}

/// A size as kernels take it.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below 2^31")]
pub(super) fn small(size: usize) -> i32 {
    size as i32
}

/// Blocks that share the inputs of each tile: the same for any number of rows.
fn shares(inputs: usize, outputs: usize, blocks: usize) -> usize {
    let is_fine = |shares: usize| {
        inputs.is_multiple_of(shares * DEPTH)
            && inputs / shares >= FEWEST_INPUTS
            && tiles(outputs) * shares <= blocks
    };
    [MOST_SHARES, 4, 2].into_iter().find(|&shares| is_fine(shares)).unwrap_or(1)
}

impl ProductKernel {
    /// Bytes that a block of `stages` stages needs, whose tile is shared by `shares`: for what it
    /// reads ahead, and for what it is given of the rows that it settles.
    fn shared(&self, stages: usize, shares: usize) -> u32 {
        let read = stages.min(self.stages) * (self.rows + TILE) * DEPTH * 2;
        let settled = (self.rows / WARPS).div_ceil(shares) * WARPS;
        u32::try_from(read + settled * shares * TILE * 4).unwrap_or(u32::MAX)
    }

    /// The most that [`Self::shared`] can be.
    pub(super) fn most_shared(&self) -> u32 {
        self.shared(self.stages, 1).max(self.shared(self.stages, MOST_SHARES))
    }
}

impl Kernels {
    /// Launches a product.
    ///
    /// # Safety
    /// As for [`Self::launch`].
    pub(super) unsafe fn product(&self, product: &Product) -> Result<()> {
        let [rows, inputs, outputs] = [product.rows, product.inputs, product.outputs]
            .map(|size| usize::try_from(size).unwrap_or(0));
        let step = match product.then {
            Then::Gate => outputs / 2 % (TILE / 2),
            Then::Store | Then::Logits | Then::Add => outputs % TILE,
        };
        let fits = inputs.is_multiple_of(DEPTH) && step == 0;
        let kernel = self.products.iter().find(|kernel| kernel.rows >= rows);
        let kernel = kernel.or(self.products.last()).filter(|_| fits);
        let (function, grid) = if let Some(kernel) = kernel {
            let parts = shares(inputs, outputs, self.blocks);
            let blocks = (tiles(outputs), parts, rows.div_ceil(kernel.rows));
            #[expect(clippy::cast_possible_truncation, reason = "8 at most")]
            let cluster = parts as u32;
            let shared = kernel.shared(inputs / parts / DEPTH, parts);
            (kernel.function(product.then), Grid { blocks, threads: THREADS, shared, cluster })
        } else {
            let blocks = match product.then {
                Then::Gate => (outputs / 2).div_ceil(TILE / 2),
                Then::Store | Then::Logits | Then::Add => tiles(outputs),
            };
            let blocks = (blocks, rows, 1);
            (&self.plain, Grid { blocks, threads: THREADS, shared: 0, cluster: 1 })
        };
        // SAFETY: the caller's.
        unsafe { self.launch(function, product, grid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_shared_by_whole_stages_and_few_blocks() {
        for (inputs, outputs) in
            [(2048, 4096), (2048, 2048), (2048, 12288), (6144, 2048), (1024, 6144), (3072, 1024)]
        {
            let shares = shares(inputs, outputs, BLOCKS);
            assert!(inputs % (shares * DEPTH) == 0 && tiles(outputs) * shares <= BLOCKS);
        }
        let shares = |inputs, outputs| shares(inputs, outputs, BLOCKS);
        assert_eq!([shares(2048, 4096), shares(6144, 2048), shares(64, 64)], [4, 8, 1]);
    }
}
