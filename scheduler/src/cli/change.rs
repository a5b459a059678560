//! `tableread retry`, `cancel`, `pause`, `resume` and `forget`.

use anyhow::bail;
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
    /// Only lines of this character, as `status` calls it
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

pub(super) fn parse_line(id: &str) -> Result<LineId, String> {
    LineId::parse(id).map_err(|err| err.to_string())
}

pub(crate) async fn retry(args: LinesArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let selection = select(queue.as_ref(), &args).await?;
    let lines = queue.retry(&selection).await?;
    let words = Words { done: "set going again", none: "had failed or was cancelled" };
    report(&args, &selection, lines, &words)
}

pub(crate) async fn cancel(args: LinesArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let selection = select(queue.as_ref(), &args).await?;
    let lines = queue.cancel(&selection).await?;
    let words = Words { done: "cancelled", none: "was open any more" };
    report(&args, &selection, lines, &words)
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

pub(crate) async fn forget(args: EpisodeArgs) -> anyhow::Result<Exit> {
    let queue = args.place.existing()?.open_queue()?;
    let submission = find_submission(queue.as_ref(), &args.episode).await?;
    let lines = queue.forget(&submission).await?;
    line(format!("{submission} is forgotten with its {}", counted(lines, "line")))?;
    Ok(Exit::Done)
}

async fn select(queue: &dyn queue::Queue, args: &LinesArgs) -> anyhow::Result<Selection> {
    let submission = find_submission(queue, &args.episode).await?;
    let (mut line, mut character) = (None, None);
    if args.line.is_some() || args.character.is_some() {
        let records = queue.lines(&submission).await?;
        if let Some(wanted) = &args.line {
            let ids = records.iter().map(|record| record.job.id.as_str());
            line = Some(LineId::parse(one_of("line", wanted.as_str(), ids, &args.episode)?)?);
        }
        if let Some(wanted) = &args.character {
            let names = records.iter().map(|record| record.job.character.as_str());
            character = Some(one_of("character", wanted, names, &args.episode)?.to_owned());
        }
    }
    Ok(Selection { submission, line, character })
}

/// The one of `known` that is called `wanted`, in capitals or not.
pub(super) fn one_of<'a>(
    what: &str,
    wanted: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    episode: &str,
) -> anyhow::Result<&'a str> {
    let same = |name: &&str| name.to_lowercase() == wanted.to_lowercase();
    if let Some(name) =
        known.clone().find(|name| *name == wanted).or_else(|| known.clone().find(same))
    {
        return Ok(name);
    }
    let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase());
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
    bail!("no {what} `{wanted}` in {episode}; did you mean `{nearest}`?")
}

/// What is said when lines were changed, and when there were none to change.
struct Words {
    done: &'static str,
    none: &'static str,
}

fn report(
    args: &LinesArgs,
    selection: &Selection,
    lines: u64,
    Words { done, none }: &Words,
) -> anyhow::Result<Exit> {
    let submission = &selection.submission;
    if args.json {
        json_line(&serde_json::json!({ "submission": submission, "lines": lines }))?;
    } else if lines == 0 {
        line(format!("nothing of {submission} {none}"))?;
    } else {
        line(format!("{} of {submission} {done}", counted(lines, "line")))?;
    }
    Ok(Exit::Done)
}
