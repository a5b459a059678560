//! `tableread export`: files of what is rendered so far.

use clap::Args;

use super::output::{counted, duration, json_line, line};
use super::place::PlaceArgs;
use super::{Exit, find_submission};
use crate::export::export;
use crate::finish::finish;

/// Writes what is rendered of an episode as files: lines, mix, captions, timeline, manifest
#[derive(Debug, Args)]
#[command(after_help = "\
Works at any time: lines that are not delivered yet are left out of lines/, silent in the mix and
outlined in the timeline. Exit code: 0, or 3 when lines have failed.")]
pub(crate) struct ExportArgs {
    /// Episode (its newest submission) or submission
    episode: String,
    /// Folder for the files, when it is not the production's own
    #[arg(long, value_name = "DIR")]
    to: Option<std::path::PathBuf>,
    /// Print JSON: where the files are
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: ExportArgs) -> anyhow::Result<Exit> {
    let place = args.place.existing()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    let submission = find_submission(queue.as_ref(), &args.episode).await?;
    let manifest = finish(queue.as_ref(), &store, &submission).await?;
    let exported = export(&manifest, &store, args.to.as_ref().unwrap_or(&place.out)).await?;
    if args.json {
        json_line(&serde_json::json!({
            "submission": submission,
            "manifest": exported.manifest,
            "mix": exported.mix,
            "timeline": exported.timeline,
            "totals": manifest.totals,
        }))?;
    } else {
        line(format!(
            "{} of {}, {} in all, in {}",
            manifest.totals.delivered,
            counted(manifest.totals.lines, "line"),
            duration(exported.length_ms),
            exported.folder.display()
        ))?;
    }
    Ok(if manifest.totals.failed > 0 { Exit::SomeFailed } else { Exit::Done })
}
