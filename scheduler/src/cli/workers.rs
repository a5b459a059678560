//! `tableread workers`: who renders, and how they are.

use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, Color};
use queue::WorkerCard;
use schemas::{EngineState, WorkerReport, WorkerState};

use super::output::{counted, json_line, json_pretty, line, table};
use super::{Exit, place::PlaceArgs};
use crate::pace::{GONE_AFTER_MS, now_ms};

/// Shows the workers heard of within the last hour, and how they are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread workers                    who is there, what they do, what is wrong with them
  tableread workers --watch            the same, kept up to date
  tableread workers --json | jq '.[] | select(.report.state == \"paused\") | .report.detail'")]
pub(crate) struct WorkersArgs {
    /// Repeat every two seconds until stopped
    #[arg(long)]
    watch: bool,
    /// Print JSON: an array of workers; one a line with --watch
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: WorkersArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    loop {
        let cards = queue.workers().await?;
        match (args.json, args.watch) {
            (true, true) => json_line(&cards)?,
            (true, false) => json_pretty(&cards)?,
            (false, _) => line(shown(&cards, now_ms(), args.watch))?,
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

fn shown(cards: &[WorkerCard], now_ms: u64, is_live: bool) -> String {
    let header = [
        "worker",
        "state",
        "machine",
        "models",
        "voices",
        "slots",
        "× real time",
        "last line",
        "spoken",
        "failed",
        "held",
        "seen",
    ];
    let numbers = ["voices", "slots", "× real time", "spoken", "failed", "held", "seen"];
    let mut rows = table(&header, &numbers);
    for card in cards {
        rows.add_row(row(card, now_ms));
    }
    let mut text = clear(is_live);
    if cards.is_empty() {
        text += "no worker was heard of within the last hour; start one: tableread-worker run";
        return text;
    }
    text += &rows.to_string();
    for card in cards {
        if let Some(detail) = card.report.as_ref().and_then(|report| report.detail.as_ref()) {
            text += "\n";
            text += card.worker.as_str();
            text += ": ";
            text += detail;
        }
    }
    for sentence in super::answer::slow_ones(cards, now_ms) {
        text += "\n";
        text += &sentence;
    }
    text
}

/// What clears the screen before a table that is kept up to date; nothing where nobody watches.
fn clear(is_live: bool) -> String {
    use std::io::IsTerminal as _;
    let is_watched = is_live && std::io::stdout().is_terminal();
    if is_watched { "\x1b[2J\x1b[H".to_owned() } else { String::new() }
}

fn row(card: &WorkerCard, now_ms: u64) -> Vec<Cell> {
    let silent_ms = now_ms.saturating_sub(card.seen_at_ms);
    let mut row = vec![Cell::new(card.worker.as_str()), state_cell(card, silent_ms)];
    match &card.report {
        Some(report) => row.extend(of_report(report)),
        None => row.extend((0..8).map(|_| Cell::new("–"))),
    }
    row.push(Cell::new(card.lines_held));
    row.push(Cell::new(ago(silent_ms)));
    row
}

fn of_report(report: &WorkerReport) -> [Cell; 8] {
    let failed = Cell::new(report.failed);
    let sum = |of: fn(&EngineState) -> u32| report.engines.iter().map(of).sum::<u32>();
    let tags: Vec<_> = report.tags.iter().map(|tag| format!(", #{tag}")).collect();
    let machine = format!("{}, {}{}", report.host, report.hardware, tags.concat());
    [
        Cell::new(machine),
        Cell::new(models(&report.engines)),
        Cell::new(report.voices_warm),
        Cell::new(format!("{}/{}", sum(|engine| engine.slots_busy), sum(|engine| engine.slots))),
        Cell::new(speeds(&report.engines)),
        Cell::new(report.last_line.as_ref().map_or("–", |line| line.as_str())),
        Cell::new(report.spoken),
        if report.failed > 0 { failed.fg(Color::Red) } else { failed },
    ]
}

/// The models in memory; those that are only on the disk are counted.
fn models(engines: &[EngineState]) -> String {
    let loaded = engines.iter().filter(|engine| engine.is_loaded);
    let mut names: Vec<_> = loaded.map(|engine| engine.model.clone()).collect();
    let on_disk = engines.len() - names.len();
    if on_disk > 0 {
        names.push(format!("+{on_disk} on disk"));
    }
    names.join(", ")
}

/// How fast every engine is that has spoken, in the order in which they are named.
fn speeds(engines: &[EngineState]) -> String {
    let speeds: Vec<_> = engines
        .iter()
        .filter_map(|engine| engine.times_real_time)
        .map(|times| if times < 10.0 { format!("{times:.1}") } else { format!("{times:.0}") })
        .collect();
    if speeds.is_empty() { "–".to_owned() } else { speeds.join(", ") }
}

fn state_cell(card: &WorkerCard, silent_ms: u64) -> Cell {
    if silent_ms > GONE_AFTER_MS {
        return Cell::new("silent").fg(Color::Red);
    }
    match card.report.as_ref().map(|report| report.state) {
        // The order has not reached it yet.
        Some(WorkerState::Idle | WorkerState::Rendering) if card.is_ordered_to_drain => {
            Cell::new("draining").fg(Color::Yellow)
        }
        Some(WorkerState::Starting) => Cell::new("starting"),
        Some(WorkerState::Idle) => Cell::new("idle"),
        Some(WorkerState::Rendering) => Cell::new("rendering").fg(Color::Green),
        Some(WorkerState::Draining) => Cell::new("draining").fg(Color::Yellow),
        Some(WorkerState::Paused) => Cell::new("paused").fg(Color::Red),
        None => Cell::new("unknown"),
    }
}

fn ago(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds => format!("{} min ago", seconds / 60),
    }
}

/// What is said of lines that a worker holds.
pub(super) fn held(card: &WorkerCard) -> String {
    format!("{} holds {}", card.worker, counted(card.lines_held, "line"))
}

#[cfg(test)]
mod tests {
    use schemas::{LineId, WorkerId};

    use super::*;

    fn card(name: &str, state: WorkerState) -> WorkerCard {
        let worker = WorkerId::parse(name).unwrap();
        let engine = |model: &str, is_loaded, times_real_time| EngineState {
            engine: format!("{model}/1"),
            model: model.to_owned(),
            is_loaded,
            slots: 8,
            slots_busy: 3,
            resident_bytes: None,
            times_real_time,
        };
        let report = WorkerReport {
            worker: worker.clone(),
            instance: "01".to_owned(),
            version: "0.1.0".to_owned(),
            host: "mini-7".to_owned(),
            hardware: "Apple M4, 16 GB".to_owned(),
            device: "metal".to_owned(),
            engines: vec![engine("scratch", true, Some(82.3)), engine("qwen", false, None)],
            state,
            detail: (state == WorkerState::Paused).then(|| "the store is away".to_owned()),
            voices_warm: 4,
            last_line: Some(LineId::new(1, 4)),
            spoken: 12,
            mastered: 11,
            failed: 1,
            started_at_ms: 0,
            tags: [].into(),
        };
        let report = Some(report);
        WorkerCard {
            worker,
            seen_at_ms: 100_000,
            lines_held: 5,
            report,
            is_ordered_to_drain: false,
        }
    }

    fn cells(card: &WorkerCard, now_ms: u64) -> Vec<String> {
        row(card, now_ms).iter().map(Cell::content).collect()
    }

    #[test]
    fn a_row_says_how_a_worker_is() {
        let mini = card("mini-7", WorkerState::Rendering);
        let row = cells(&mini, 103_000);
        let expected = [
            "mini-7",
            "rendering",
            "mini-7, Apple M4, 16 GB",
            "scratch, +1 on disk",
            "4",
            "6/16",
            "82",
            "sc001-l0004",
            "12",
            "1",
            "5",
            "3 s ago",
        ];
        assert_eq!(row, expected);
    }

    #[test]
    fn who_is_silent_or_told_to_drain_is_shown_as_that_whatever_it_said_last() {
        let mini = card("mini-7", WorkerState::Rendering);
        assert_eq!(cells(&mini, 161_000)[1], "silent");
        let told = WorkerCard { is_ordered_to_drain: true, ..mini };
        assert_eq!(cells(&told, 103_000)[1], "draining");
        let unknown = WorkerCard { report: None, ..told };
        assert_eq!(cells(&unknown, 103_000).len(), 12);
    }

    #[test]
    fn what_is_wrong_is_said_below_the_table() {
        let text = shown(&[card("mini-7", WorkerState::Paused)], 103_000, false);
        assert!(text.ends_with("\nmini-7: the store is away"), "{text}");
        assert!(shown(&[], 0, false).contains("start one"));
    }
}
