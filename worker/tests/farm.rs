//! Everything together: what a farm promises, whatever happens to its workers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod episode;
mod stage;

use std::collections::BTreeSet;

use episode::{submission, texts};
use queue::{Selection, Want};
use schemas::{FailureKind, LineRecord, LineState, Voice, WorkerId, delivery_object};
use stage::{BOUND, Control, ENGINE, RATE_HZ, Stage, fake_voice, reaches, settings};
use tokio_util::sync::CancellationToken;
use worker::{Report, Settings, WorkerError};

async fn run(
    stage: &Stage,
    settings: Settings,
    control: &Control,
    slots: usize,
    drain: &CancellationToken,
) -> Result<Report, WorkerError> {
    let (queue, store) = (stage.queue.clone(), stage.store.clone());
    let run = worker::run(settings, queue, store, control.speaker(slots), drain.clone());
    tokio::time::timeout(BOUND, run).await.expect("the worker returns")
}

async fn run_to_the_end(stage: &Stage, slots: usize) -> Report {
    let drain = CancellationToken::new();
    run(stage, settings("one"), &Control::new(true), slots, &drain).await.unwrap()
}

async fn staged(lines: usize) -> Stage {
    staged_with(&texts(lines)).await
}

async fn staged_with(texts: &[String]) -> Stage {
    let stage = Stage::new().await;
    let voices = [fake_voice("mira"), fake_voice("otto"), fake_voice("ines")];
    stage.queue.submit(submission(ENGINE, &voices, texts)).await.unwrap();
    stage
}

fn are_all(lines: &[LineRecord], state: LineState) -> bool {
    lines.iter().all(|line| line.state == state)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_delivered_once() {
    let stage = staged(40).await;
    let report = run_to_the_end(&stage, 4).await;
    assert_eq!((report.spoken, report.mastered, report.failed), (40, 40, 0), "{report:?}");
    let lines = stage.lines().await;
    assert!(are_all(&lines, LineState::Done));
    assert!(lines.iter().all(|line| line.attempts == 1));
    let keys: BTreeSet<_> = lines.iter().map(|line| line.job.synth_key.clone()).collect();
    assert_eq!(keys.len(), 40);
    for line in &lines {
        let facts = line.delivery.as_ref().unwrap();
        let delivery = stage.store.get(&delivery_object(&facts.master_key)).await.unwrap();
        assert_eq!(delivery.len() as u64, facts.delivery_bytes);
        let pcm = audio::decode_aac(&delivery).unwrap();
        assert_eq!(pcm.samples.len() as u64, facts.samples, "{}", line.job.id);
        assert!(facts.lufs.is_some_and(|lufs| (lufs + 20.0).abs() < 3.1), "{facts:?}");
        // Takes differ in length: a master of another line's take would not fit its own.
        let (head, tail) = (RATE_HZ * 40 / 1_000, RATE_HZ * 120 / 1_000);
        let silence = i64::from(head + tail);
        let take = line.take.as_ref().unwrap();
        let added = i64::try_from(facts.samples).unwrap() - i64::try_from(take.samples).unwrap();
        assert!((silence - added).abs() <= 2, "{}: {added} samples added", line.job.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cast_adds_to_a_line_is_added_to_that_line_alone() {
    let gains = async |added_db| {
        let stage = Stage::new().await;
        let mut new = submission(ENGINE, &[fake_voice("mira")], &texts(3));
        new.lines[1].job.gain_db = added_db;
        stage.queue.submit(new).await.unwrap();
        run_to_the_end(&stage, 1).await;
        let gain_db = |line: LineRecord| line.delivery.unwrap().gain_db;
        stage.lines().await.into_iter().map(gain_db).collect::<Vec<_>>()
    };
    let (plain, quieter) = (gains(0.0).await, gains(-6.0).await);
    let change: Vec<_> = plain.iter().zip(&quieter).map(|(a, b)| b - a).collect();
    assert_eq!((change[0], change[2]), (0.0, 0.0));
    assert!((change[1] + 6.0).abs() < 0.011, "{change:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slot_and_eight_give_the_same_bytes() {
    let (one, eight) = (staged(24).await, staged(24).await);
    run_to_the_end(&one, 1).await;
    run_to_the_end(&eight, 8).await;
    let (one, eight) = (one.audio().await, eight.audio().await);
    assert_eq!(one.len(), 24 * 3);
    assert!(one == eight, "keys or bytes differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_the_engine_refuses_is_failed_with_its_reason_and_the_others_are_delivered() {
    let mut texts = texts(9);
    texts[4] = "refuse this".to_owned();
    let stage = staged_with(&texts).await;
    let report = run_to_the_end(&stage, 3).await;
    assert_eq!((report.spoken, report.mastered, report.failed), (8, 8, 1));
    let lines = stage.lines().await;
    let failure = lines[4].failure.as_ref().unwrap();
    assert_eq!(lines[4].state, LineState::Failed);
    assert_eq!(failure.kind, FailureKind::Text);
    assert_eq!(failure.message, "nothing in it can be spoken");
    assert_eq!(lines.iter().filter(|line| line.state == LineState::Done).count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_a_queue_and_no_line_is_done_twice() {
    let stage = staged(60).await;
    let (drain, control) = (CancellationToken::new(), Control::new(true));
    let (one, two) = tokio::join!(
        run(&stage, settings("one"), &control, 2, &drain),
        run(&stage, settings("two"), &control, 2, &drain),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.spoken + two.spoken, one.mastered + two.mastered), (60, 60));
    assert!(are_all(&stage.lines().await, LineState::Done));
    assert_eq!(*control.begun.borrow(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_has_is_not_spoken_again() {
    let stage = staged(12).await;
    run_to_the_end(&stage, 2).await;
    let before = stage.audio().await;
    let again = Stage { store: stage.store.clone(), ..staged(12).await };
    let control = Control::new(true);
    let drain = CancellationToken::new();
    let report = run(&again, settings("two"), &control, 2, &drain).await.unwrap();
    assert_eq!((report.spoken, report.reused, report.mastered), (0, 12, 12));
    assert_eq!(*control.begun.borrow(), 0);
    assert!(again.audio().await == before);
    let facts = |lines: Vec<LineRecord>| -> Vec<_> {
        let delivery =
            |line: LineRecord| line.delivery.map(|facts| (facts.delivery_sha256, facts.samples));
        lines.into_iter().map(delivery).collect()
    };
    assert_eq!(facts(again.lines().await), facts(stage.lines().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_take_is_spoken_again() {
    let stage = staged(3).await;
    run_to_the_end(&stage, 1).await;
    let before = stage.audio().await;
    let key = stage.lines().await[0].job.synth_key.clone();
    stage.store.put(&schemas::take_object(&key), "half").await.unwrap();
    let again = Stage { store: stage.store.clone(), ..staged(3).await };
    let report = run_to_the_end(&again, 1).await;
    assert_eq!((report.spoken, report.reused), (1, 2));
    assert!(again.audio().await == before);
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_finishes_what_is_begun_and_gives_the_rest_back_uncharged() {
    let stage = staged(20).await;
    let (control, drain) = (Control::new(false), CancellationToken::new());
    let settings = Settings { until_empty: false, drain_ms: 30_000, ..settings("one") };
    let running = run(&stage, settings, &control, 2, &drain);
    let stopping = async {
        reaches(&control.begun, 2).await;
        drain.cancel();
        control.open_gate();
    };
    let (report, ()) = tokio::join!(running, stopping);
    let report = report.unwrap();
    assert!((2..=4).contains(&report.spoken), "{report:?}");
    assert_eq!(report.failed, 0);
    let lines = stage.lines().await;
    let spoken = lines.iter().filter(|line| line.take.is_some()).count() as u64;
    assert_eq!(spoken, report.spoken);
    let undone = lines.iter().filter(|line| line.take.is_none());
    assert!(undone.clone().all(|line| line.state == LineState::Waiting && line.attempts == 0));
    assert_eq!(undone.count() as u64, 20 - spoken);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_when_draining_goes_back_uncharged() {
    let stage = staged(6).await;
    let (control, drain) = (Control::new(false), CancellationToken::new());
    let settings = Settings { until_empty: false, drain_ms: 0, ..settings("one") };
    let running = run(&stage, settings, &control, 2, &drain);
    let stopping = async {
        reaches(&control.begun, 2).await;
        drain.cancel();
    };
    let (report, ()) = tokio::join!(running, stopping);
    assert_eq!(report.unwrap().spoken, 0);
    let lines = stage.lines().await;
    assert!(lines.iter().all(|line| line.state == LineState::Waiting && line.attempts == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_device_ends_the_worker_with_its_reason_and_every_line_goes_back_uncharged() {
    let mut texts = texts(6);
    texts[3] = "break now".to_owned();
    let stage = staged_with(&texts).await;
    let (control, drain) = (Control::new(true), CancellationToken::new());
    let ended = run(&stage, settings("one"), &control, 6, &drain).await;
    assert!(
        matches!(&ended, Err(WorkerError::Device(reason)) if reason == "out of smoke"),
        "{ended:?}"
    );
    let lines = stage.lines().await;
    assert!(lines.iter().all(|line| !matches!(line.state, LineState::Leased | LineState::Failed)));
    let undone = lines.iter().filter(|line| line.take.is_none());
    assert!(undone.clone().all(|line| line.attempts == 0));
    assert!(undone.count() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_line_is_not_delivered_and_its_seat_is_given_up() {
    let stage = staged(4).await;
    let (control, drain) = (Control::new(false), CancellationToken::new());
    let settings = Settings { lease_ms: 300, ..settings("one") };
    let running = run(&stage, settings, &control, 4, &drain);
    let cancelling = async {
        reaches(&control.begun, 4).await;
        let submission = stage.queue.submissions(None).await.unwrap()[0].submission.clone();
        let line = Some(stage.lines().await[1].job.id.clone());
        let selection = Selection { submission, line, character: None };
        assert_eq!(stage.queue.cancel(&selection).await.unwrap(), 1);
        reaches(&control.cancelled, 1).await;
        control.open_gate();
    };
    let (report, ()) = tokio::join!(running, cancelling);
    let report = report.unwrap();
    assert_eq!((report.spoken, report.mastered, report.thrown_away), (3, 3, 1));
    let lines = stage.lines().await;
    assert_eq!(lines[1].state, LineState::Cancelled);
    assert!(lines[1].take.is_none() && lines[1].delivery.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_gives_up_its_seats_and_throws_the_audio_away() {
    let stage = staged_with(&texts(1)).await;
    let (control, drain) = (Control::new(false), CancellationToken::new());
    let settings = Settings { lease_ms: 300, until_empty: false, ..settings("one") };
    let running = run(&stage, settings, &control, 1, &drain);
    let losing = async {
        reaches(&control.begun, 1).await;
        stage.pass_ms(3_600_000);
        let want = want_of("other");
        let batch = loop {
            if let Some(batch) = stage.queue.claim(&want).await.unwrap() {
                break batch;
            }
            tokio::task::yield_now().await;
        };
        reaches(&control.cancelled, 1).await;
        control.open_gate();
        drain.cancel();
        batch
    };
    let (report, batch) = tokio::join!(running, losing);
    let report = report.unwrap();
    assert_eq!((report.spoken, report.thrown_away), (0, 1), "{report:?}");
    let line = &stage.lines().await[0];
    assert_eq!(line.state, LineState::Leased);
    assert_eq!(line.worker, Some(want_of("other").worker));
    assert_eq!(batch.lines.len(), 1);
}

fn want_of(name: &str) -> Want {
    Want {
        worker: WorkerId::parse(name).unwrap(),
        warm: Vec::new(),
        engines: BTreeSet::from([ENGINE.to_owned()]),
        tags: BTreeSet::new(),
        max_lines: 100,
        max_audio_ms: u64::MAX / 2,
        lease_ms: 3_600_000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_costs_time_and_no_line() {
    let stage = staged(6).await;
    let (there, away) = (stage.folder.path().join("store"), stage.folder.path().join("away"));
    std::fs::rename(&there, &away).unwrap();
    let (control, drain) = (Control::new(true), CancellationToken::new());
    let running = run(&stage, settings("one"), &control, 2, &drain);
    let mending = async {
        let is_store = |line: &LineRecord| {
            line.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Store)
        };
        stage.until(|lines| lines.iter().any(is_store)).await;
        std::fs::rename(&away, &there).unwrap();
        stage.pass_ms(600_000);
    };
    let (report, ()) = tokio::join!(running, mending);
    assert_eq!(report.unwrap().mastered, 6);
    assert!(are_all(&stage.lines().await, LineState::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_ends_the_worker_and_charges_nobody() {
    let stage = staged(4).await;
    // A file where the folder of takes should be.
    std::fs::write(stage.folder.path().join("store/takes"), "").unwrap();
    let (control, drain) = (Control::new(true), CancellationToken::new());
    let ended = run(&stage, settings("one"), &control, 2, &drain).await;
    assert!(matches!(ended, Err(WorkerError::Store(_))), "{ended:?}");
    let lines = stage.lines().await;
    assert!(lines.iter().all(|line| line.state == LineState::Waiting && line.attempts == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_planned_for_another_engine_is_refused_rather_than_stored_under_a_wrong_name() {
    let stage = Stage::new().await;
    let mut planned = submission("fake/2", &[fake_voice("mira")], &texts(2));
    for line in &mut planned.lines {
        ENGINE.clone_into(&mut line.job.engine);
    }
    planned.submission.max_attempts = 1;
    stage.queue.submit(planned).await.unwrap();
    let report = run_to_the_end(&stage, 1).await;
    assert_eq!((report.spoken, report.failed), (0, 2));
    let line = &stage.lines().await[0];
    assert!(line.failure.as_ref().unwrap().message.contains("submit the episode again"));
    assert!(stage.audio().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_an_engine_that_nobody_has_end_the_worker_with_its_name_and_stay_as_they_are() {
    let stage = Stage::new().await;
    let foreign = Voice { model: "giant".to_owned(), ..fake_voice("otto") };
    let voices = [fake_voice("mira"), foreign];
    stage.queue.submit(submission(ENGINE, &voices, &texts(6))).await.unwrap();
    let (control, drain) = (Control::new(true), CancellationToken::new());
    let settings = Settings { lease_ms: 300, ..settings("one") };
    let ended = run(&stage, settings, &control, 2, &drain).await;
    let Err(WorkerError::Unspoken { lines: 3, engines }) = ended else { panic!("{ended:?}") };
    assert_eq!(engines, "`giant`");
    let lines = stage.lines().await;
    assert!(lines.iter().step_by(2).all(|line| line.state == LineState::Done));
    let left = lines.iter().skip(1).step_by(2);
    assert!(left.clone().all(|line| line.state == LineState::Waiting && line.attempts == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_another_engine_are_waited_for_while_somebody_holds_them() {
    let stage = Stage::new().await;
    let foreign = Voice { model: "giant".to_owned(), ..fake_voice("otto") };
    stage.queue.submit(submission(ENGINE, &[foreign], &texts(2))).await.unwrap();
    // One line is held and one waits: whoever holds the first may take the second.
    let engines = BTreeSet::from(["giant".to_owned()]);
    let want = Want { engines, max_lines: 1, ..want_of("other") };
    let batch = stage.queue.claim(&want).await.unwrap().unwrap();
    let (control, drain) = (Control::new(true), CancellationToken::new());
    // No patience at all: one look at lines that nobody holds would end the worker.
    let settings = Settings { lease_ms: 0, ..settings("one") };
    let running = run(&stage, settings, &control, 1, &drain);
    let cancelling = async {
        for _ in 0..10 {
            asks_again(&stage, "one").await;
        }
        let submission = batch.submission.clone();
        let selection = Selection { submission, line: None, character: None };
        assert_eq!(stage.queue.cancel(&selection).await.unwrap(), 2);
    };
    let (report, ()) = tokio::join!(running, cancelling);
    assert_eq!(report.unwrap(), Report::default());
}

/// Waits until a worker has asked the queue for lines once more.
async fn asks_again(stage: &Stage, name: &str) {
    let worker = WorkerId::parse(name).unwrap();
    let seen = async || {
        let cards = stage.queue.workers().await.unwrap();
        cards.iter().find(|card| card.worker == worker).map(|card| card.seen_at_ms)
    };
    let before = seen().await;
    stage.pass_ms(10_000);
    let asked = async {
        while seen().await <= before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, asked).await.expect("the worker asks");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_cannot_be_opened_claims_nothing() {
    let stage = staged(2).await;
    let open = || Err("no such device".into());
    let (queue, store) = (stage.queue.clone(), stage.store.clone());
    let ended = worker::run(settings("one"), queue, store, open, CancellationToken::new()).await;
    assert!(matches!(ended, Err(WorkerError::Open(_))), "{ended:?}");
    assert!(are_all(&stage.lines().await, LineState::Waiting));
}
