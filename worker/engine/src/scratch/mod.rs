//! Speaks without weights, for timing tracks and for a first run on a fresh machine.
//!
//! Pico is built in and speaks six voices; `say` and espeak-ng are used where they are installed.
//! Characters differ by pitch, tract size and rate. See [`palette()`] for those that nobody cast.

mod frame;
mod join;
mod model;
mod palette;
mod pico;
mod program;
mod program_line;
mod synthesiser;
mod text;
mod timbre;

use std::path::PathBuf;

pub use palette::{ScratchTimbre, palette};

use crate::{ContinuousBatch, Speaker};

/// Name and version of all that decides a scratch take besides the request.
///
/// Pico and its voices are part of this program, so it stands for them whole. `say` and espeak-ng are
/// the machine's own, and their versions are in no key: machines that share a store should have the
/// same ones, or a retried line may come out slightly otherwise than the take it replaces.
pub const ENGINE: &str = "scratch/1";

/// Languages that Pico speaks, as primary BCP 47 tags; `say` and espeak-ng have those of their machine.
pub const PICO_LANGUAGES: [&str; 5] = ["de", "en", "es", "fr", "it"];

/// What the scratch engine finds on its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScratchConfig {
    /// A private folder, made if it is missing: Pico's voices are written there once, and the files
    /// of programs while they speak. At most 350 bytes long, in UTF-8. Several speakers may share
    /// it.
    pub scratch_dir: PathBuf,
    /// Lines spoken at once; at least 1.
    pub slots: usize,
    /// The `say` command of macOS, if it is there.
    pub say: Option<PathBuf>,
    /// The `espeak-ng` command, if it is there.
    pub espeak: Option<PathBuf>,
}

/// Bytes of voices kept ready: some hundred. This is for counting them, not for saving.
const PROMPTS: usize = 1 << 16;

/// Makes a speaker; nothing is read or written before the first line.
///
/// # Panics
/// Never: its seats are plain memory.
#[must_use]
pub fn open(config: ScratchConfig) -> Box<dyn Speaker + Send> {
    let slots = config.slots;
    let batch = ContinuousBatch::new(model::Scratch::new(config), join::Joiner, slots, PROMPTS);
    Box::new(batch.expect("scratch seats are plain memory"))
}
