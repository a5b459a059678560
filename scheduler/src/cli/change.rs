//! `tableread retry`, `cancel`, `pause` and `resume`.

use clap::Args;
use queue::{Selection, SubmissionChange};
use schemas::LineId;

use super::output::{counted, json_line, line};
use super::{Exit, find_submission, place::PlaceArgs};

/// Which lines a change is about.
#[derive(Debug, Args)]
pub(crate) struct LinesArgs {
    /// Episode (its newest submission) or submission
    episode: String,
    /// Only this line, e.g. sc001-l0004
    #[arg(long, value_name = "ID", value_parser = parse_line)]
    line: Option<LineId>,
    /// Only lines of this character
    #[arg(long, value_name = "NAME")]
    character: Option<String>,
    /// Print JSON: {"submission": …, "lines": N}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Which episode a change is about.
#[derive(Debug, Args)]
pub(crate) struct EpisodeArgs {
    /// Episode (its newest submission) or submission
    episode: String,
    #[command(flatten)]
    place: PlaceArgs,
}

fn parse_line(id: &str) -> Result<LineId, String> {
    LineId::parse(id).map_err(|err| err.to_string())
}

pub(crate) async fn retry(args: LinesArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let selection = select(queue.as_ref(), &args).await?;
    let lines = queue.retry(&selection).await?;
    report(&args, &selection, lines, "set going again")
}

pub(crate) async fn cancel(args: LinesArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let selection = select(queue.as_ref(), &args).await?;
    let lines = queue.cancel(&selection).await?;
    report(&args, &selection, lines, "cancelled")
}

pub(crate) async fn change(args: EpisodeArgs, change: SubmissionChange) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let submission = find_submission(queue.as_ref(), &args.episode).await?;
    queue.change(&submission, change).await?;
    line(match change {
        SubmissionChange::Pause => {
            format!(
                "{submission} is paused; lines already held are finished. Go on with: tableread resume {}",
                args.episode
            )
        }
        SubmissionChange::Resume => format!("{submission} goes on"),
    })?;
    Ok(Exit::Done)
}

async fn select(queue: &dyn queue::Queue, args: &LinesArgs) -> anyhow::Result<Selection> {
    Ok(Selection {
        submission: find_submission(queue, &args.episode).await?,
        line: args.line.clone(),
        character: args.character.clone(),
    })
}

fn report(args: &LinesArgs, selection: &Selection, lines: u64, done: &str) -> anyhow::Result<Exit> {
    let submission = &selection.submission;
    if args.json {
        json_line(&serde_json::json!({ "submission": submission, "lines": lines }))?;
    } else {
        line(format!("{} of {submission} {done}", counted(lines, "line")))?;
    }
    Ok(Exit::Done)
}
