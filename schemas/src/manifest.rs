//! What an episode became.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    DeliveryFacts, EpisodeId, Failure, LineId, Mastering, SubmissionId, TakeFacts, Voice, VoiceKey,
};

/// What a submission became: every line in script order, delivered or not, and why not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Version of this layout; 1. A reader refuses versions it does not know.
    pub version: u32,
    /// The episode.
    pub episode: EpisodeId,
    /// Which upload of it.
    pub submission: SubmissionId,
    /// What people call it.
    pub title: String,
    /// How its lines were mastered.
    pub mastering: Mastering,
    /// Every voice it speaks in, by key.
    pub voices: Vec<ManifestVoice>,
    /// Sums over the lines.
    pub totals: Totals,
    /// What this upload changed against the one before; absent for the first.
    pub edits: Option<Edits>,
    /// Every spoken line, in script order.
    pub lines: Vec<ManifestLine>,
}

/// A voice and its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestVoice {
    /// Hash of all that decides its sound: its version.
    pub key: VoiceKey,
    /// The voice.
    pub voice: Voice,
}

/// Sums over a manifest's lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// All lines.
    pub lines: u64,
    /// Those delivered.
    pub delivered: u64,
    /// Those given up on.
    pub failed: u64,
    /// Those neither, because they are still open or were cancelled.
    pub pending: u64,
    /// Audio delivered, in milliseconds.
    pub audio_ms: u64,
    /// Wall time it took to speak them, summed over lines, in milliseconds.
    pub synth_ms: u64,
    /// Delivered lines that sound unlike their voice; see [`TakeFacts::has_drifted`].
    #[serde(default)]
    pub drifted: u64,
    /// Wall time it took to master them, summed over lines, in milliseconds.
    pub master_ms: u64,
    /// Lines delivered whose take somebody approved.
    #[serde(default)]
    pub approved: u64,
}

/// What one upload changed against the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edits {
    /// Lines that stood before but whose audio is made of something else now.
    pub changed: u64,
    /// Lines that did not stand before.
    pub new: u64,
    /// Lines that stand no more.
    pub removed: u64,
    /// Lines whose take existed already.
    pub reused: u64,
}

/// One line of a manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestLine {
    /// Names the line within its episode, across edits.
    pub id: LineId,
    /// The scene's heading.
    pub scene: String,
    /// Counts the scenes of the script from 1; 0 before the first heading.
    pub scene_number: u32,
    /// Whether it starts together with the line before: the right half of a dual dialogue.
    pub is_with_previous: bool,
    /// How long it was expected to be, in milliseconds: what a missing line is given in the mix.
    pub estimated_ms: u32,
    /// Who speaks.
    pub character: String,
    /// What was spoken, after the lexicon.
    pub text: String,
    /// BCP 47.
    pub language: String,
    /// Key into [`Manifest::voices`].
    pub voice: VoiceKey,
    /// Path of the delivery relative to the manifest's folder, once exported.
    pub file: Option<String>,
    /// Whether somebody approved the very take that was delivered.
    #[serde(default)]
    pub is_approved: bool,
    /// The take that somebody chose in the place of the usual one; absent for the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<ChosenTake>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: LineOutcome,
}

/// A take that somebody chose for a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChosenTake {
    /// Counts the line's takes from 1, in the order in which they were made.
    pub number: u32,
    /// Where it comes from.
    #[serde(flatten)]
    pub kind: ChosenKind,
}

/// Where a chosen take comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChosenKind {
    /// A model spoke it.
    Spoken {
        /// What the model was told beyond the script, e.g. `whispering`.
        direction: Option<String>,
    },
    /// A person recorded it.
    Recorded {
        /// Who, as the production calls them.
        performer: String,
        /// Where their consent is recorded, in the production's words.
        consent: Option<String>,
    },
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum LineOutcome {
    /// In the store.
    Delivered {
        /// The take.
        take: TakeFacts,
        /// Master and delivery made of it.
        delivery: DeliveryFacts,
        /// How often it was started in its last stage.
        attempts: u32,
    },
    /// Given up on.
    Failed {
        /// Why.
        failure: Failure,
        /// How often it was started.
        attempts: u32,
    },
    /// Still open, or cancelled.
    Pending {
        /// Where it stands: `waiting`, `leased`, `delayed`, `held` or `cancelled`.
        state: crate::LineState,
    },
}
