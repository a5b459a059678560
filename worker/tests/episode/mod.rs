//! An episode on its way into the queue.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use queue::NewSubmission;
use schemas::{
    EpisodeId, GroupKey, LineId, LineJob, Mastering, QueuedLine, Submission, SubmissionId,
    SynthInputs, Voice,
};

/// A submission of one line a text, spoken by the voices in turn.
pub(crate) fn submission(engine: &str, voices: &[Voice], texts: &[String]) -> NewSubmission {
    let episode = EpisodeId::parse("night-ferry").unwrap();
    let lines = texts.iter().zip(voices.iter().cycle()).zip(0..);
    let lines = lines.map(|((text, voice), order)| line(engine, voice, text, order)).collect();
    let submission = Submission {
        id: SubmissionId::new(&episode, "0123456789abcdef"),
        episode,
        title: "Night Ferry".to_owned(),
        priority: 5,
        max_attempts: 3,
        mastering: Mastering::default(),
        shares: 1,
        tag: None,
        voices: voices.to_vec(),
        trace: None,
    };
    NewSubmission { submission, lines }
}

fn line(engine: &str, voice: &Voice, text: &str, order: u32) -> QueuedLine {
    let language = "en";
    let inputs = SynthInputs {
        text,
        pauses: &[],
        model: &voice.model,
        source: &voice.source,
        language,
        engine,
        seed: 7,
    };
    let job = LineJob {
        id: LineId::new(1, order + 1),
        scene: "INT. WHEELHOUSE - NIGHT".to_owned(),
        scene_number: 1,
        is_with_previous: false,
        character: voice.name.to_uppercase(),
        text: text.to_owned(),
        pauses: Vec::new(),
        language: language.to_owned(),
        voice: voice.key(),
        seed: 7,
        engine: if voice.model == "giant" { "giant".to_owned() } else { engine.to_owned() },
        synth_key: inputs.key(),
        gain_db: 0.0,
        estimated_ms: 500,
    };
    QueuedLine { order, group: GroupKey::new(voice, language), job, take: None }
}

/// `count` texts, all different.
pub(crate) fn texts(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("This is line {at} of the play.")).collect()
}
