//! Outages of the store while rendering goes on: what is spoken waits on this machine's disk.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::episode::{submission, texts};
use crate::stage::{BOUND, Control, ENGINE, Stage, fake_voice, reaches, settings};
use queue::{NewSubmission, Queue, SqliteQueue};
use schemas::{
    EpisodeId, LineState, ScratchSynthesiser, SubmissionId, Voice, VoiceSource, WorkerState,
};
use tokio_util::sync::CancellationToken;
use worker::{Report, Settings, SpoolSettings};

async fn staged(lines: usize) -> Stage {
    let stage = Stage::new().await;
    let voices = [fake_voice("mira"), fake_voice("otto")];
    stage.queue.submit(submission(ENGINE, &voices, &texts(lines))).await.unwrap();
    stage
}

fn cut(stage: &Stage) {
    std::fs::rename(stage.folder.path().join("store"), stage.folder.path().join("away")).unwrap();
}

fn mend(stage: &Stage) {
    put_back(stage.folder.path());
}

/// Puts the store back in its place; a write that was under way when it vanished may have made a folder
/// there, in which nothing counts.
fn put_back(folder: &Path) {
    let (away, there) = (folder.join("away"), folder.join("store"));
    if there.exists() {
        std::fs::remove_dir_all(&there).unwrap();
    }
    std::fs::rename(away, there).unwrap();
}

fn with_spool(stage: &Stage, limit_bytes: u64) -> Settings {
    let folder = stage.folder.path().join("spool");
    let spool = Some(SpoolSettings { folder, limit_bytes });
    Settings { spool, report_ms: 20, ..settings("one") }
}

async fn run(stage: &Stage, settings: Settings, control: &Control) -> Report {
    let (queue, store) = (stage.queue.clone(), stage.store.clone());
    let drain = CancellationToken::new();
    let run = worker::run(settings, queue, store, control.speaker(2), drain);
    tokio::time::timeout(BOUND, run).await.expect("the worker returns").unwrap()
}

/// Objects in the spool.
fn kept(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of =
        |path: &Path| if path.is_dir() { kept(path) } else { usize::from(!path.ends_with("lock")) };
    entries.map(|entry| of(&entry.unwrap().path())).sum()
}

/// Waits until it is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < BOUND, "never: {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rendering_goes_on_while_the_store_is_away_and_nothing_is_settled_before_it_is_stored() {
    let well = staged(40).await;
    run(&well, settings("one"), &Control::new(true)).await;

    let stage = staged(40).await;
    let spool = stage.folder.path().join("spool");
    let control = Control::new(true);
    cut(&stage);
    let running = run(&stage, with_spool(&stage, 1_000_000_000), &control);
    let mending = async {
        // More than this worker holds at once: the lines that wait for the store take no room.
        reaches(&control.begun, 40).await;
        until("everything is kept", async || kept(&spool) == 80).await;
        let lines = stage.lines().await;
        assert!(lines.iter().all(|line| line.state == LineState::Leased && line.take.is_none()));
        mend(&stage);
    };
    let (report, ()) = tokio::join!(running, mending);
    assert_eq!((report.spoken, report.mastered, report.failed), (40, 40, 0), "{report:?}");
    let lines = stage.lines().await;
    assert!(lines.iter().all(|line| line.state == LineState::Done && line.attempts == 1));
    assert_eq!(*control.begun.borrow(), 40);
    assert!(stage.audio().await == well.audio().await, "keys or bytes differ");
    assert_eq!(kept(&spool), 0);
}

/// A short episode beside the first.
fn another() -> NewSubmission {
    let texts: Vec<_> = (0..5).map(|at| format!("And {at} lines more.")).collect();
    let mut new = submission(ENGINE, &[fake_voice("ines")], &texts);
    new.submission.episode = EpisodeId::parse("day-ferry").unwrap();
    new.submission.id = SubmissionId::new(&new.submission.episode, "fedcba9876543210");
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_spool_is_full_takes_no_more_lines_says_so_and_loses_nothing() {
    let stage = staged(60).await;
    let control = Control::new(true);
    cut(&stage);
    // A take has about 50 kB. There is always room for more lines, as far as seats go.
    let settings = Settings { look_ahead: 1_000, ..with_spool(&stage, 300_000) };
    let running = run(&stage, settings, &control);
    let mending = async {
        let paused = async || {
            let cards = stage.queue.workers().await.unwrap();
            let report = cards.into_iter().find_map(|card| card.report);
            report.is_some_and(|report| {
                let detail = report.detail.unwrap_or_default();
                report.state == WorkerState::Paused && detail.contains("no more lines are taken")
            })
        };
        until("the worker says that it is paused", paused).await;
        stage.queue.submit(another()).await.unwrap();
        let seen = async || stage.queue.workers().await.unwrap()[0].seen_at_ms;
        let since = seen().await;
        // It asks every 5 ms, as a rule.
        until("the worker goes on", async || seen().await > since + 300).await;
        let submissions = stage.queue.submissions(None).await.unwrap();
        let waiting = submissions.iter().map(|progress| progress.lines.waiting).max();
        assert_eq!(waiting, Some(5), "lines were taken that could not be kept");
        mend(&stage);
    };
    let (report, ()) = tokio::join!(running, mending);
    assert_eq!((report.spoken, report.mastered, report.failed), (65, 65, 0), "{report:?}");
    for progress in stage.queue.submissions(None).await.unwrap() {
        let lines = stage.queue.lines(&progress.submission).await.unwrap();
        assert!(lines.iter().all(|line| line.state == LineState::Done && line.attempts == 1));
    }
    assert_eq!(kept(&stage.folder.path().join("spool")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_cancelled_while_it_waits_for_the_store_is_not_settled() {
    let stage = staged(4).await;
    let spool = stage.folder.path().join("spool");
    let control = Control::new(true);
    cut(&stage);
    let settings = Settings { lease_ms: 300, ..with_spool(&stage, 1_000_000_000) };
    let running = run(&stage, settings, &control);
    let cancelling = async {
        until("everything is kept", async || kept(&spool) == 8).await;
        let submission = stage.queue.submissions(None).await.unwrap()[0].submission.clone();
        let line = Some(stage.lines().await[1].job.id.clone());
        let selection = queue::Selection { submission, line, character: None };
        assert_eq!(stage.queue.cancel(&selection).await.unwrap(), 1);
        mend(&stage);
    };
    let (report, ()) = tokio::join!(running, cancelling);
    assert_eq!((report.spoken, report.mastered), (3, 3), "{report:?}");
    assert_eq!(stage.lines().await[1].state, LineState::Cancelled);
    assert_eq!(kept(&spool), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_in_an_outage_gives_its_lines_back_and_keeps_their_audio() {
    let stage = staged(6).await;
    let spool = stage.folder.path().join("spool");
    let (control, drain) = (Control::new(true), CancellationToken::new());
    cut(&stage);
    let usual = with_spool(&stage, 1_000_000_000);
    let settings = Settings { until_empty: false, drain_ms: 50, ..usual.clone() };
    let (queue, store) = (stage.queue.clone(), stage.store.clone());
    let running = worker::run(settings, queue, store, control.speaker(2), drain.clone());
    let stopping = async {
        until("everything is kept", async || kept(&spool) == 12).await;
        drain.cancel();
    };
    let (report, ()) = tokio::join!(running, stopping);
    assert_eq!(report.unwrap().spoken, 0);
    let lines = stage.lines().await;
    assert!(lines.iter().all(|line| line.state == LineState::Waiting && line.attempts == 0));
    assert_eq!(kept(&spool), 12);

    // The next one that starts here uploads it, whatever becomes of the lines.
    mend(&stage);
    let report = run(&stage, usual, &control).await;
    assert_eq!(report.spoken + report.reused, 6);
    assert_eq!(kept(&spool), 0);
    assert!(stage.lines().await.iter().all(|line| line.state == LineState::Done));
}

/// The program itself, rendering what is queued below `folder`.
fn program(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tableread-worker"));
    command
        .env("TABLEREAD_CACHE_DIR", folder.join("cache"))
        .args(["run", "--until-empty", "--lease-seconds", "1", "--slots", "2", "--quiet"])
        .args(["--name", name, "--out"])
        .arg(folder)
        .stdout(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_kept_when_it_was_killed_is_stored_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join(".tableread");
    std::fs::create_dir(&home).unwrap();
    let queue = SqliteQueue::open(&home.join("queue.db")).unwrap();
    let source = VoiceSource::Scratch {
        synthesiser: ScratchSynthesiser::Pico,
        base: None,
        pitch: 1.0,
        formant: 1.0,
        rate: 1.0,
    };
    let voice = Voice { name: "mira".to_owned(), model: "scratch".to_owned(), source };
    let new = submission(engine::scratch::ENGINE, &[voice], &texts(60));
    let id = new.submission.id.clone();
    queue.submit(new).await.unwrap();

    let mut first = program(folder.path(), "first").spawn().unwrap();
    let takes = async || {
        let lines = queue.lines(&id).await.unwrap();
        lines.iter().filter(|line| line.take.is_some()).count()
    };
    until("two takes are stored", async || takes().await >= 2).await;
    std::fs::rename(home.join("store"), home.join("away")).unwrap();
    let spool = folder.path().join("cache/spool");
    until("audio is kept", async || kept(&spool) >= 6).await;
    first.kill().unwrap();
    first.wait().unwrap();
    let left = kept(&spool);
    assert!(left >= 6);
    put_back(&home);

    let second = program(folder.path(), "second").status();
    assert!(second.unwrap().success());
    assert_eq!(kept(&spool), 0);
    let lines = queue.lines(&id).await.unwrap();
    assert!(lines.iter().all(|line| line.state == LineState::Done), "{lines:#?}");
}
