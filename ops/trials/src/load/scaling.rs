//! How much faster more workers are.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use queue::Queue;
use serde::Serialize;
use tokio::process::{Child, Command};

use crate::lines::submission;

/// One number of workers.
#[derive(Debug, Clone, Serialize)]
pub struct Scaling {
    /// Worker processes.
    pub workers: usize,
    /// Lines delivered.
    pub lines: usize,
    /// From the submission to the last delivery.
    pub seconds: f64,
    /// Against one worker.
    pub times_faster: f64,
}

/// Renders `lines` lines with each number of workers, whose speakers sleep for 400 ms a line in four
/// seats: what they could do at most is ten lines a second each. Mastering is real.
///
/// # Errors
/// When a worker cannot be started or the queue fails.
pub async fn scaling(
    address: &str,
    worker: &Path,
    lines: usize,
    numbers: &[usize],
) -> anyhow::Result<Vec<Scaling>> {
    let opened = address.to_owned();
    let queue = tokio::task::spawn_blocking(move || queue::open(&opened)).await??;
    let mut rows: Vec<Scaling> = Vec::new();
    for &workers in numbers {
        let store = tempfile::tempdir()?;
        let start = |number| start(worker, address, store.path(), &format!("w{workers}-{number}"));
        let processes: Vec<Child> = (0..workers).map(start).collect::<anyhow::Result<_>>()?;
        until_asking(&*queue, workers).await?;
        let new = submission(&format!("scaling-{workers}"), lines);
        let id = new.submission.id.clone();
        let since = Instant::now();
        queue.submit(new).await?;
        while queue.progress(&id).await?.is_some_and(|progress| progress.lines.open() > 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let seconds = since.elapsed().as_secs_f64();
        drop(processes); // killed; the next ones have other names
        let alone = rows.first().map_or(seconds, |first| first.seconds);
        rows.push(Scaling { workers, lines, seconds, times_faster: alone / seconds });
    }
    Ok(rows)
}

/// Waits until that many new workers have asked for work.
async fn until_asking(queue: &dyn Queue, workers: usize) -> anyhow::Result<()> {
    let prefix = format!("w{workers}-");
    loop {
        let cards = queue.workers().await?;
        let asking = cards.iter().filter(|card| card.worker.as_str().starts_with(&prefix));
        if asking.count() == workers {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn start(program: &Path, queue: &str, store: &Path, name: &str) -> anyhow::Result<Child> {
    let mut command = Command::new(program);
    command.args(["--queue", queue, "--name", name, "--slots", "4", "--turn-us", "100000"]);
    command.arg("--store").arg(store).env("RUST_LOG", "off");
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().with_context(|| format!("{} cannot be started", program.display()))
}
