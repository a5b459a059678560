//! What a worker says of a line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Encoder, MasterKey, SynthKey, WorkerId};

/// What is known of a stored take. Written beside it once the audio is in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TakeFacts {
    /// Names the take.
    pub synth_key: SynthKey,
    /// Samples of one channel.
    pub samples: u64,
    /// Samples a second.
    pub rate_hz: u32,
    /// Integrated loudness in LUFS; absent when too short or too quiet to be measured.
    pub lufs: Option<f32>,
    /// Highest sample, in dBFS; −120 for silence.
    pub peak_dbfs: f32,
    /// Length of the stored object in bytes.
    pub bytes: u64,
    /// Name and version of what spoke it, e.g. `scratch/1 pico`.
    pub engine: String,
    /// Who spoke it.
    pub worker: WorkerId,
    /// From being seated to the last sample, in milliseconds of wall time.
    pub synth_ms: u64,
    /// How much it sounds like the recording its voice is cloned from: the cosine between what the
    /// model hears of either, −1 to 1. Absent for other voices, and where nothing could be heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<f32>,
}

/// A take whose [`TakeFacts::likeness`] is below this has drifted: listen to it.
pub const DRIFTED_BELOW: f32 = 0.5;

impl TakeFacts {
    /// Whether it sounds unlike the voice it is in, as far as could be heard.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        self.likeness.is_some_and(|likeness| likeness < DRIFTED_BELOW)
    }

    /// How long the take is, in milliseconds, rounded down.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.samples * 1_000 / u64::from(self.rate_hz.max(1))
    }
}

/// What is known of a stored master and its delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryFacts {
    /// Names both objects.
    pub master_key: MasterKey,
    /// Samples of one channel, the same in master and delivery.
    pub samples: u64,
    /// Samples a second.
    pub rate_hz: u32,
    /// Integrated loudness of the master in LUFS; absent when too short or too quiet to be measured.
    pub lufs: Option<f32>,
    /// Highest sample of the master, in dBFS.
    pub peak_dbfs: f32,
    /// What was added to the take's level, in dB: the voice's gain, the line's correction, the cast's.
    pub gain_db: f32,
    /// What encoded the delivery.
    pub encoder: Encoder,
    /// Length of the delivery in bytes.
    pub delivery_bytes: u64,
    /// Length of the master in bytes.
    pub master_bytes: u64,
    /// Lower-case hex SHA-256 of the delivery.
    pub delivery_sha256: String,
    /// Time to master and encode, in milliseconds of wall time.
    pub master_ms: u64,
}

impl DeliveryFacts {
    /// How long the delivery is, in milliseconds, rounded down.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.samples * 1_000 / u64::from(self.rate_hz.max(1))
    }
}

/// What became of one leased line in its stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Spoken; the take is in the store.
    Spoken {
        /// What is known of it.
        take: TakeFacts,
    },
    /// Mastered; master and delivery are in the store.
    Mastered {
        /// What is known of them.
        delivery: DeliveryFacts,
    },
    /// Neither; the reason says what to do now.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// Why a line was not rendered, in words a producer can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// What to do about it.
    pub verdict: Verdict,
    /// What sort of thing went wrong.
    pub kind: FailureKind,
    /// One sentence: what happened and what to do. Never holds secrets.
    pub message: String,
}

/// What the queue does about a line that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Queue it again after a back-off; any worker may take it. Costs an attempt.
    Retry,
    /// Never queue it again by itself; a person must change the script, the cast or the machine.
    Reject,
    /// Queue it again at once, elsewhere: this worker is unfit and is shutting down. Costs nothing.
    Quit,
}

/// What sort of thing went wrong; few enough to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The text cannot be spoken, or came out silent.
    Text,
    /// The voice cannot be made ready: missing synthesiser, language, reference or weights.
    Voice,
    /// The device or synthesiser failed.
    Device,
    /// The audio could not be finished or encoded.
    Audio,
    /// The store could not be read or written.
    Store,
    /// The worker died while the line was started.
    Crash,
}
