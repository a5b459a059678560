//! What the scheduler asks for and a worker is handed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    EpisodeId, GroupKey, LeaseId, LineId, SubmissionId, SynthKey, Tag, TakeFacts, Voice, VoiceKey,
};

/// One upload of an episode: what all of its lines share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Submission {
    /// Names it; made of the episode and the plan's hash.
    pub id: SubmissionId,
    /// The episode it is an upload of. A newer submission of an episode replaces an older one.
    pub episode: EpisodeId,
    /// What people call it.
    pub title: String,
    /// Higher goes first; 0 to 9, 5 is usual.
    pub priority: u8,
    /// How often a line may be started before it is given up on; at least 1.
    pub max_attempts: u32,
    /// How its lines are mastered and encoded.
    pub mastering: Mastering,
    /// Its share of the farm among submissions of its priority: one of 3 is given three times the
    /// audio of one of 1. 1 to 100, 1 is usual; the queue takes what is outside as the nearest.
    #[serde(default = "one_share")]
    pub shares: u32,
    /// Every voice it speaks in, each once, ordered by key.
    pub voices: Vec<Voice>,
    /// The trace that its lines are part of, as `traceparent` of W3C Trace Context; absent when none
    /// is kept. Changes nothing about what is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Only workers that have this tag speak its lines; any worker when absent. Whoever is there
    /// masters them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
}

impl Submission {
    /// What a worker has to have to be handed a line of this submission to speak: see [`needed`].
    #[must_use]
    pub fn needs(&self, engine: &str) -> String {
        needed(engine, self.tag.as_ref())
    }
}

/// An engine, and the tag of the workers it has to be on: `scratch/1`, or `scratch/1 on studio-b`.
#[must_use]
pub fn needed(engine: &str, tag: Option<&Tag>) -> String {
    match tag {
        None => engine.to_owned(),
        Some(tag) => format!("{engine} on {tag}"),
    }
}

/// What a submission has that does not say.
fn one_share() -> u32 {
    1
}

/// One line on its way into the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueuedLine {
    /// Position in the script, from 0. Unique within the submission.
    pub order: u32,
    /// Lines of one group can be spoken in one batch.
    pub group: GroupKey,
    /// What is to be done.
    pub job: LineJob,
    /// The take, when it exists already: such a line is only mastered.
    pub take: Option<TakeFacts>,
}

/// One line as a worker needs to know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineJob {
    /// Names the line within its episode.
    pub id: LineId,
    /// The scene's heading, for tags.
    pub scene: String,
    /// Counts the scenes of the script from 1; 0 before the first heading.
    #[serde(default)]
    pub scene_number: u32,
    /// Whether it starts together with the line before: the right half of a dual dialogue.
    #[serde(default)]
    pub is_with_previous: bool,
    /// The character's name as cast, for tags.
    pub character: String,
    /// What is spoken, after the lexicon: directions, notes and markup removed. UTF-8, 1 to 10 000
    /// characters.
    pub text: String,
    /// Silences inside the line, in order of `at`.
    pub pauses: Vec<Pause>,
    /// BCP 47, e.g. `en-US`, `de`.
    pub language: String,
    /// Key of the voice in [`Submission::voices`].
    pub voice: VoiceKey,
    /// Seeds the sampler, so that a retry of a line gives the same audio.
    pub seed: u64,
    /// Name and version of the engine that has to speak it, as in [`crate::SynthInputs::engine`]; only
    /// workers that have exactly this engine are handed the line.
    #[serde(default)]
    pub engine: String,
    /// Names the take that comes of it: a hash of all that decides its samples.
    pub synth_key: SynthKey,
    /// What the cast adds to the line's level, in dB; 0 is usual.
    pub gain_db: f32,
    /// How long the line is expected to be, in milliseconds. Orders and bounds batches.
    pub estimated_ms: u32,
}

/// A silence that a direction such as `(beat)` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pause {
    /// Byte offset into [`LineJob::text`], on a character boundary: the silence comes before it.
    pub at: u32,
    /// Length in milliseconds.
    pub ms: u32,
}

/// How takes become masters and deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mastering {
    /// Sample rate of masters and deliveries, in Hz: 24 000, 44 100 or 48 000.
    pub rate_hz: u32,
    /// Where a voice's loudness goes over the whole episode, in LUFS (EBU R128), e.g. −20.
    pub target_lufs: f32,
    /// How far one line may be moved beyond its voice's gain towards the target, in dB, each way.
    pub line_correction_db: f32,
    /// The highest a sample may come out, in dBFS, e.g. −1.
    pub ceiling_dbfs: f32,
    /// Silence kept before the first sound, in milliseconds.
    pub head_ms: u32,
    /// Silence kept after the last sound, in milliseconds.
    pub tail_ms: u32,
    /// Length of the fade at either end, in milliseconds.
    pub fade_ms: u32,
    /// Bit rate of the delivery, in bits a second: 24 000 to 256 000.
    pub bitrate_bps: u32,
}

impl Default for Mastering {
    /// 24 kHz at −20 LUFS within 3 dB, peaks to −1 dBFS, 40 ms head, 120 ms tail, 5 ms fades,
    /// 64 kbit/s.
    fn default() -> Self {
        Self {
            rate_hz: 24_000,
            target_lufs: -20.0,
            line_correction_db: 3.0,
            ceiling_dbfs: -1.0,
            head_ms: 40,
            tail_ms: 120,
            fade_ms: 5,
            bitrate_bps: 64_000,
        }
    }
}

/// What encoded a delivery; part of its key, because encoders' bytes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// The pure Rust encoder, on every platform.
    Syom,
    /// Apple's, on macOS.
    AudioToolbox,
}

/// Which of its two stages a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// To be spoken: text becomes a take.
    Speak,
    /// To be mastered: the take becomes a master and a delivery. Starts once every line of the
    /// voice in the submission is spoken or given up on, because they share one gain.
    Master,
}

/// What one worker holds: lines of one group and stage, to be settled before `expires_at_ms`.
///
/// A lease is a promise with an end. A worker that falls silent loses it, and the lines go back to
/// the queue; a worker that reports after losing it is told so and throws its audio away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Batch {
    /// Fences every report about these lines.
    pub lease: LeaseId,
    /// Unix milliseconds of the queue's clock. Extended by every renewal.
    pub expires_at_ms: u64,
    /// Whose lines these are.
    pub submission: SubmissionId,
    /// The episode, for tags.
    pub episode: EpisodeId,
    /// The episode's title, for tags.
    pub title: String,
    /// What is to be done with all of them.
    pub stage: Stage,
    /// What they have in common.
    pub group: GroupKey,
    /// The voice they are spoken in.
    pub voice: Voice,
    /// How they are mastered.
    pub mastering: Mastering,
    /// The submission's trace, as in [`Submission::trace`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Shortest first when to be spoken, in script order when to be mastered. Never empty.
    pub lines: Vec<LeasedLine>,
}

/// One line inside a [`Batch`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeasedLine {
    /// How often it was started before, in this stage.
    pub attempts: u32,
    /// What is to be done.
    pub job: LineJob,
    /// Its take; always there in [`Stage::Master`], never in [`Stage::Speak`].
    pub take: Option<TakeFacts>,
}
