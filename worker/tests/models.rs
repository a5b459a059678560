//! Models and the queue: lines reach the engine they were planned for, with their voices warm.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared with tests that use more of it")]
mod episode;
mod releases;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
mod stage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::qwen3_tts::Processor;
use engine::qwen3_tts::weights::WeightFormat;
use episode::submission;
use queue::NewSubmission;
use releases::releases;
use schemas::{
    FailureKind, LineState, RecordingKey, ReferenceTake, Voice, VoiceSource, recording_object,
};
use stage::{BOUND, Stage, settings};
use tokio_util::sync::CancellationToken;
use worker::{Engines, LocalModels, ModelSettings, Programs, Report, WorkerError, scratch_speaker};

const BASE: &str = "qwen3-tts-12hz-0.6b-base";
const PRESETS: &str = "qwen3-tts-12hz-1.7b-customvoice";

struct Studio {
    stage: Stage,
    models: ModelSettings,
}

impl Studio {
    async fn with(names: &[&str]) -> Self {
        let stage = Stage::new().await;
        let folder = stage.folder.path();
        releases(&folder.join("models"), names);
        let models = ModelSettings {
            folders: vec![folder.join("models")],
            processor: Processor::Cpu,
            weights: WeightFormat::Native,
            slots: Some(4),
            memory_bytes: None,
            idle_unload: Duration::from_mins(10),
            cache_dir: folder.join("cache"),
        };
        Self { stage, models }
    }

    fn engines(&self) -> BTreeMap<String, String> {
        LocalModels::all(&self.models).unwrap().engines()
    }

    /// Queues lines, each planned for the engine of its voice's model.
    async fn queue(&self, voices: &[Voice], texts: &[&str]) {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let engines = self.engines();
        let mut whole: Option<NewSubmission> = None;
        for voice in voices {
            let engine = engines.get(&voice.model).cloned().unwrap_or_else(|| "nobody/1".into());
            let planned = submission(&engine, voices, &texts);
            match &mut whole {
                None => whole = Some(planned),
                Some(whole) => {
                    for (line, other) in whole.lines.iter_mut().zip(planned.lines) {
                        if other.job.voice == voice.key() {
                            *line = other;
                        }
                    }
                }
            }
        }
        self.stage.queue.submit(whole.unwrap()).await.unwrap();
    }

    async fn run(&self, name: &str) -> Result<Report, WorkerError> {
        let cache = self.models.cache_dir.clone();
        let scratch = move || scratch_speaker(1, &cache, &Programs::default());
        let scratch = Engines::open(1, scratch).await.unwrap();
        let engines = LocalModels::all(&self.models).unwrap().beside(scratch).unwrap();
        let (queue, store) = (self.stage.queue.clone(), self.stage.store.clone());
        let settings = worker::Settings { lease_ms: 30_000, ..settings(name) };
        let run = worker::run_with(settings, queue, store, engines, CancellationToken::new());
        tokio::time::timeout(BOUND * 3, run).await.expect("the worker returns")
    }
}

fn preset(speaker: &str) -> Voice {
    let source = VoiceSource::Preset { speaker: speaker.to_owned(), instruct: None };
    Voice { name: speaker.to_owned(), model: PRESETS.to_owned(), source }
}

fn recording() -> (PathBuf, RecordingKey) {
    let path = fixtures::path("casts/voices/anna-neutral.wav");
    let key = RecordingKey::of(&std::fs::read(&path).unwrap());
    (path, key)
}

fn clone_of(key: &RecordingKey, transcript: Option<&str>) -> Voice {
    let (audio_sha256, transcript) = (key.to_string(), transcript.map(str::to_owned));
    let reference = ReferenceTake { mood: "neutral".to_owned(), audio_sha256, transcript };
    let name = if reference.transcript.is_some() { "anna" } else { "anna's timbre" };
    Voice {
        name: name.to_owned(),
        model: BASE.to_owned(),
        source: VoiceSource::Clone { reference },
    }
}

async fn put_recording(studio: &Studio, file: &Path, key: &RecordingKey) {
    let bytes = std::fs::read(file).unwrap();
    studio.stage.store.put(&recording_object(key), bytes).await.unwrap();
}

/// In the voices and with the seed that these tests say them with, all of them end.
const TEXTS: [&str; 8] = [
    "Stand and unfold yourself.",
    "Nay, answer me.",
    "Long live the king!",
    "He.",
    "You come most carefully upon your hour.",
    "Who's there?",
    "Get thee to bed.",
    "'Tis now struck twelve.",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_is_made_ready_once_however_many_lines_it_has() {
    let studio = Studio::with(&["base-0b6", "custom_voice-1b7"]).await;
    let (file, key) = recording();
    put_recording(&studio, &file, &key).await;
    let transcript = "The tide does not care what day it is, and neither do I.";
    let voices =
        [preset("ryan"), clone_of(&key, Some(transcript)), preset("serena"), clone_of(&key, None)];
    studio.queue(&voices, &TEXTS).await;
    let report = studio.run("one").await.unwrap();
    assert_eq!((report.spoken, report.mastered, report.failed), (8, 8, 0), "{report:?}");
    assert_eq!(report.voices, 4, "{report:?}");
    let engines = studio.engines();
    for line in studio.stage.lines().await {
        let take = line.take.unwrap();
        let model = if line.job.character.starts_with("ANNA") { BASE } else { PRESETS };
        assert_eq!((&take.engine, &line.job.engine), (&engines[model], &engines[model]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_that_do_not_fit_together_take_turns_and_say_the_same() {
    let studio = Studio::with(&["custom_voice-0b6", "custom_voice-1b7"]).await;
    let small = |speaker: &str| Voice {
        model: "qwen3-tts-12hz-0.6b-customvoice".to_owned(),
        ..preset(speaker)
    };
    let voices = [preset("ryan"), small("ryan")];
    studio.queue(&voices, &TEXTS[..4]).await;
    assert_eq!(studio.run("roomy").await.unwrap().spoken, 4);

    let mut narrow = Studio::with(&["custom_voice-0b6", "custom_voice-1b7"]).await;
    let device = engine::qwen3_tts::device(Processor::Cpu).unwrap();
    let needs = |name: &str| {
        let release = narrow.models.folders[0].join(name);
        engine::qwen3_tts::memory_bytes(&release, &device, WeightFormat::Native, 4).unwrap()
    };
    let (one, two) = (needs("custom_voice-0b6"), needs("custom_voice-1b7"));
    narrow.models.memory_bytes = Some(one.max(two));
    assert_eq!(narrow.engines(), studio.engines());
    narrow.queue(&voices, &TEXTS[..4]).await;
    assert_eq!(narrow.run("narrow").await.unwrap().spoken, 4);
    assert!(narrow.stage.audio().await == studio.stage.audio().await, "keys or bytes differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_nowhere_costs_its_voices_lines_and_says_what_to_do() {
    let studio = Studio::with(&["base-0b6", "custom_voice-1b7"]).await;
    let (_, key) = recording();
    studio.queue(&[preset("ryan"), clone_of(&key, None)], &TEXTS[..4]).await;
    let report = studio.run("one").await.unwrap();
    assert_eq!((report.spoken, report.failed), (2, 2), "{report:?}");
    let lines = studio.stage.lines().await;
    for line in lines.iter().skip(1).step_by(2) {
        let failure = line.failure.as_ref().unwrap();
        assert_eq!((line.state, failure.kind), (LineState::Failed, FailureKind::Voice));
        assert!(failure.message.contains("submit the episode again"), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_another_file_is_not_spoken_with() {
    let studio = Studio::with(&["base-0b6"]).await;
    let (_, key) = recording();
    let other = fixtures::path("casts/voices/anna-shout.wav");
    put_recording(&studio, &other, &key).await;
    studio.queue(&[clone_of(&key, None)], &TEXTS[..1]).await;
    assert_eq!(studio.run("one").await.unwrap().failed, 1);
    let line = studio.stage.lines().await.remove(0);
    let failure = line.failure.unwrap();
    assert!(failure.message.contains("is another file"), "{failure:?}");
}
