//! From a plan to what the queue takes.

use std::collections::BTreeMap;

use queue::NewSubmission;
use schemas::{
    EpisodeId, ManifestVoice, Mastering, QueuedLine, Submission, SubmissionId, SynthKey, Tag,
    TakeFacts, VoiceKey,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Plan, PlannedLine};

/// What a submission says beyond its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmissionSettings {
    /// The episode it is an upload of.
    pub episode: EpisodeId,
    /// Higher goes first; 0 to 9.
    pub priority: u8,
    /// How often a line may be started; at least 1.
    pub max_attempts: u32,
    /// Its share of the farm among submissions of its priority; 1 to 100.
    pub shares: u32,
    /// The tag of the workers that are to speak it; any worker when absent.
    pub tag: Option<Tag>,
    /// How its lines are mastered and encoded.
    pub mastering: Mastering,
    /// Takes that are in the store already; others than the plan's do not matter.
    pub takes: BTreeMap<SynthKey, TakeFacts>,
    /// How often it was begun anew because the store had lost its audio; 0 at first, and part of
    /// the id from then on.
    pub restart: u32,
}

/// Makes the submission of a plan: pure, and always the same for the same plan and settings.
///
/// Its id is made of the episode and of all that decides what is delivered: title, lines, voices
/// and mastering. Priority, shares, attempts, tag and what is rendered already change nothing about that.
#[must_use]
pub fn to_submission(plan: &Plan, settings: &SubmissionSettings) -> NewSubmission {
    let lines = plan.lines.iter().map(|line| queued(line, &settings.takes)).collect();
    submission_of(&plan.title, plan.voices.clone(), lines, settings)
}

/// The submission of lines that are planned already, with a name made as [`to_submission`] makes it.
#[must_use]
pub(crate) fn submission_of(
    title: &str,
    voices: Vec<ManifestVoice>,
    lines: Vec<QueuedLine>,
    settings: &SubmissionSettings,
) -> NewSubmission {
    let SubmissionSettings { episode, priority, max_attempts, mastering, .. } = settings;
    let hash = plan_hash(title, &voices, &lines, settings);
    let submission = Submission {
        id: SubmissionId::new(&fitting(episode), &hash),
        episode: episode.clone(),
        title: title.to_owned(),
        priority: (*priority).min(9),
        max_attempts: (*max_attempts).max(1),
        mastering: mastering.clone(),
        shares: settings.shares.clamp(1, 100),
        voices: voices.into_iter().map(|keyed| keyed.voice).collect(),
        trace: None,
        tag: settings.tag.clone(),
    };
    NewSubmission { submission, lines }
}

fn queued(line: &PlannedLine, takes: &BTreeMap<SynthKey, TakeFacts>) -> QueuedLine {
    QueuedLine {
        order: line.order,
        group: line.group.clone(),
        job: line.job.clone(),
        take: takes.get(&line.job.synth_key).cloned(),
    }
}

/// The episode's id, cut so that a dash and twelve digits still fit behind it.
fn fitting(episode: &EpisodeId) -> EpisodeId {
    let short = episode.as_str().get(..67).unwrap_or(episode.as_str());
    EpisodeId::parse(short).expect("the beginning of an id is an id")
}

/// What of a line decides the bytes delivered and what is said of them.
#[derive(Serialize)]
struct Weighed<'a> {
    id: &'a str,
    scene: &'a str,
    scene_number: u32,
    is_with_previous: bool,
    character: &'a str,
    voice: &'a VoiceKey,
    synth_key: &'a SynthKey,
    gain_db: f32,
}

fn plan_hash(
    title: &str,
    voices: &[ManifestVoice],
    lines: &[QueuedLine],
    settings: &SubmissionSettings,
) -> String {
    let SubmissionSettings { episode, mastering, restart, .. } = settings;
    let mut hasher = Sha256::new();
    let mut weigh = |json: serde_json::Result<Vec<u8>>| {
        hasher.update(json.expect("our own plain structs always serialise"));
        hasher.update([0]);
    };
    // The whole id, because ids are made of its beginning only.
    weigh(serde_json::to_vec(&("submission/1", episode, title, mastering)));
    for line in lines {
        let job = &line.job;
        weigh(serde_json::to_vec(&Weighed {
            id: job.id.as_str(),
            scene: &job.scene,
            scene_number: job.scene_number,
            is_with_previous: job.is_with_previous,
            character: &job.character,
            voice: &job.voice,
            synth_key: &job.synth_key,
            gain_db: job.gain_db,
        }));
    }
    for keyed in voices {
        weigh(serde_json::to_vec(keyed));
    }
    if *restart > 0 {
        weigh(serde_json::to_vec(&("restart", restart)));
    }
    schemas::hex(&hasher.finalize())
}
