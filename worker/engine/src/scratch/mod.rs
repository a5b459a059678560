//! Speaks without weights, for timing tracks and for a first run on a fresh machine.

mod palette;

pub use palette::{ScratchTimbre, palette};

/// Name and version of all that decides a scratch take besides the request.
pub const ENGINE: &str = "scratch/1";
