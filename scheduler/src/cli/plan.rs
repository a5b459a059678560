//! `tableread plan`: what would be rendered, and what is rendered already.

use clap::Args;
use schemars::JsonSchema;
use schemas::{Edits, SynthKey};
use serde::Serialize;

use super::Exit;
use super::confirm::{tell_lapses, time, told};
use super::engines::{EngineArgs, plan_for_farm};
use super::output::{counted, duration, json_pretty, line, table};
use super::place::PlaceArgs;
use super::script_args::{MasteringArgs, QueueingArgs, ScriptArgs};
use crate::plan::{Plan, models_with_voices};
use crate::price::{Price, measured_speed};
use crate::submit::{Prepared, prepare};

/// Says what would be rendered: lines, voices, groups, batches, minutes. Changes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Speakers who are not cast stop the plan and are all named at once. With --out (or --store) it also
says what is rendered already and how long the rest will take, measured by what was rendered there.

Languages come from [[language: de]] notes in the script, else from the cast (see tableread cast --help);
one that a voice's model does not speak stops the plan.

Where a voice, a model, a language or the lexicon changed since the episode was last submitted, it says
which rendered and approved lines go stale, and what it costs to speak them anew.")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    script: ScriptArgs,
    #[command(flatten)]
    mastering: MasteringArgs,
    #[command(flatten)]
    queueing: QueueingArgs,
    #[command(flatten)]
    engines: EngineArgs,
    /// Print the whole plan as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(mut args: PlanArgs) -> anyhow::Result<Exit> {
    args.script.fetch_locks(&args.place).await?;
    let mut upload = args.script.read(&args.mastering, &args.queueing)?;
    let (queue, store) = args.place.peek().await?;
    plan_for_farm(&mut upload, &args.engines, queue.as_deref())
        .await
        .map_err(|err| args.script.blame_any(err))?;
    let mut prepared = prepare(&upload, &store).await.map_err(|err| args.script.blame(err))?;
    time(&mut prepared, queue.as_deref()).await?;
    if args.json {
        let Prepared { plan, takes, edits, price, .. } = &prepared;
        let (rendered, price) = (takes.keys().collect(), price.as_ref());
        let report = PlanReport { plan, rendered, edits: *edits, price };
        json_pretty(&report)?;
        return Ok(Exit::Done);
    }
    let speed = match &queue {
        Some(queue) => measured_speed(queue.as_ref()).await?,
        None => None,
    };
    line(voices(&prepared.plan))?;
    line(summary(&prepared, speed))?;
    tell_lapses(&prepared.lapses);
    if let Some(price) = &prepared.price {
        line(told(price))?;
    }
    Ok(Exit::Done)
}

/// What `plan --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PlanReport<'a> {
    /// The plan.
    #[serde(flatten)]
    plan: &'a Plan,
    /// Takes of the plan that are in the store already, in no meaningful order, each once.
    rendered: Vec<&'a SynthKey>,
    /// What changed since the episode was last submitted; absent when it never was.
    edits: Option<Edits>,
    /// What it costs that lines sound otherwise though the script is the same; absent when none does
    /// that was rendered.
    price: Option<&'a Price>,
}

fn voices(plan: &Plan) -> String {
    let right = ["lines", "audio", "batches"];
    let mut rows = table(&["voice", "model", "language", "lines", "audio", "batches"], &right);
    for group in &plan.groups {
        let voice = plan.voices.iter().find(|voice| voice.key == group.voice);
        let batches = plan.batches.iter().filter(|batch| batch.group == group.key).count();
        rows.add_row([
            voice.map_or("", |keyed| &keyed.voice.name),
            voice.map_or("", |keyed| &keyed.voice.model),
            &group.language,
            &group.lines.len().to_string(),
            &duration(group.estimated_ms),
            &batches.to_string(),
        ]);
    }
    rows.to_string()
}

fn summary(prepared: &Prepared, speed: Option<f64>) -> String {
    let Prepared { plan, takes, edits, .. } = prepared;
    let open_ms: u64 = plan
        .lines
        .iter()
        .filter(|line| !takes.contains_key(&line.job.synth_key))
        .map(|line| u64::from(line.job.estimated_ms))
        .sum();
    let reused = plan.lines.iter().filter(|line| takes.contains_key(&line.job.synth_key)).count();
    let mut parts = vec![format!(
        "{}: {}, about {} of audio in {}",
        plan.title,
        counted(plan.totals.lines, "line"),
        duration(plan.totals.estimated_ms),
        batches(plan.batches.len()),
    )];
    if plan.totals.skipped > 0 {
        parts.push(format!("{} left out", counted(plan.totals.skipped, "line")));
    }
    if reused > 0 {
        parts.push(format!("{} rendered already", counted(reused as u64, "line")));
    }
    if let Some(Edits { changed, new, removed, .. }) = edits {
        parts.push(format!("Since last time: {changed} changed, {new} new, {removed} removed"));
    }
    let unresolved = plan.unresolved();
    if !unresolved.is_empty() {
        parts.push(format!(
            "It is not known which engine speaks {}, nor what of it is rendered already: no worker that \
             has it was heard of; name its folder with --model, or its engine with --engine",
            models_with_voices(&unresolved)
        ));
    }
    parts.push(match speed {
        _ if open_ms == 0 => "Nothing left to speak".into(),
        Some(speed) => {
            let wall = duration(at_speed(open_ms, speed));
            format!("About {wall} to speak it at {speed:.1} × real time, as measured here")
        }
        None => "How long rendering takes is known once something was rendered here".into(),
    });
    parts.join("\n")
}

fn batches(count: usize) -> String {
    if count == 1 { "1 batch".into() } else { format!("{count} batches") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate of some hours at most"
)]
fn at_speed(audio_ms: u64, speed: f64) -> u64 {
    (audio_ms as f64 / speed) as u64
}
