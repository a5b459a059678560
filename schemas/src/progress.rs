//! Where lines and submissions stand: one set of counters for every view of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    DeliveryFacts, EpisodeId, Failure, LineJob, Stage, SubmissionId, TakeFacts, VoiceKey, WorkerId,
};

/// Where a line stands.
///
/// ```text
///              claim             settle: ok            voice complete
///  Waiting ───────────▶ Leased ────────────▶ Held ─────────────────────▶ Waiting (master)
///   ▲   ▲               │ │ │  └ settle: ok, mastered ▶ Done
///   │   └─ release ─────┘ │ └─── settle: reject ──────▶ Failed
///   │      or expire      │                               │
///   └─ due ── Delayed ◀───┘ settle: retry                 │ retry
///   ▲                                                     │
///   └─────────────────────────────────────────────────────┘
///  any but Done and Failed ── cancel ──▶ Cancelled
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// Can be claimed.
    Waiting,
    /// Held by one worker until its lease ends.
    Leased,
    /// Failed, and waiting for its back-off to pass.
    Delayed,
    /// Spoken; waits for the other lines of its voice, whose loudness decides its gain.
    Held,
    /// Delivery in the store. Final.
    Done,
    /// Given up on; the reason is kept. Final until retried by hand.
    Failed,
    /// Not wanted any more. Final until retried by hand.
    Cancelled,
}

impl LineState {
    /// Whether nothing more happens to the line by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// Where a submission stands as a whole; follows from its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubmissionState {
    /// Has lines that are not final.
    Active,
    /// The same, but no line of it is handed out until it is resumed.
    Paused,
    /// Every line is done.
    Done,
    /// Every line is final and at least one failed.
    Failed,
    /// Cancelled by hand or replaced by a newer submission of the episode.
    Cancelled,
}

/// Lines by where they stand. Sums to the submission's lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// To be spoken and not held by anyone.
    pub waiting: u64,
    /// Being spoken.
    pub speaking: u64,
    /// Waiting out a back-off, in either stage.
    pub delayed: u64,
    /// Spoken; not yet being mastered.
    pub spoken: u64,
    /// Being mastered.
    pub mastering: u64,
    /// Delivered.
    pub done: u64,
    /// Given up on.
    pub failed: u64,
    /// Not wanted any more.
    pub cancelled: u64,
}

impl Counts {
    /// All lines.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.open() + self.done + self.failed + self.cancelled
    }

    /// Lines to which something will still happen by itself.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.waiting + self.speaking + self.delayed + self.spoken + self.mastering
    }
}

/// Where a line stands, over both stages: each has its counter in [`Counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// To be spoken and not held by anyone.
    Waiting,
    /// Being spoken.
    Speaking,
    /// Waiting out a back-off, in either stage.
    Delayed,
    /// Spoken; not yet being mastered.
    Spoken,
    /// Being mastered.
    Mastering,
    /// Delivered.
    Done,
    /// Given up on.
    Failed,
    /// Not wanted any more.
    Cancelled,
}

impl Standing {
    /// All of them, in the order in which lines usually go through them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Speaking,
        Self::Delayed,
        Self::Spoken,
        Self::Mastering,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Where a line of this stage and state stands.
    #[must_use]
    pub fn of(stage: Stage, line: LineState) -> Self {
        match (line, stage) {
            (LineState::Waiting, Stage::Speak) => Self::Waiting,
            (LineState::Leased, Stage::Speak) => Self::Speaking,
            (LineState::Delayed, Stage::Speak | Stage::Master) => Self::Delayed,
            (LineState::Waiting, Stage::Master) => Self::Spoken,
            (LineState::Held, Stage::Speak | Stage::Master) => Self::Spoken,
            (LineState::Leased, Stage::Master) => Self::Mastering,
            (LineState::Done, Stage::Speak | Stage::Master) => Self::Done,
            (LineState::Failed, Stage::Speak | Stage::Master) => Self::Failed,
            (LineState::Cancelled, Stage::Speak | Stage::Master) => Self::Cancelled,
        }
    }

    /// Its word, as the fields of [`Counts`] are named.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Speaking => "speaking",
            Self::Delayed => "delayed",
            Self::Spoken => "spoken",
            Self::Mastering => "mastering",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Counts {
    /// The counter of lines that stand there.
    #[must_use]
    pub fn of(&self, standing: Standing) -> u64 {
        let mut copy = *self;
        *copy.of_mut(standing)
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, standing: Standing) -> &mut u64 {
        match standing {
            Standing::Waiting => &mut self.waiting,
            Standing::Speaking => &mut self.speaking,
            Standing::Delayed => &mut self.delayed,
            Standing::Spoken => &mut self.spoken,
            Standing::Mastering => &mut self.mastering,
            Standing::Done => &mut self.done,
            Standing::Failed => &mut self.failed,
            Standing::Cancelled => &mut self.cancelled,
        }
    }
}

/// How far a submission is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Which submission.
    pub submission: SubmissionId,
    /// Of which episode.
    pub episode: EpisodeId,
    /// What people call it.
    pub title: String,
    /// Where it stands as a whole.
    pub state: SubmissionState,
    /// Higher goes first.
    pub priority: u8,
    /// Lines by where they stand.
    pub lines: Counts,
    /// Estimated audio of all lines, in milliseconds.
    pub estimated_ms: u64,
    /// Estimated audio of the lines not yet spoken, in milliseconds.
    pub estimated_open_ms: u64,
    /// Audio spoken so far, in milliseconds, takes that existed before included.
    pub audio_ms: u64,
    /// Wall time spent speaking so far, summed over workers, in milliseconds.
    pub synth_ms: u64,
    /// When it was submitted: Unix milliseconds, UTC, by the queue's clock.
    pub submitted_at_ms: u64,
    /// When something last happened to one of its lines; Unix milliseconds.
    pub changed_at_ms: u64,
}

/// All that the queue knows of one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineRecord {
    /// Position in the script, from 0.
    pub order: u32,
    /// What was asked for.
    pub job: LineJob,
    /// Which stage it is in.
    pub stage: Stage,
    /// Where it stands in that stage.
    pub state: LineState,
    /// How often it was started in this stage.
    pub attempts: u32,
    /// Who holds it, or held it last.
    pub worker: Option<WorkerId>,
    /// The take, once spoken.
    pub take: Option<TakeFacts>,
    /// Master and delivery, once done.
    pub delivery: Option<DeliveryFacts>,
    /// Why it failed last, also when it is to be tried again.
    pub failure: Option<Failure>,
    /// When its state last changed; Unix milliseconds by the queue's clock.
    pub changed_at_ms: u64,
}

impl LineRecord {
    /// The voice it is spoken in.
    #[must_use]
    pub fn voice(&self) -> &VoiceKey {
        &self.job.voice
    }
}

/// Something that happened to a line; kept in order, for following along.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueEvent {
    /// Counts up without end; later events have higher numbers.
    pub number: u64,
    /// When; Unix milliseconds by the queue's clock.
    pub at_ms: u64,
    /// Whose line.
    pub submission: SubmissionId,
    /// Which line; absent when it concerns the whole submission.
    pub line: Option<crate::LineId>,
    /// Which stage the line is in.
    pub stage: Option<Stage>,
    /// Where the line stands now.
    pub state: Option<LineState>,
    /// Who did it, when it was a worker.
    pub worker: Option<WorkerId>,
    /// One lower-case word or two: `submitted`, `claimed`, `started`, `spoken`, `mastered`,
    /// `failed`, `retrying`, `expired`, `released`, `retried`, `cancelled`, `paused`, `resumed`,
    /// `voice complete`.
    pub what: String,
    /// A sentence more, e.g. a failure's.
    pub detail: Option<String>,
}
