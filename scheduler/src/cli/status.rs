//! `tableread status`: is it ready, what failed, when will it be done.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use comfy_table::{Cell, Color, Table};
use queue::Queue;
use schemars::JsonSchema;
use schemas::{LineRecord, LineState, Progress, SubmissionId, SubmissionState};
use serde::Serialize;

use super::output::{counted, duration, json_line, json_pretty, line, table, times_real_time};
use super::{Exit, find_submission, place::PlaceArgs};
use crate::pace;

/// Shows how far episodes are, and what failed and why.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread status                          every episode, one row each
  tableread status night-ferry              one episode: characters, and each failed line with its reason
  tableread status night-ferry --watch      the same, kept up to date until it is done
  tableread status --json | jq .state       for programs

Exit code: 0, or 3 when the named episode has failed lines.")]
pub(crate) struct StatusArgs {
    /// Episode or submission; all of them when left out
    episode: Option<String>,
    /// Repeat every second until nothing is open
    #[arg(long)]
    watch: bool,
    /// Print JSON: an array of submissions, or one object with its lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// One submission in full, for programs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Detail {
    /// How far it is.
    #[serde(flatten)]
    progress: Progress,
    /// Every line in script order.
    line_records: Vec<LineRecord>,
}

pub(crate) async fn run(args: StatusArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let wanted = match &args.episode {
        Some(name) => Some(find_submission(queue.as_ref(), name).await?),
        None => None,
    };
    loop {
        let is_open = show(queue.as_ref(), wanted.as_ref(), &args).await?;
        if !args.watch || !is_open {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    match wanted {
        Some(id) => {
            let progress = queue.progress(&id).await?.context("the submission is gone")?;
            Ok(if progress.lines.failed > 0 { Exit::SomeFailed } else { Exit::Done })
        }
        None => Ok(Exit::Done),
    }
}

/// Prints once; says whether anything is still open.
async fn show(
    queue: &dyn Queue,
    wanted: Option<&SubmissionId>,
    args: &StatusArgs,
) -> anyhow::Result<bool> {
    let Some(id) = wanted else {
        let all = queue.submissions(None).await?;
        match (args.json, args.watch) {
            (true, true) => json_line(&all)?,
            (true, false) => json_pretty(&all)?,
            (false, _) => line(overview(&all, speed(queue).await?, args.watch))?,
        }
        return Ok(all.iter().any(|progress| progress.lines.open() > 0));
    };
    let progress = queue.progress(id).await?.context("the submission is gone")?;
    let is_open = progress.lines.open() > 0;
    let line_records = queue.lines(id).await?;
    match (args.json, args.watch) {
        (true, true) => json_line(&Detail { progress, line_records })?,
        (true, false) => json_pretty(&Detail { progress, line_records })?,
        (false, _) => {
            let episode = progress.episode.to_string();
            let only = std::slice::from_ref(&progress);
            line(overview(only, speed(queue).await?, args.watch))?;
            line(characters(&line_records).to_string())?;
            for sentence in failures(&episode, &line_records) {
                line(sentence)?;
            }
        }
    }
    Ok(is_open)
}

/// What clears the screen before a table that is kept up to date; nothing where nobody watches.
pub(super) fn clear(is_live: bool) -> String {
    use std::io::IsTerminal as _;
    let is_watched = is_live && std::io::stdout().is_terminal();
    if is_watched { "\x1b[2J\x1b[H".to_owned() } else { String::new() }
}

fn overview(all: &[Progress], speed: f64, is_live: bool) -> String {
    let header = ["submission", "state", "done", "of", "failed", "audio", "× real time", "left"];
    let mut rows = table(&header, &["done", "of", "failed", "audio", "× real time", "left"]);
    for progress in all {
        let failed = Cell::new(progress.lines.failed);
        let failed = if progress.lines.failed > 0 { failed.fg(Color::Red) } else { failed };
        rows.add_row([
            Cell::new(progress.submission.as_str()),
            state_cell(progress.state),
            Cell::new(progress.lines.done),
            Cell::new(progress.lines.total()),
            failed,
            Cell::new(duration(progress.audio_ms)),
            Cell::new(times_real_time(progress.audio_ms, progress.synth_ms)),
            Cell::new(left(progress, speed)),
        ]);
    }
    let clear = clear(is_live);
    let nothing = if all.is_empty() {
        "\nNothing was submitted yet: tableread render SCRIPT --cast CAST"
    } else {
        ""
    };
    format!("{clear}{rows}{nothing}")
}

fn state_cell(state: SubmissionState) -> Cell {
    match state {
        SubmissionState::Active => Cell::new("active").fg(Color::Cyan),
        SubmissionState::Paused => Cell::new("paused").fg(Color::Yellow),
        SubmissionState::Done => Cell::new("done").fg(Color::Green),
        SubmissionState::Failed => Cell::new("failed").fg(Color::Red),
        SubmissionState::Cancelled => Cell::new("cancelled"),
    }
}

/// How many seconds of audio the living workers make in one together.
async fn speed(queue: &dyn Queue) -> anyhow::Result<f64> {
    Ok(pace::speed(&queue.workers().await?, pace::now_ms()))
}

fn left(progress: &Progress, speed: f64) -> String {
    pace::left_ms(progress, speed)
        .map_or_else(|| "–".into(), |ms| format!("about {}", duration(ms)))
}

fn characters(records: &[LineRecord]) -> Table {
    #[derive(Default)]
    struct Sum {
        lines: u64,
        done: u64,
        failed: u64,
        audio_ms: u64,
    }
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for record in records {
        let sum = sums.entry(&record.job.character).or_default();
        sum.lines += 1;
        sum.done += u64::from(record.state == LineState::Done);
        sum.failed += u64::from(record.state == LineState::Failed);
        sum.audio_ms += record.take.as_ref().map_or(0, schemas::TakeFacts::duration_ms);
    }
    let header = ["character", "lines", "done", "failed", "audio"];
    let mut rows = table(&header, &["lines", "done", "failed", "audio"]);
    for (character, sum) in sums {
        rows.add_row([
            character.to_owned(),
            sum.lines.to_string(),
            sum.done.to_string(),
            sum.failed.to_string(),
            duration(sum.audio_ms),
        ]);
    }
    rows
}

fn failures(episode: &str, records: &[LineRecord]) -> Vec<String> {
    let failed: Vec<_> =
        records.iter().filter(|record| record.state == LineState::Failed).collect();
    let mut sentences = Vec::new();
    if let Some(first) = failed.first() {
        sentences.push(format!(
            "{} failed; after mending the cause: tableread retry {episode} [--line {}]",
            counted(failed.len() as u64, "line"),
            first.job.id
        ));
    }
    for record in failed {
        let why = record.failure.as_ref().map_or("no reason was kept", |failure| &failure.message);
        sentences.push(format!("  {}  {}: {why}", record.job.id, record.job.character));
    }
    sentences
}
