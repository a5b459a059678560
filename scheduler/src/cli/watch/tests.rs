//! What is drawn, without a terminal.

use std::time::Duration;

use queue::WorkerCard;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use schemas::{
    Counts, EpisodeId, LineId, LineRecord, Progress, SubmissionId, SubmissionState, WorkerId,
};
use tokio::time::Instant;

use super::draw::{Picture, draw};
use super::look::Look;
use super::rate::{Measured, Rate};

/// 2026-11-21 16:05:10 UTC.
const NOW_MS: u64 = 1_795_277_110_000;

fn progress(episode: &str, state: SubmissionState, lines: Counts) -> Progress {
    let episode = EpisodeId::parse(episode).unwrap();
    let open = lines.waiting + lines.speaking + lines.delayed;
    Progress {
        submission: SubmissionId::new(&episode, "0123456789abcdef"),
        title: episode.to_string(),
        episode,
        state,
        priority: 5,
        estimated_ms: lines.total() * 2_000,
        estimated_open_ms: open * 2_000,
        lines,
        audio_ms: 0,
        synth_ms: 0,
        submitted_at_ms: NOW_MS - 60_000,
        changed_at_ms: NOW_MS,
    }
}

fn record(number: u32, character: &str, stands: &str, worker: Option<&str>) -> LineRecord {
    let stage = if matches!(stands, "held" | "done") { "master" } else { "speak" };
    let failure = (stands == "failed").then(|| {
        serde_json::json!({
            "verdict": "reject", "kind": "text",
            "message": "the text came out silent: \u{1b}[31mgive it words\nthat can be spoken"
        })
    });
    let voice = format!("{:064x}", character.len());
    serde_json::from_value(serde_json::json!({
        "order": number, "stage": stage, "state": stands, "attempts": 1, "worker": worker,
        "take": null, "delivery": null, "failure": failure,
        "changed_at_ms": NOW_MS - u64::from(number),
        "job": {
            "id": LineId::new(1, number), "scene": "INT. FERRY", "character": character,
            "text": "Who?", "pauses": [], "language": "en", "voice": voice, "seed": 1,
            "engine": "scratch/1", "synth_key": "a".repeat(64), "gain_db": 0.0, "estimated_ms": 400
        }
    }))
    .unwrap()
}

fn card(worker: &str, state: &str, times_real_time: Option<f64>, lines_held: u64) -> WorkerCard {
    let report = serde_json::json!({
        "worker": worker, "instance": "01", "version": "0.1.0", "host": worker, "hardware": "M4",
        "device": "cpu", "state": state, "detail": null, "voices_warm": 1, "last_line": "sc001-l0001",
        "spoken": 1, "mastered": 1, "failed": 0, "started_at_ms": 0,
        "engines": [{
            "engine": "scratch/1", "model": "scratch", "is_loaded": true, "slots": 8,
            "slots_busy": 8, "resident_bytes": null, "times_real_time": times_real_time
        }]
    });
    WorkerCard {
        worker: WorkerId::parse(worker).unwrap(),
        seen_at_ms: NOW_MS - 1_000,
        lines_held,
        report: Some(serde_json::from_value(report).unwrap()),
        is_ordered_to_drain: false,
    }
}

fn picture() -> Picture {
    let ferry =
        Counts { waiting: 4, speaking: 2, spoken: 1, done: 8, failed: 1, ..Counts::default() };
    let paused = Counts { waiting: 400, done: 20, ..Counts::default() };
    let done = Counts { done: 40, ..Counts::default() };
    let lines = vec![
        record(1, "NORA", "leased", Some("mini-1")),
        record(2, "NORA", "leased", Some("mini-1")),
        record(3, "NORA", "done", Some("mini-1")),
        record(4, "KEEPER", "failed", Some("mini-2")),
        record(5, "KEEPER", "held", Some("mini-2")),
        record(6, "\u{1b}]0;EVIL\u{7}", "waiting", None),
    ];
    let mut silent = card("mini-3", "rendering", None, 0);
    silent.seen_at_ms = NOW_MS - 61_000;
    let look = Look {
        now_ms: NOW_MS,
        all: vec![
            progress("night-ferry", SubmissionState::Active, ferry),
            progress("the-keeper-of-gull-rock", SubmissionState::Paused, paused),
            progress("two-keys", SubmissionState::Done, done),
        ],
        cards: vec![
            card("mini-1", "rendering", Some(8.2), 5),
            card("mini-2", "idle", Some(2.0), 0),
            silent,
        ],
        lines: lines.into(),
        ..Look::default()
    };
    let measured = Some(Measured { lines_a_minute: 41.2, times_real_time: 12.34 });
    Picture { look, measured, ..Picture::default() }
}

/// What a terminal of that size shows.
fn shown(picture: &Picture, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, picture)).unwrap();
    let buffer = terminal.backend().buffer();
    let cell = |x, y| buffer[(x, y)].symbol().to_owned();
    let rows = (0..height).map(|y| (0..width).map(|x| cell(x, y)).collect::<String>());
    rows.map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_usual_terminal_shows_episodes_voices_workers_and_failures() {
    insta::assert_snapshot!(shown(&picture(), 80, 24), @r"
    tableread  3 submissions, 407 lines open, 2 workers, 16:05:10 UTC
    41 lines/min, 12.3 × real time over the last minute
      episode                 state     lines                 done  failed      left
    ▸ night-ferry             active    ████████x▓▒░░░        8/16       1      36 s
      the-keeper-of-gull-rock paused    █░░░░░░░░░░░░░      20/420       0     20:00
      two-keys                done      ██████████████       40/40       0         –
    night-ferry: 3 of 3 voices open, 3 groups
      NORA      ███████████████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒        1/3
       ]0;EVIL  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░        0/1
      KEEPER    xxxxxxxxxxxxxxxxxxxxxxxxxxxx▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓        0/2





    workers
      mini-1 rendering       8.2 × sc001-l0001 NORA +4
      mini-2 idle       slow 2.0 × last sc001-l0001
      mini-3 silent              – last sc001-l0001

    1 line failed, the last first
      sc001-l0004 KEEPER: the text came out silent:  [31mgive it words that can be s
    mini-2 is slow: 2.0 × real time with `scratch/1`, where others make 8.2; look at
    q quit  ↑↓ choose  █ done  ▓ spoken  ▒ speaking  ~ delayed  x failed  ░ waiting
    ");
}

#[test]
fn a_wide_terminal_has_voices_and_workers_side_by_side_and_the_chosen_one_in_sight() {
    let picture = Picture { chosen: 1, ..picture() };
    insta::assert_snapshot!(shown(&picture, 130, 16), @r"
    tableread  3 submissions, 407 lines open, 2 workers, 16:05:10 UTC
    41 lines/min, 12.3 × real time over the last minute
      episode                 state     lines                                                                   done  failed      left
      night-ferry             active    ████████████████████████████████xxxx▓▓▓▓▒▒▒▒▒▒▒▒░░░░░░░░░░░░░░░░        8/16       1      36 s
    ▸ the-keeper-of-gull-rock paused    ███░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░      20/420       0     20:00
      two-keys                done      ████████████████████████████████████████████████████████████████       40/40       0         –
    the-keeper-of-gull-rock: 3 of 3 voices open, 3 groups             workers
      NORA      █████████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒        1/3    mini-1 rendering       8.2 × sc001-l0001 NORA +4
       ]0;EVIL  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░        0/1    mini-2 idle       slow 2.0 × last sc001-l0001
      KEEPER    xxxxxxxxxxxxxxxxxxxx▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓        0/2    mini-3 silent              – last sc001-l0001


    1 line failed, the last first
      sc001-l0004 KEEPER: the text came out silent:  [31mgive it words that can be spoken
    the-keeper-of-gull-rock is paused with 400 lines open; go on with: tableread resume the-keeper-of-gull-rock
    q quit  ↑↓ choose  █ done  ▓ spoken  ▒ speaking  ~ delayed  x failed  ░ waiting
    ");
}

#[test]
fn nothing_yet_and_a_queue_that_is_away_are_told_of() {
    let look = Look { now_ms: NOW_MS, ..Look::default() };
    let trouble = Some("the queue at redis://queue cannot be reached; trying again".to_owned());
    let empty = Picture { look, trouble, ..Picture::default() };
    let text = shown(&empty, 80, 12);
    assert!(text.contains("Nothing was submitted yet"), "{text}");
    assert!(text.contains("cannot be reached; trying again"), "{text}");
    assert!(text.contains("none was heard of"), "{text}");
}

#[test]
fn any_size_of_terminal_is_drawn_in() {
    for width in [1, 5, 20, 40, 79, 119, 120, 300] {
        for height in [1, 2, 3, 5, 8, 13, 50] {
            shown(&picture(), width, height);
        }
    }
}

#[test]
fn a_rate_is_of_the_last_minute_and_of_what_was_there_before() {
    let mut rate = Rate::default();
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let ferry = |done, waiting| {
        progress("ferry", SubmissionState::Active, Counts { done, waiting, ..Counts::default() })
    };
    rate.note(at(0), &[ferry(0, 100)]);
    assert_eq!(rate.measured(), None);
    rate.note(at(10), &[ferry(5, 95)]);
    let told = rate.measured().unwrap();
    assert_eq!(told, Measured { lines_a_minute: 30.0, times_real_time: 1.0 });
    // Another episode comes with lines that are done already, and the first is set going again.
    let mut other = ferry(50, 0);
    other.submission = SubmissionId::parse("other-1").unwrap();
    rate.note(at(20), &[ferry(0, 100), other]);
    let told = rate.measured().unwrap();
    assert_eq!(told, Measured { lines_a_minute: 0.0, times_real_time: 0.0 });
    for second in [80, 90, 100] {
        rate.note(at(second), &[ferry(second, 100 - second)]);
    }
    let told = rate.measured().unwrap();
    assert!((told.lines_a_minute - 75.0).abs() < 1e-9, "of 80 s: {told:?}");
    rate.note(at(155), &[ferry(100, 0)]);
    let told = rate.measured().unwrap();
    assert!((told.lines_a_minute - 10.0 * 60.0 / 65.0).abs() < 1e-9, "of 65 s: {told:?}");
}

#[test]
#[ignore = "needs a terminal: `a_panic_gives_the_terminal_back_before_it_is_told` runs it in one"]
#[should_panic(expected = "on purpose")]
fn panics_with_the_terminal_taken_over() {
    let _screen = super::screen::Screen::open().unwrap();
    panic!("on purpose");
}

#[cfg(unix)]
#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    use std::io::Read as _;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--nocapture", "panics_with_the_terminal_taken_over"]);
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut told = Vec::new();
    let mut reader = pair.master.try_clone_reader().unwrap();
    // On Linux the end of a terminal reads as an error.
    let _end = reader.read_to_end(&mut told);
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&told));
    let told = String::from_utf8_lossy(&told);
    let at = |what: &str| told.find(what).unwrap_or_else(|| panic!("no {what:?} in {told:?}"));
    assert!(at("\u{1b}[?1049h") < at("\u{1b}[?1049l"), "{told:?}");
    assert!(at("\u{1b}[?1049l") < at("on purpose"), "{told:?}");
}
