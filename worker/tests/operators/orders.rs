//! What a worker says of itself, and what it does when it is told to.

use std::time::Instant;

use crate::episode::{submission, texts};
use crate::stage::{BOUND, Control, ENGINE, Stage, fake_voice, reaches, settings};
use queue::{QueueError, WorkerCard};
use schemas::{LineState, WorkerId, WorkerReport, WorkerState};
use tokio_util::sync::CancellationToken;
use worker::{Report, Settings, WorkerError};

async fn staged(lines: usize) -> Stage {
    let stage = Stage::new().await;
    stage.queue.submit(submission(ENGINE, &[fake_voice("mira")], &texts(lines))).await.unwrap();
    stage
}

fn reporting(until_empty: bool) -> Settings {
    Settings { until_empty, report_ms: 20, drain_ms: 30_000, ..settings("one") }
}

async fn run(stage: &Stage, settings: Settings, control: &Control) -> Result<Report, WorkerError> {
    let (queue, store) = (stage.queue.clone(), stage.store.clone());
    let run = worker::run(settings, queue, store, control.speaker(2), CancellationToken::new());
    tokio::time::timeout(BOUND, run).await.expect("the worker returns")
}

async fn card(stage: &Stage) -> Option<WorkerCard> {
    let worker = WorkerId::parse("one").unwrap();
    stage.queue.workers().await.unwrap().into_iter().find(|card| card.worker == worker)
}

/// Waits until the worker says something of which `is_so`.
async fn says(stage: &Stage, is_so: impl Fn(&WorkerReport) -> bool) -> WorkerReport {
    let since = Instant::now();
    loop {
        let report = card(stage).await.and_then(|card| card.report);
        if let Some(report) = report.filter(&is_so) {
            return report;
        }
        assert!(since.elapsed() < BOUND, "the worker never says so");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_how_it_is_while_it_lives_and_is_struck_out_when_it_ends() {
    let stage = staged(8).await;
    let control = Control::new(false);
    let running = run(&stage, reporting(true), &control);
    let watching = async {
        reaches(&control.begun, 2).await;
        let busy = |report: &WorkerReport| {
            report.state == WorkerState::Rendering && report.engines[0].slots_busy > 0
        };
        let report = says(&stage, busy).await;
        assert_eq!((report.engines[0].engine.as_str(), report.engines[0].slots), (ENGINE, 2));
        assert_eq!(report.voices_warm, 1);
        assert_eq!(report.version, env!("CARGO_PKG_VERSION"));
        assert!(!report.host.is_empty() && !report.hardware.is_empty(), "{report:?}");
        assert_eq!((report.spoken, &report.last_line, &report.detail), (0, &None, &None));
        control.open_gate();
    };
    let (report, ()) = tokio::join!(running, watching);
    assert_eq!(report.unwrap().mastered, 8);
    assert_eq!(stage.audio().await.len(), 8 * 3);
    assert_eq!(card(&stage).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ordered_to_drain_finishes_what_it_began_gives_back_the_rest_and_ends() {
    let stage = staged(20).await;
    let control = Control::new(false);
    let running = run(&stage, reporting(false), &control);
    let ordering = async {
        reaches(&control.begun, 2).await;
        stage.queue.order_drain(&WorkerId::parse("one").unwrap(), true).await.unwrap();
        says(&stage, |report| report.state == WorkerState::Draining).await;
        control.open_gate();
    };
    let (report, ()) = tokio::join!(running, ordering);
    let report = report.unwrap();
    assert!((2..=4).contains(&report.spoken), "{report:?}");
    let is_held = |line: &schemas::LineRecord| line.state == LineState::Leased;
    let lines = stage.until(|lines| !lines.iter().any(is_held)).await;
    let undone = lines.iter().filter(|line| line.take.is_none());
    assert!(undone.clone().all(|line| line.state == LineState::Waiting && line.attempts == 0));
    assert_eq!(undone.count() as u64, 20 - report.spoken);
    assert_eq!(card(&stage).await, None);
}

/// What a worker called `one` says, on another machine or in an earlier life.
fn earlier(host: &str) -> WorkerReport {
    WorkerReport {
        worker: WorkerId::parse("one").unwrap(),
        instance: "0".to_owned(),
        version: "0.1.0".to_owned(),
        host: host.to_owned(),
        hardware: "a machine".to_owned(),
        device: "cpu".to_owned(),
        engines: Vec::new(),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_another_machine_has_ends_the_worker_before_it_claims_anything() {
    let stage = staged(2).await;
    stage.queue.report(&earlier("elsewhere")).await.unwrap();
    let ended = run(&stage, reporting(true), &Control::new(true)).await;
    assert!(
        matches!(&ended, Err(WorkerError::Queue(QueueError::NameTaken { host, .. })) if host == "elsewhere"),
        "{ended:?}"
    );
    let events = stage.queue.events(0, 1_000).await.unwrap();
    assert!(events.iter().all(|event| event.state != Some(LineState::Leased)), "{events:#?}");
    assert!(!stage.folder.path().join("store/takes").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_killed_and_started_again_has_its_name_at_once() {
    let probe = staged(1).await;
    let (control, drain) = (Control::new(false), CancellationToken::new());
    let (queue, store) = (probe.queue.clone(), probe.store.clone());
    let running = worker::run(reporting(false), queue, store, control.speaker(1), drain.clone());
    let looking = async {
        let host = says(&probe, |_| true).await.host;
        drain.cancel();
        control.open_gate();
        host
    };
    let (_, host) = tokio::join!(running, looking);

    let stage = staged(2).await;
    stage.queue.report(&earlier(&host)).await.unwrap();
    let report = run(&stage, reporting(true), &Control::new(true)).await;
    assert_eq!(report.unwrap().mastered, 2);
}
