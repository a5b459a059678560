//! `tableread enqueue`: an episode for workers that run elsewhere.

use clap::Args;
use schemas::{BadId, Tag, Totals};

use super::Exit;
use super::confirm::{ConfirmArgs, is_agreed, time};
use super::engines::{EngineArgs, plan_for_farm};
use super::export::tell_folder;
use super::output::{counted, json_line, line};
use super::place::PlaceArgs;
use super::progress::follow;
use super::render::{refuse_replaced, tell_restart};
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

Exit code: 0; with --wait 3 when lines have failed or were cancelled.")]
pub(crate) struct EnqueueArgs {
    #[command(flatten)]
    script: ScriptArgs,
    #[command(flatten)]
    mastering: MasteringArgs,
    #[command(flatten)]
    queueing: QueueingArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    engines: EngineArgs,
    /// Have it spoken only by workers that were given this tag: tableread-worker run --tag TAG
    #[arg(long, value_name = "TAG", value_parser = parse_tag)]
    tag: Option<Tag>,
    /// Wait until every line is delivered or given up on, then export into --out
    #[arg(long)]
    wait: bool,
    /// Print JSON: {"submission": …, "episode": …, "added": N, …}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

fn parse_tag(tag: &str) -> Result<Tag, BadId> {
    Tag::parse(tag)
}

pub(crate) async fn run(mut args: EnqueueArgs) -> anyhow::Result<Exit> {
    args.script.fetch_locks(&args.place).await?;
    let mut upload = args.script.read(&args.mastering, &args.queueing)?;
    upload.tag.clone_from(&args.tag);
    let place = args.place.begin()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    plan_for_farm(&mut upload, &args.engines, Some(queue.as_ref()))
        .await
        .map_err(|err| args.script.blame_any(err))?;
    let mut prepared = prepare(&upload, &store).await.map_err(|err| args.script.blame(err))?;
    time(&mut prepared, Some(queue.as_ref())).await?;
    if !is_agreed(&prepared, &args.confirm)? {
        if args.json {
            json_line(&serde_json::json!({ "episode": upload.episode, "price": prepared.price }))?;
        }
        return Ok(Exit::Refused);
    }
    let submitted = submit(&upload, prepared, queue.as_ref(), &store)
        .await
        .map_err(|err| args.script.blame(err))?;
    tell_restart(&submitted);
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
            "price": submitted.prepared.price,
        }))?;
    } else if added.lines == 0 && added.revived == 0 {
        line(format!("{id} is in the queue already"))?;
    } else {
        line(format!("{id}: {} queued", counted(added.lines + added.revived, "line")))?;
        line(format!(
            "Follow it:  tableread status {}{} --watch",
            upload.episode,
            args.place.as_typed()
        ))?;
    }
    if !args.wait {
        return Ok(Exit::Done);
    }
    follow(queue.as_ref(), id).await?;
    refuse_replaced(queue.as_ref(), &upload.episode, id).await?;
    let manifest = finish(queue.as_ref(), &store, id).await?;
    let exported = export(&manifest, &store, &place.out).await?;
    tell_folder(&exported, &place.out);
    if !args.json {
        let Totals { lines, delivered, .. } = manifest.totals;
        let (of, folder) = (counted(lines, "line"), exported.folder.display());
        line(format!("{delivered} of {of} delivered into {folder}"))?;
    }
    Ok(if manifest.totals.delivered < manifest.totals.lines {
        Exit::SomeFailed
    } else {
        Exit::Done
    })
}
