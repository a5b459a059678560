//! Where a voice comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a locked voice comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// How it was made.
    pub made: Made,
    /// When it was locked: RFC 3339 in UTC and whole seconds, see [`crate::rfc3339`].
    pub locked_at: String,
    /// Which program locked it, with its version, e.g. `tableread 0.1.0`.
    pub tool: String,
    /// The files it was made from, in the order of the takes.
    #[serde(default)]
    pub sources: Vec<Source>,
}

/// How a voice was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Made {
    /// A model spoke candidates by a description, and somebody chose one.
    Designed {
        /// Which candidate, counted from 1.
        candidate: u32,
        /// Out of how many.
        candidates: u32,
    },
    /// A person was recorded.
    Recorded,
    /// It was read from a voice file of another program.
    Imported {
        /// What the file says about how it was made, e.g. `cloned`.
        method: Option<String>,
        /// And by what.
        engine: Option<String>,
    },
}

/// A file that a voice was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Lower-case hex SHA-256 of the file as it was handed in.
    pub sha256: String,
    /// How long it is.
    pub bytes: u64,
    /// What it is, e.g. `flac` or `wav`.
    pub format: String,
}
