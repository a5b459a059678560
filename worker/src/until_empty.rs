//! When a worker that is to return at the end of its work does so.

use std::collections::BTreeSet;
use std::time::Duration;

use queue::{Queue, QueueError};
use schemas::{LineState, Progress, Stage, SubmissionState};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::WorkerError;
use crate::render::Worker;
use crate::room::engine_names;

/// What of the queue is left for a worker that holds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Left {
    /// Nothing that happens by itself.
    Nothing,
    /// Lines that this worker can take, or that another one holds.
    Work,
    /// Lines for engines that this worker does not have, and nothing else.
    Unspoken {
        /// How many there are; at least 1.
        lines: u64,
        /// The engines they are for.
        engines: BTreeSet<String>,
    },
}

/// The last look at a queue in which nothing was left but lines for other engines.
struct Stuck {
    since: Instant,
    open: Vec<Progress>,
    left: Left,
}

/// Stops the worker once nothing is open in the queue, if that is asked for. Never returns.
///
/// An outage of the queue is not emptiness: it is asked again. Lines for an engine that is not
/// here are left to another worker for the length of a lease; when nobody has taken them by then, the
/// worker ends with that as its reason, for it would wait without end.
pub(crate) async fn stop_when_empty(worker: &Worker) -> Result<(), WorkerError> {
    if !worker.settings.until_empty {
        return std::future::pending().await;
    }
    let patience = Duration::from_millis(worker.settings.lease_ms);
    let mut stuck = None;
    loop {
        tokio::time::sleep(worker.settings.poll()).await;
        if !worker.room.is_empty() {
            stuck = None;
            continue;
        }
        match look(worker, &mut stuck).await {
            Ok(Left::Nothing) => {
                debug!("nothing open in the queue");
                worker.drain.cancel();
                return std::future::pending().await;
            }
            Ok(Left::Unspoken { lines, engines }) if is_over(stuck.as_ref(), patience) => {
                worker.quit(WorkerError::Unspoken { lines, engines: listed(&engines) });
                return std::future::pending().await;
            }
            Ok(Left::Work | Left::Unspoken { .. }) => {}
            Err(error) => debug!(%error, "cannot tell whether the queue is empty"),
        }
    }
}

fn is_over(stuck: Option<&Stuck>, patience: Duration) -> bool {
    stuck.is_some_and(|stuck| stuck.since.elapsed() >= patience)
}

fn listed(engines: &BTreeSet<String>) -> String {
    let quoted: Vec<_> = engines.iter().map(|engine| format!("`{engine}`")).collect();
    quoted.join(", ")
}

/// Looks at the queue; at its lines only when nobody holds any, and not again until something moved.
async fn look(worker: &Worker, stuck: &mut Option<Stuck>) -> Result<Left, QueueError> {
    let open = open_submissions(&*worker.queue).await?;
    if let Some(before) = stuck
        && before.open == open
    {
        return Ok(before.left.clone());
    }
    *stuck = None;
    if open.is_empty() {
        return Ok(Left::Nothing);
    }
    if open.iter().any(is_moving) {
        return Ok(Left::Work);
    }
    let left = unspoken(worker, &open).await?;
    if let Left::Unspoken { lines, engines } = &left {
        let engines = listed(engines);
        warn!(lines, engines, "lines wait for a worker that has their engine");
        *stuck = Some(Stuck { since: Instant::now(), open, left: left.clone() });
    }
    Ok(left)
}

/// Submissions with a line to which something will still happen by itself. A paused one waits for a
/// person, and is not waited for.
async fn open_submissions(queue: &dyn Queue) -> Result<Vec<Progress>, QueueError> {
    let mut submissions = queue.submissions(None).await?;
    submissions.retain(|progress| match progress.state {
        SubmissionState::Active => progress.lines.open() > 0,
        SubmissionState::Paused
        | SubmissionState::Done
        | SubmissionState::Failed
        | SubmissionState::Cancelled => false,
    });
    Ok(submissions)
}

/// Whether somebody holds a line of it, or one waits for its next try.
fn is_moving(progress: &Progress) -> bool {
    progress.lines.speaking + progress.lines.mastering + progress.lines.delayed > 0
}

/// Sorts lines that nobody holds by whether this worker could take them.
async fn unspoken(worker: &Worker, open: &[Progress]) -> Result<Left, QueueError> {
    let (queue, mine) = (&*worker.queue, engine_names(&worker.engines));
    let (mut lines, mut engines) = (0, BTreeSet::new());
    for progress in open {
        let Some(submission) = queue.submission(&progress.submission).await? else { continue };
        let is_tagged =
            submission.tag.as_ref().is_none_or(|tag| worker.settings.tags.contains(tag));
        for line in queue.lines(&progress.submission).await? {
            if line.state != LineState::Waiting {
                continue;
            }
            if line.stage != Stage::Speak || is_tagged && mine.contains(&line.job.engine) {
                return Ok(Left::Work);
            }
            lines += 1;
            engines.insert(submission.needs(&line.job.engine));
        }
    }
    Ok(if lines > 0 { Left::Unspoken { lines, engines } } else { Left::Work })
}
