//! Why a checkpoint cannot be used.

use std::path::PathBuf;

/// Why a checkpoint was refused. Whoever installed it has to act: none of these goes away by
/// itself, and nothing was loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file of the checkpoint is missing or cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is there and is not what its name promises.
    #[error("{} is not valid: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The configuration describes something this port does not do.
    #[error("{} is not supported: {field} is {found}, expected {expected}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field, with its parents, e.g. `talker_config.hidden_act`.
        field: &'static str,
        /// What the file says.
        found: String,
        /// What it would have to say.
        expected: String,
    },
    /// The weights are not those that the configuration describes.
    #[error("{}: tensor {name}: {problem}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The first tensor that is wrong.
        name: String,
        /// What was expected of it and what was found.
        problem: String,
    },
    /// A file's content is not the one that was pinned.
    #[error("{} has SHA-256 {found}, expected {expected}", path.display())]
    Pin {
        /// The file.
        path: PathBuf,
        /// Lower-case hex, of the file.
        found: String,
        /// Lower-case hex, as pinned.
        expected: String,
    },
    /// The device could not take the weights in, e.g. for want of memory.
    #[error("cannot move weights to the device")]
    Device(#[from] candle_core::Error),
}
