//! The words that cross a process border, their JSON Schemas and object keys.
//!
//! Everything that one Tableread process writes and another reads is a type of this crate: what a
//! queue row holds, what an object is called, what a manifest says. Types here hold facts and no
//! behaviour beyond naming and hashing; `schemas/json/` holds their JSON Schemas for other
//! languages, kept current by a test.

mod ids;
mod job;
mod keys;
mod manifest;
mod progress;
mod report;
#[cfg(test)]
mod schema_files;
mod voice;
mod worker;

pub use ids::{BadId, EpisodeId, LeaseId, LineId, SubmissionId, Tag, WorkerId};
pub use job::{
    Batch, Encoder, LeasedLine, LineJob, Mastering, Pause, QueuedLine, Stage, Submission, needed,
};
pub use keys::{
    GroupKey, LARGEST_RECORDING, LockKey, MasterInputs, MasterKey, PromptKey, RecordingKey,
    SynthInputs, SynthKey, VoiceKey, VoiceObjectKey, delivery_object, edits_object, hex,
    ledger_object, lock_object, manifest_object, master_object, prompt_object, recording_object,
    take_facts_object, take_object, take_steps_prefix, voice_prompt_object,
};
pub use manifest::{
    ChosenKind, ChosenTake, Edits, LineOutcome, Manifest, ManifestLine, ManifestVoice, Totals,
};
pub use progress::{
    Counts, LineRecord, LineState, Progress, QueueEvent, Standing, SubmissionState,
};
pub use report::{DRIFTED_BELOW, DeliveryFacts, Failure, FailureKind, Outcome, TakeFacts, Verdict};
pub use voice::{ReferenceTake, ScratchSynthesiser, Voice, VoiceSource};
pub use worker::{EngineState, WorkerOrders, WorkerReport, WorkerState};
