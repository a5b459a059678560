//! Attention over what lines have.

use candle_core::Result;

use super::kernels::{Grid, Kernels};
use super::memory::Address;

/// `Attention` in `attention.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Attention {
    pub qkv: Address,
    pub keys: Address,
    pub values: Address,
    pub out: Address,
    pub q_norm: Address,
    pub k_norm: Address,
    pub frequencies: Address,
    pub rows: Address,
    pub kv_heads: i32,
    pub capacity: i32,
    pub tokens: i32,
    pub position: i32,
    pub eps: f32,
}

/// Query heads that share a key head, as `attention.cu` has it.
pub(super) const QUERIES: usize = 2;

/// Threads for lines of any length, and for those of few positions.
const THREADS: u32 = 512;
const FEW_THREADS: u32 = 128;

/// Positions that are few.
const FEW: i32 = 16;

impl Kernels {
    /// Launches attention of `lines` lines with heads of `width` numbers.
    ///
    /// # Safety
    /// As for [`Self::launch`].
    pub(super) unsafe fn attend(
        &self,
        attention: &Attention,
        lines: usize,
        width: usize,
    ) -> Result<()> {
        let Some((_, function)) = self.attention.iter().find(|(own, _)| *own == width) else {
            candle_core::bail!("no kernel for heads of {width}")
        };
        let heads = usize::try_from(attention.kv_heads).unwrap_or(0);
        let threads = if attention.capacity <= FEW { FEW_THREADS } else { THREADS };
        let grid = Grid { blocks: (heads, lines, 1), threads, shared: 0, cluster: 1 };
        // SAFETY: the caller's.
        unsafe { self.launch(function, attention, grid) }
    }
}
