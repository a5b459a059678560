//! Small submissions, workers and outcomes to try a queue with.

use std::collections::BTreeSet;

use queue::{NewSubmission, Queue, Selection, Want};
use schemas::{
    Batch, DeliveryFacts, Encoder, EpisodeId, Failure, FailureKind, GroupKey, LineId, LineJob,
    LineRecord, LineState, MasterKey, Mastering, Outcome, QueuedLine, ScratchSynthesiser, Stage,
    Submission, SubmissionId, SynthKey, TakeFacts, Verdict, Voice, VoiceSource, WorkerId,
};

pub(crate) const LEASE_MS: u64 = 10_000;

/// The voice called `name`; one whose name starts with `x` needs the model `big`.
pub(crate) fn voice(name: &str) -> Voice {
    let model = if name.starts_with('x') { "big" } else { "scratch" };
    let source = VoiceSource::Scratch {
        synthesiser: ScratchSynthesiser::Pico,
        base: Some(name.to_owned()),
        pitch: 1.0,
        formant: 1.0,
        rate: 1.0,
    };
    Voice { name: name.to_owned(), model: model.to_owned(), source }
}

/// The engine of the voice called `name`.
fn engine(name: &str) -> &'static str {
    if name.starts_with('x') { "big/2" } else { "scratch/1" }
}

pub(crate) fn group(name: &str) -> GroupKey {
    GroupKey::new(&voice(name), "en")
}

pub(crate) fn id(number: usize) -> LineId {
    LineId::new(1, u32::try_from(number).unwrap())
}

pub(crate) fn submission_id(name: &str) -> SubmissionId {
    SubmissionId::parse(name).unwrap()
}

/// Submission `name` of episode `name` up to its first dot, with a line for each voice and length.
pub(crate) fn submission(name: &str, lines: &[(&str, u32)]) -> NewSubmission {
    let mut voices: Vec<_> = lines.iter().map(|(name, _)| voice(name)).collect();
    voices.sort_by_key(Voice::key);
    voices.dedup();
    let lines = (1..).zip(lines);
    NewSubmission {
        submission: Submission {
            id: submission_id(name),
            episode: EpisodeId::parse(name.split('.').next().unwrap()).unwrap(),
            title: format!("Title of {name}"),
            priority: 5,
            max_attempts: 3,
            mastering: Mastering::default(),
            shares: 1,
            tag: None,
            voices,
            trace: None,
        },
        lines: lines.map(|(number, (voice, ms))| queued(number, voice, *ms)).collect(),
    }
}

fn queued(number: usize, name: &str, estimated_ms: u32) -> QueuedLine {
    let job = LineJob {
        id: id(number),
        scene: "INT. HOUSE".to_owned(),
        scene_number: 1,
        is_with_previous: false,
        character: name.to_uppercase(),
        text: format!("Line {number}."),
        pauses: Vec::new(),
        language: "en".to_owned(),
        voice: voice(name).key(),
        seed: 7,
        engine: engine(name).to_owned(),
        synth_key: SynthKey::parse(format!("{number:064x}")).unwrap(),
        gain_db: 0.0,
        estimated_ms,
    };
    QueuedLine { order: u32::try_from(number - 1).unwrap(), group: group(name), job, take: None }
}

pub(crate) fn want(worker: &str) -> Want {
    Want {
        worker: WorkerId::parse(worker).unwrap(),
        warm: Vec::new(),
        engines: BTreeSet::from(["scratch/1".to_owned()]),
        tags: BTreeSet::new(),
        max_lines: 100,
        max_audio_ms: u64::MAX,
        lease_ms: LEASE_MS,
    }
}

pub(crate) fn take(number: usize) -> TakeFacts {
    TakeFacts {
        synth_key: SynthKey::parse(format!("{number:064x}")).unwrap(),
        samples: 24_000,
        rate_hz: 24_000,
        lufs: Some(-20.0),
        peak_dbfs: -3.0,
        bytes: 96_044,
        engine: "scratch/1 pico".to_owned(),
        worker: WorkerId::parse("w").unwrap(),
        synth_ms: 40,
        likeness: None,
    }
}

pub(crate) fn spoken() -> Outcome {
    Outcome::Spoken { take: take(1) }
}

pub(crate) fn mastered() -> Outcome {
    let delivery = DeliveryFacts {
        master_key: MasterKey::parse("a".repeat(64)).unwrap(),
        samples: 24_000,
        rate_hz: 24_000,
        lufs: Some(-20.0),
        peak_dbfs: -3.0,
        gain_db: 0.5,
        encoder: Encoder::Syom,
        delivery_bytes: 8_000,
        master_bytes: 72_044,
        delivery_sha256: "b".repeat(64),
        master_ms: 3,
    };
    Outcome::Mastered { delivery }
}

/// What finishes a line of the stage.
pub(crate) fn good(stage: Stage) -> Outcome {
    match stage {
        Stage::Speak => spoken(),
        Stage::Master => mastered(),
    }
}

pub(crate) fn failed(verdict: Verdict) -> Outcome {
    let message = "the device is too hot: let it cool down".to_owned();
    Outcome::Failed { failure: Failure { verdict, kind: FailureKind::Device, message } }
}

pub(crate) fn all_of(submission: &str) -> Selection {
    Selection { submission: submission_id(submission), line: None, character: None }
}

pub(crate) fn line_of(submission: &str, number: usize) -> Selection {
    Selection { line: Some(id(number)), ..all_of(submission) }
}

/// Claims, and expects a batch.
pub(crate) async fn claim(queue: &dyn Queue, want: &Want) -> Batch {
    queue.claim(want).await.unwrap().expect("something to be done")
}

/// Settles every line of a batch well.
pub(crate) async fn finish(queue: &dyn Queue, batch: &Batch) {
    for line in &batch.lines {
        queue.start(&batch.lease, &line.job.id).await.unwrap();
        let fence = queue.settle(&batch.lease, &line.job.id, &good(batch.stage)).await.unwrap();
        assert_eq!(fence, queue::Fence::Held, "{}", line.job.id);
    }
}

/// Claims and finishes until nothing is left to be done now.
pub(crate) async fn drain(queue: &dyn Queue, want: &Want) -> usize {
    let mut lines = 0;
    while let Some(batch) = queue.claim(want).await.unwrap() {
        finish(queue, &batch).await;
        lines += batch.lines.len();
    }
    lines
}

pub(crate) async fn record(queue: &dyn Queue, submission: &str, number: usize) -> LineRecord {
    let lines = queue.lines(&submission_id(submission)).await.unwrap();
    lines.into_iter().find(|line| line.job.id == id(number)).unwrap()
}

/// Where the lines stand, in script order.
pub(crate) async fn states(queue: &dyn Queue, submission: &str) -> Vec<(Stage, LineState)> {
    let lines = queue.lines(&submission_id(submission)).await.unwrap();
    lines.iter().map(|line| (line.stage, line.state)).collect()
}

/// The numbers of the lines of a batch.
pub(crate) fn numbers(batch: &Batch) -> Vec<usize> {
    let number = |line: &schemas::LeasedLine| line.job.id.as_str()[7..].parse().unwrap();
    batch.lines.iter().map(number).collect()
}
