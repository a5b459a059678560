//! `tableread status`: is it ready, what failed, when will it be done.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use comfy_table::{Cell, Color, Table};
use queue::Queue;
use schemars::JsonSchema;
use schemas::{LineRecord, LineState, Progress, SubmissionId, SubmissionState};
use serde::Serialize;

use super::output::{counted, duration, json_pretty, line, plain, table, times_real_time};
use super::watch::Watch;
use super::{Exit, answer, cost, find_submission, place::PlaceArgs};
use crate::pace;

/// Shows how far episodes are, what failed and why, and what machines were taken for
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread status                          every episode, one row each
  tableread status night-ferry              one episode: when it is done, what holds it up, what failed
  tableread status --watch                  a live picture of all; q ends it
  tableread status night-ferry --watch      the same of one, until it is over
  tableread status --watch | tee log        elsewhere than on a terminal: a line whenever something changed
  tableread status --cost --since 12h       machine time of the last night, by worker
  tableread status --json | jq .state       for programs

Exit code: 0, or 3 when the named episode has failed lines.")]
pub(crate) struct StatusArgs {
    /// Episode or submission; all of them when left out
    episode: Option<String>,
    /// Keep it up to date: the named episode until it is over; on a terminal all until q is typed,
    /// elsewhere until nothing is open
    #[arg(long)]
    watch: bool,
    /// Show for how long workers held lines, and what came of it
    #[arg(long, conflicts_with_all = ["episode", "watch"])]
    cost: bool,
    /// How far back, e.g. 12h or 7d, counted from the full hour before; 36 days are kept
    #[arg(long, value_name = "TIME", default_value = "12h", requires = "cost",
          value_parser = worker::parse_duration)]
    since: Duration,
    /// Print JSON: an array of submissions, or one object with its lines; with --watch on one line
    /// whenever something changed
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
    pub(super) progress: Progress,
    /// Every line in script order.
    pub(super) line_records: Vec<LineRecord>,
}

pub(crate) async fn run(args: StatusArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    if args.cost {
        cost::show(queue.as_ref(), args.since, args.json).await?;
        return Ok(Exit::Done);
    }
    let only = match &args.episode {
        Some(name) => Some(find_submission(queue.as_ref(), name).await?),
        None => None,
    };
    if args.watch {
        let watch = Watch { queue: queue.clone(), only: only.clone(), is_json: args.json };
        let exit = watch.run().await?;
        // What was on the screen is gone with it: what it came to stays.
        if let (Some(id), true, false) = (&only, std::io::stdout().is_terminal(), args.json) {
            show_one(queue.as_ref(), id, false).await?;
        }
        return Ok(exit);
    }
    match &only {
        Some(id) => show_one(queue.as_ref(), id, args.json).await,
        None => show_all(queue.as_ref(), args.json).await,
    }
}

async fn show_all(queue: &dyn Queue, is_json: bool) -> anyhow::Result<Exit> {
    let all = queue.submissions(None).await?;
    if is_json {
        json_pretty(&all)?;
        return Ok(Exit::Done);
    }
    let (cards, now_ms) = (queue.workers().await?, pace::now_ms());
    line(overview(&all, pace::speed(&cards, now_ms)))?;
    let is_open = all.iter().any(|progress| progress.lines.open() > 0);
    if is_open && !cards.iter().any(|card| pace::is_alive(card, now_ms)) {
        line(answer::NOBODY)?;
    }
    for sentence in answer::slow_ones(&cards, now_ms) {
        line(sentence)?;
    }
    Ok(Exit::Done)
}

async fn show_one(queue: &dyn Queue, id: &SubmissionId, is_json: bool) -> anyhow::Result<Exit> {
    let progress = queue.progress(id).await?.context("the submission is gone")?;
    let line_records = queue.lines(id).await?;
    let exit = if progress.lines.failed > 0 { Exit::SomeFailed } else { Exit::Done };
    if is_json {
        json_pretty(&Detail { progress, line_records })?;
        return Ok(exit);
    }
    let (cards, now_ms) = (queue.workers().await?, pace::now_ms());
    let only = std::slice::from_ref(&progress);
    line(overview(only, pace::speed(&cards, now_ms)))?;
    line(characters(&line_records).to_string())?;
    line(answer::standing(&progress, &cards, now_ms))?;
    let tag = queue.submission(id).await?.and_then(|submission| submission.tag);
    let mut sentences = answer::hold_ups(&line_records, tag.as_ref(), &cards, now_ms);
    if progress.lines.open() > 0 {
        sentences.extend(answer::slow_ones(&cards, now_ms));
    }
    sentences.extend(failures(progress.episode.as_str(), &line_records));
    for sentence in sentences {
        line(sentence)?;
    }
    Ok(exit)
}

fn overview(all: &[Progress], speed: f64) -> String {
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
    let nothing = if all.is_empty() {
        "\nNothing was submitted yet: tableread render SCRIPT --cast CAST"
    } else {
        ""
    };
    format!("{rows}{nothing}")
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
            plain(character),
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
            "{} failed; what happened to one: tableread logs {} --episode {episode}; after mending the \
             cause: tableread retry {episode} [--line {}]",
            counted(failed.len() as u64, "line"),
            first.job.id,
            first.job.id
        ));
    }
    for record in failed {
        let why = record.failure.as_ref().map_or("no reason was kept", |failure| &failure.message);
        let who = plain(&record.job.character);
        sentences.push(format!("  {}  {who}: {}", record.job.id, plain(why)));
    }
    sentences
}
