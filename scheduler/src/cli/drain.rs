//! `tableread drain`: a worker finishes what it holds and ends.

use std::time::Duration;

use clap::Args;
use queue::{Queue, WorkerCard};
use schemas::WorkerId;

use super::output::{line, note};
use super::workers::held;
use super::{Exit, place::PlaceArgs};
use crate::pace::{GONE_AFTER_MS, now_ms};

/// Has a worker finish what it holds, take no more, and end
///
/// It is handed nothing from this moment on and ends within seconds of its last line. A service that
/// runs it does not start it again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread drain mini-7           before a machine is switched off
  tableread drain mini-7 --wait    the same, and wait until it has ended
  tableread drain mini-7 --undo    take the order back, if it has not ended yet")]
pub(crate) struct DrainArgs {
    /// The worker, as `tableread workers` calls it
    #[arg(value_parser = parse_worker)]
    worker: WorkerId,
    /// Take the order back
    #[arg(long, conflicts_with = "wait")]
    undo: bool,
    /// Wait until it has ended, or was silent for a minute
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

fn parse_worker(name: &str) -> Result<WorkerId, String> {
    WorkerId::parse(name).map_err(|err| err.to_string())
}

pub(crate) async fn run(args: DrainArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let worker = &args.worker;
    queue.order_drain(worker, !args.undo).await?;
    if args.undo {
        line(format!("{worker} is handed lines again, unless it was already ending"))?;
        return Ok(Exit::Done);
    }
    if !args.wait {
        line(format!(
            "{worker} is handed no more lines and ends once it has finished those it holds"
        ))?;
        return Ok(Exit::Done);
    }
    wait_for_its_end(queue.as_ref(), worker).await
}

/// Returns once the worker said goodbye, or was silent for so long that it is taken for gone.
async fn wait_for_its_end(queue: &dyn Queue, worker: &WorkerId) -> anyhow::Result<Exit> {
    let mut said = None;
    loop {
        let cards = queue.workers().await?;
        let Some(card) = cards.into_iter().find(|card| card.worker == *worker) else {
            line(format!("{worker} has ended"))?;
            return Ok(Exit::Done);
        };
        if is_gone(&card, now_ms()) {
            line(format!(
                "{worker} was not heard of for a minute and is taken for gone; what it held goes to others"
            ))?;
            return Ok(Exit::Done);
        }
        if said != Some(card.lines_held) {
            note(held(&card));
            said = Some(card.lines_held);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn is_gone(card: &WorkerCard, now_ms: u64) -> bool {
    now_ms.saturating_sub(card.seen_at_ms) > GONE_AFTER_MS
}
