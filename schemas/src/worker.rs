//! What a worker says of itself, and what it is told.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LineId, Tag, WorkerId};

/// How a worker is: its machine, its engines and what it is doing. Sent every few seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerReport {
    /// Who.
    pub worker: WorkerId,
    /// Names this life of the process: a ULID, made when it started. Tells two processes of one name
    /// apart.
    pub instance: String,
    /// Version of the program, e.g. `0.1.0`.
    pub version: String,
    /// Name of the machine.
    pub host: String,
    /// The machine in one line, e.g. `Apple M4, 16 GB`.
    pub hardware: String,
    /// What its models run on: `cpu`, `cuda` or `metal`.
    pub device: String,
    /// Every engine it has, loaded or not.
    pub engines: Vec<EngineState>,
    /// What it is doing.
    pub state: WorkerState,
    /// One sentence when something is wrong: what, and what to do.
    pub detail: Option<String>,
    /// Voices that it holds ready.
    pub voices_warm: u32,
    /// The line that it finished last, in either stage.
    pub last_line: Option<LineId>,
    /// Lines spoken since it started.
    pub spoken: u64,
    /// Lines mastered since it started.
    pub mastered: u64,
    /// Lines that failed on it since it started, whatever became of them.
    pub failed: u64,
    /// When it started, by its own clock; Unix milliseconds.
    pub started_at_ms: u64,
    /// Tags it was given: lines of submissions that ask for one of them come here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
}

/// One engine of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineState {
    /// Name and version, as in [`crate::LineJob::engine`].
    pub engine: String,
    /// The model it speaks, as voices name it.
    pub model: String,
    /// Whether its weights are in memory.
    pub is_loaded: bool,
    /// Lines it speaks at once.
    pub slots: u32,
    /// Lines it is speaking now.
    pub slots_busy: u32,
    /// Memory that it takes while loaded, in bytes, where it is known.
    pub resident_bytes: Option<u64>,
    /// Seconds of audio made in a second, measured lately over all its slots; absent before the first.
    pub times_real_time: Option<f64>,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// Opening its engines, queue and store.
    Starting,
    /// Asking for work and finding none.
    Idle,
    /// Holding lines.
    Rendering,
    /// Finishing what it holds and taking no more.
    Draining,
    /// Taking no lines until something outside is well again, e.g. the store; `detail` says what.
    Paused,
}

/// What a worker is told when it reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerOrders {
    /// Finish what is held, take no more, and end.
    pub drain: bool,
}
