//! `tableread enqueue`: an episode for workers that run elsewhere.

use clap::Args;

use super::Exit;
use super::output::{counted, json_line, line};
use super::place::PlaceArgs;
use super::progress::follow;
use super::script_args::{MasteringArgs, QueueingArgs, ScriptArgs};
use crate::export::export;
use crate::finish::finish;
use crate::submit::{prepare, submit};

/// Puts an episode into the queue, for workers to render
#[derive(Debug, Args)]
#[command(after_help = "\
Sending the same episode again adds nothing; an edited one replaces what is still open of it.

Example, two processes on one queue:
  tableread enqueue pilot.fountain --cast cast.toml --out pilot --wait &
  tableread-worker run --out pilot --until-empty

Exit code: 0; with --wait 3 when lines have failed.")]
pub(crate) struct EnqueueArgs {
    #[command(flatten)]
    script: ScriptArgs,
    #[command(flatten)]
    mastering: MasteringArgs,
    #[command(flatten)]
    queueing: QueueingArgs,
    /// Wait until every line is delivered or given up on, then export into --out
    #[arg(long)]
    wait: bool,
    /// Print JSON: {"submission": …, "episode": …, "added": N, …}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: EnqueueArgs) -> anyhow::Result<Exit> {
    let upload = args.script.read(&args.mastering, &args.queueing)?;
    let place = args.place.begin()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    let prepared = prepare(&upload, &store).await?;
    let submitted = submit(&upload, prepared, queue.as_ref(), &store).await?;
    let (id, added) = (&submitted.id, &submitted.added);
    if args.json {
        json_line(&serde_json::json!({
            "submission": id,
            "episode": upload.episode,
            "lines": submitted.prepared.plan.lines.len(),
            "added": added.lines,
            "revived": added.revived,
            "superseded": added.superseded,
            "edits": submitted.prepared.edits,
        }))?;
    } else if added.lines == 0 && added.revived == 0 {
        line(format!("{id} is in the queue already"))?;
    } else {
        line(format!("{id}: {} queued", counted(added.lines + added.revived, "line")))?;
        line(format!("Follow it:  tableread status {} --watch", upload.episode))?;
    }
    if !args.wait {
        return Ok(Exit::Done);
    }
    follow(queue.as_ref(), id).await?;
    let manifest = finish(queue.as_ref(), &store, id).await?;
    let exported = export(&manifest, &store, &place.out).await?;
    if !args.json {
        let delivered = counted(manifest.totals.delivered, "line");
        line(format!("{delivered} delivered into {}", exported.folder.display()))?;
    }
    Ok(if manifest.totals.failed > 0 { Exit::SomeFailed } else { Exit::Done })
}
