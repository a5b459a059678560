//! Submissions that no screenplay is needed for.

use queue::NewSubmission;
use schemas::{
    EpisodeId, GroupKey, LineId, LineJob, Mastering, QueuedLine, ScratchSynthesiser, Submission,
    SubmissionId, SynthInputs, Voice, VoiceSource,
};

/// What has to speak them.
pub const ENGINE: &str = engine::scratch::ENGINE;

/// Lines of six voices, all different, of half a second each.
///
/// # Panics
/// When `name` is no usable id.
#[must_use]
pub fn submission(name: &str, lines: usize) -> NewSubmission {
    let episode = EpisodeId::parse(name).expect("trials name their episodes in plain letters");
    let voices: Vec<Voice> = ["ann", "ben", "cleo", "dan", "eve", "finn"].map(voice).into();
    let line = |(order, voice): (u32, &Voice)| line(name, voice, order);
    let count = u32::try_from(lines).unwrap_or(u32::MAX);
    let lines = (0..count).zip(voices.iter().cycle()).map(line).collect();
    let submission = Submission {
        id: SubmissionId::new(&episode, "0123456789abcdef"),
        episode,
        title: name.to_owned(),
        priority: 5,
        max_attempts: 100,
        shares: 1,
        tag: None,
        mastering: Mastering::default(),
        voices,
        trace: None,
    };
    NewSubmission { submission, lines }
}

fn voice(name: &str) -> Voice {
    let source = VoiceSource::Scratch {
        synthesiser: ScratchSynthesiser::Pico,
        base: Some(name.to_owned()),
        pitch: 1.0,
        formant: 1.0,
        rate: 1.0,
    };
    Voice { name: name.to_owned(), model: "scratch".to_owned(), source }
}

fn line(name: &str, voice: &Voice, order: u32) -> QueuedLine {
    let language = "en-GB";
    let text = format!("This is line {order} of {name}.");
    let inputs = SynthInputs {
        text: &text,
        pauses: &[],
        model: &voice.model,
        source: &voice.source,
        language,
        engine: ENGINE,
        seed: 7,
    };
    let synth_key = inputs.key();
    let job = LineJob {
        id: LineId::new(1, order + 1),
        scene: "INT. WHEELHOUSE - NIGHT".to_owned(),
        scene_number: 1,
        is_with_previous: false,
        character: voice.name.to_uppercase(),
        text,
        pauses: Vec::new(),
        language: language.to_owned(),
        voice: voice.key(),
        seed: 7,
        engine: ENGINE.to_owned(),
        synth_key,
        gain_db: 0.0,
        estimated_ms: 500,
    };
    QueuedLine { order, group: GroupKey::new(voice, language), job, take: None }
}
