//! Choosing codes, and carrying lines from frame to frame.

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::CudaFunction;

use super::kernels::{Grid, Kernels};
use super::memory::Address;

/// `Choose` in `choose.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Choose {
    pub logits: Address,
    pub rows: Address,
    pub codes: Address,
    pub seen: Address,
    pub meanings: Address,
    pub meaning: Address,
    pub inputs: Address,
    pub before: Address,
    pub sum: Address,
    pub ready: Address,
    pub next_norm: Address,
    pub next_squares: Address,
    pub book: i32,
    pub tokens: i32,
    pub vocabulary: i32,
    pub wide: i32,
    pub width: i32,
    pub seen_words: i32,
    pub square_tiles: i32,
    pub first_control: i32,
    pub end: i32,
    pub fewest: i32,
}

/// `Carry` in `choose.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Carry {
    pub kept: Address,
    pub rows_of_batch: Address,
    pub squares: Address,
    pub rows: Address,
    pub width: i32,
    pub square_tiles: i32,
    pub eps: f32,
}

/// Ids that can be chosen from: what a block's threads can hold.
pub(super) const LARGEST_VOCABULARY: usize = 4096;

const THREADS: u32 = 1024;
const CARRYING: u32 = 256;

impl Kernels {
    /// Chooses a code of each of `rows` rows.
    ///
    /// # Safety
    /// As for [`Self::launch`].
    pub(super) unsafe fn choose(&self, choose: &Choose, rows: usize) -> Result<()> {
        let grid = Grid { blocks: (rows, 1, 1), threads: THREADS, shared: 0, cluster: 1 };
        // SAFETY: the caller's.
        unsafe { self.launch(&self.choose, choose, grid) }
    }

    /// Takes each of `rows` lines out of its slot, by [`Self::fetch`], or puts it there, by
    /// [`Self::keep`].
    ///
    /// # Safety
    /// As for [`Self::launch`].
    pub(super) unsafe fn carry(
        &self,
        way: &CudaFunction,
        carry: &Carry,
        rows: usize,
    ) -> Result<()> {
        let grid = Grid { blocks: (rows, 1, 1), threads: CARRYING, shared: 0, cluster: 1 };
        // SAFETY: the caller's.
        unsafe { self.launch(way, carry, grid) }
    }
}
