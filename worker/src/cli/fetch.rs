//! `tableread-worker fetch`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use worker::models::{FetchProgress, Fetched, fetch as fetch_release};

use super::{answer, say_on_stderr};
use crate::config::FetchArguments;

/// What was fetched, for programs.
#[derive(Debug, Serialize)]
struct Answer {
    /// What voices call it.
    name: String,
    /// Where it is.
    folder: String,
    /// The commit's hash.
    revision: String,
    /// Bytes of its files.
    bytes: u64,
    /// Whether nothing had to be fetched.
    was_there: bool,
}

/// Fetches a model into a folder; what an earlier try received is not received again.
///
/// # Errors
/// When it cannot be had or written.
pub(super) async fn fetch(arguments: &FetchArguments) -> anyhow::Result<ExitCode> {
    let order = arguments.order()?;
    let bar = bar();
    let mut show = |progress| show(&bar, progress);
    let fetched = fetch_release(&order, &mut show).await;
    bar.finish_and_clear();
    let id = order.repository.id();
    let fetched = fetched.with_context(|| format!("{id} was not fetched"))?;
    answer(&if arguments.json { json(fetched)? } else { sentence(&fetched) })?;
    Ok(ExitCode::SUCCESS)
}

/// A bar where somebody watches, nothing elsewhere.
fn bar() -> ProgressBar {
    let template = "{bar:32.cyan/dim} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let is_watched = std::io::stderr().is_terminal();
    let target =
        if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(Some(0), target).with_style(style)
}

fn show(bar: &ProgressBar, progress: FetchProgress) {
    match progress {
        FetchProgress::Begun { bytes, had } => {
            let kept = if had > 0 {
                format!(", {} of them here already", megabytes(had))
            } else {
                String::new()
            };
            say_on_stderr(&format!("fetching {}{kept}", megabytes(bytes)));
            bar.set_length(bytes);
            bar.set_position(had);
            // What was there before says nothing of how fast the rest comes.
            bar.reset_eta();
        }
        FetchProgress::Received(bytes) => bar.inc(bytes),
        FetchProgress::Lost(bytes) => bar.set_position(bar.position().saturating_sub(bytes)),
    }
}

fn json(fetched: Fetched) -> anyhow::Result<String> {
    let Fetched { release, revision, bytes, was_there } = fetched;
    let folder = release.folder.display().to_string();
    let answer = Answer { name: release.name, folder, revision, bytes, was_there };
    Ok(serde_json::to_string(&answer)?)
}

fn sentence(fetched: &Fetched) -> String {
    let Fetched { release, revision, bytes, was_there } = fetched;
    let folder = release.folder.display();
    let what = if *was_there { "was there already" } else { "is here" };
    format!(
        "{} {what}: {folder} ({}, revision {revision})\nuse it with: tableread-worker run --model {folder}",
        release.name,
        megabytes(*bytes)
    )
}

#[expect(clippy::cast_precision_loss, reason = "no release has 2^52 bytes")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
