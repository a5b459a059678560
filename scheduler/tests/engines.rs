//! Which engines an episode is planned for.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod plan_support;

use std::collections::BTreeMap;

use plan_support::{cast_of, script, speech};
use queue::{Queue, SqliteQueue};
use scheduler::plan::{PlanOptions, Speakers, plan};
use scheduler::submit::{SubmitError, Upload, choose_engines, models, prepare, submit};
use schemas::{
    EngineState, EpisodeId, Mastering, RecordingKey, WorkerId, WorkerReport, WorkerState,
    recording_object,
};
use store::Store;

const CAST: &str = r#"
[voices.ryan]
preset = { model = "presets", speaker = "ryan" }
[voices.serena]
preset = { model = "presets", speaker = "serena" }
[voices.anna]
clone = { model = "clones", takes = [{ mood = "neutral", audio = "anna.wav" }], consent = "granted: by nobody" }
[characters.RYAN]
voice = "ryan"
[characters.SERENA]
voice = "serena"
[characters.ANNA]
voice = "anna"
[characters.TAM]
"#;

fn upload(speakers: &[&str]) -> Upload {
    let text: String = speakers.iter().map(|name| speech(name, "Who's there?")).collect();
    Upload {
        episode: EpisodeId::parse("pilot").unwrap(),
        script: script(&text),
        cast: cast_of(CAST),
        options: PlanOptions::default(),
        mastering: Mastering::default(),
        priority: 5,
        max_attempts: 3,
        shares: 1,
        tag: None,
        // The cast's files are their own names.
        recordings: BTreeMap::from([(RecordingKey::of(b"anna.wav"), b"anna.wav"[..].into())]),
    }
}

fn report(worker: &str, engines: &[(&str, &str)]) -> WorkerReport {
    let engines = engines.iter().map(|(model, engine)| EngineState {
        engine: (*engine).to_owned(),
        model: (*model).to_owned(),
        is_loaded: false,
        slots: 4,
        slots_busy: 0,
        resident_bytes: None,
        times_real_time: None,
    });
    WorkerReport {
        worker: WorkerId::parse(worker).unwrap(),
        instance: "01JAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        version: "0.1.0".to_owned(),
        host: "mini".to_owned(),
        hardware: "Apple M4, 16 GB".to_owned(),
        device: "metal".to_owned(),
        engines: engines.collect(),
        state: WorkerState::Idle,
        detail: None,
        voices_warm: 0,
        last_line: None,
        spoken: 0,
        mastered: 0,
        failed: 0,
        started_at_ms: 0,
        tags: [].into(),
    }
}

fn open_queue(folder: &tempfile::TempDir) -> SqliteQueue {
    SqliteQueue::open(&folder.path().join("queue.db")).unwrap()
}

fn named(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(model, engine)| ((*model).to_owned(), (*engine).to_owned())).collect()
}

#[test]
fn models_are_those_of_the_lines_with_the_voices_that_need_them() {
    let needed = models(&upload(&["RYAN", "TAM", "SERENA"])).unwrap();
    let voices = ["ryan", "serena"].map(str::to_owned).to_vec();
    assert_eq!(needed, BTreeMap::from([("presets".to_owned(), voices)]));
    assert!(models(&upload(&["TAM"])).unwrap().is_empty());
}

#[test]
fn another_engine_makes_another_take_of_its_lines_and_of_no_others() {
    let upload = upload(&["RYAN", "TAM"]);
    let keys = |engine: &str| {
        let speakers: Speakers = [("presets".to_owned(), engine.to_owned())].into_iter().collect();
        let options = PlanOptions { speakers, ..PlanOptions::default() };
        let plan = plan(&upload.script, &upload.cast, &options, None).unwrap();
        assert!(plan.unresolved().is_empty());
        plan.lines.into_iter().map(|line| (line.job.engine, line.job.synth_key)).collect::<Vec<_>>()
    };
    let (one, two) = (keys("presets/1/a"), keys("presets/1/b"));
    assert_eq!((one[0].0.as_str(), two[0].0.as_str()), ("presets/1/a", "presets/1/b"));
    assert_ne!(one[0].1, two[0].1);
    assert_eq!(one[1], two[1]);
}

#[tokio::test]
async fn an_episode_is_planned_for_the_only_engine_that_workers_have() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open_queue(&folder);
    let engines = [("scratch", "scratch/1"), ("presets", "presets/1/a"), ("others", "others/1")];
    for worker in ["one", "two"] {
        queue.report(&report(worker, &engines)).await.unwrap();
    }
    let mut upload = upload(&["RYAN", "ANNA"]);
    choose_engines(&mut upload, &BTreeMap::new(), &queue).await.unwrap();
    assert_eq!(upload.options.speakers.engine_of("presets"), "presets/1/a");
    assert!(!upload.options.speakers.knows("clones"));

    let store = Store::open("memory:").await.unwrap();
    let prepared = prepare(&upload, &store).await.unwrap();
    let refused = submit(&upload, prepared, &queue, &store).await.unwrap_err();
    let message = refused.to_string();
    assert!(message.contains("clones (voice `anna`)") && message.contains("--engine"), "{message}");
    assert!(!message.contains("presets"), "{message}");
}

#[tokio::test]
async fn of_several_engines_of_a_model_a_person_chooses() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open_queue(&folder);
    queue.report(&report("one", &[("presets", "presets/1/a")])).await.unwrap();
    queue.report(&report("two", &[("presets", "presets/1/b")])).await.unwrap();
    let mut upload = upload(&["RYAN"]);
    let refused = choose_engines(&mut upload, &BTreeMap::new(), &queue).await.unwrap_err();
    assert!(matches!(refused, SubmitError::SeveralEngines(_)), "{refused:?}");
    let message = refused.to_string();
    assert!(message.contains("--engine presets=presets/1/a or --engine presets=presets/1/b"));

    let chosen = named(&[("presets", "presets/1/b")]);
    choose_engines(&mut upload, &chosen, &queue).await.unwrap();
    assert_eq!(upload.options.speakers.engine_of("presets"), "presets/1/b");
}

#[tokio::test]
async fn recordings_are_stored_for_the_workers_and_one_that_is_nowhere_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open_queue(&folder);
    let store = Store::open("memory:").await.unwrap();
    let mut upload = upload(&["ANNA", "RYAN"]);
    let engines = named(&[("clones", "clones/1"), ("presets", "presets/1")]);
    choose_engines(&mut upload, &engines, &queue).await.unwrap();

    let at_hand = std::mem::take(&mut upload.recordings);
    let prepared = prepare(&upload, &store).await.unwrap();
    let refused = submit(&upload, prepared, &queue, &store).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Recording { .. }), "{refused:?}");
    assert!(refused.to_string().contains("voice anna (neutral)"), "{refused}");
    assert!(queue.submissions(None).await.unwrap().is_empty(), "nothing is queued then");

    upload.recordings = at_hand;
    let prepared = prepare(&upload, &store).await.unwrap();
    submit(&upload, prepared, &queue, &store).await.unwrap();
    let object = recording_object(&RecordingKey::of(b"anna.wav"));
    assert_eq!(store.get(&object).await.unwrap(), &b"anna.wav"[..]);

    // Once they are there they need not be handed in again.
    upload.recordings.clear();
    let prepared = prepare(&upload, &store).await.unwrap();
    submit(&upload, prepared, &queue, &store).await.unwrap();
}

#[tokio::test]
async fn shares_go_with_the_submission() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open_queue(&folder);
    let store = Store::open("memory:").await.unwrap();
    let upload = Upload { shares: 3, ..upload(&["TAM"]) };
    let prepared = prepare(&upload, &store).await.unwrap();
    let id = submit(&upload, prepared, &queue, &store).await.unwrap().id;
    assert_eq!(queue.submission(&id).await.unwrap().unwrap().shares, 3);
}
