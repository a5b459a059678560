//! `tableread voices warm`: voices made ready before an episode is rendered.

use std::collections::BTreeSet;

use anyhow::Context as _;
use clap::Args;
use schemas::{RecordingKey, VoiceSource, recording_object};
use serde::Serialize;
use store::Store;
use worker::{Listeners, ModelArgs, fetch_prompt, put_prompt};

use super::hear;
use crate::cli::output::{counted, json_line, line, note, table};
use crate::cli::place::PlaceArgs;
use crate::cli::{Exit, find_submission};
use crate::voices::{Warmth, prompts_of};

/// Makes the cloned voices of an episode ready and shares them with all workers, before they render it
#[derive(Debug, Args)]
#[command(after_help = "\
The voices are made ready here, by the models in --models, and put into the store, from where every
worker with the same engine fetches them once. What no model here speaks is left: the first worker that
needs it makes it ready and shares it likewise. An engine is a model on one sort of device, so warm a farm
of Macs on a Mac.

Example:
  tableread enqueue pilot.fountain --cast cast.toml --queue redis://farm --store s3://audio/farm
  tableread voices warm pilot --models ~/models --queue redis://farm --store s3://audio/farm")]
pub(crate) struct WarmArgs {
    /// Episode or submission, as `tableread status` lists them
    episode: String,
    #[command(flatten)]
    models: ModelArgs,
    /// Print one JSON object for each voice
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// How a voice stands after warming.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Now {
    /// The store had it.
    Ready,
    /// It was made here.
    Made,
    /// The first worker will make it.
    Left,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    voice: &'a str,
    mood: &'a str,
    language: &'a str,
    engine: &'a str,
    lines: u64,
    now: Now,
    bytes: Option<usize>,
}

pub(crate) async fn run(args: WarmArgs) -> anyhow::Result<Exit> {
    let place = args.place.existing()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    let id = find_submission(queue.as_ref(), &args.episode).await?;
    let submission = queue.submission(&id).await?.context("the submission is gone")?;
    let lines = queue.lines(&id).await?;
    let needed = prompts_of(&submission.voices, lines.iter().map(|line| &line.job));
    if needed.is_empty() {
        note("no voice of it is cloned: there is nothing to make ready");
        return Ok(Exit::Done);
    }
    let listeners = here(&args.models, needed.values()).await?;
    let mut rows = Vec::new();
    for (key, warmth) in &needed {
        let (now, bytes) = match fetch_prompt(&store, key).await? {
            Some(there) => (Now::Ready, Some(there.len())),
            None => match make(warmth, listeners.as_ref(), &store).await? {
                Some(made) => {
                    let length = made.len();
                    put_prompt(&store, key, made).await?;
                    (Now::Made, Some(length))
                }
                None => (Now::Left, None),
            },
        };
        rows.push(row(warmth, now, bytes));
    }
    if let Some(listeners) = listeners {
        listeners.close().await;
    }
    if args.json {
        rows.iter().try_for_each(json_line)?;
    } else {
        tell(&rows)?;
    }
    Ok(Exit::Done)
}

/// The models of this machine that speak any of the voices; `None` when none does.
async fn here(
    models: &ModelArgs,
    needed: impl Iterator<Item = &Warmth>,
) -> anyhow::Result<Option<Listeners>> {
    let folders = models.settings(None, std::path::PathBuf::new()).folders;
    let names: BTreeSet<String> = needed
        .map(|warmth| warmth.voice.model.clone())
        .filter(|model| worker::models::find(model, &folders).is_ok())
        .collect();
    if names.is_empty() {
        return Ok(None);
    }
    Ok(Some(hear::open(models, &names.into_iter().collect::<Vec<_>>()).await?))
}

/// Makes a voice ready here; `None` when no model here is the engine that speaks it.
async fn make(
    warmth: &Warmth,
    listeners: Option<&Listeners>,
    store: &Store,
) -> anyhow::Result<Option<bytes::Bytes>> {
    let Warmth { voice, language, engine, .. } = warmth;
    let is_here = |listeners: &&Listeners| listeners.engines().get(&voice.model) == Some(engine);
    let Some(listeners) = listeners.filter(is_here) else { return Ok(None) };
    let VoiceSource::Clone { reference } = &voice.source else { return Ok(None) };
    let key = RecordingKey::parse(reference.audio_sha256.clone())?;
    let recording = store
        .get_checked(&recording_object(&key), key.as_str())
        .await
        .with_context(|| format!("the recording of `{}`", voice.name))?;
    let (_, bytes) = listeners.ready(voice, language, &recording).await?;
    Ok(Some(bytes))
}

fn row(warmth: &Warmth, now: Now, bytes: Option<usize>) -> Row<'_> {
    let mood = match &warmth.voice.source {
        VoiceSource::Clone { reference } => reference.mood.as_str(),
        VoiceSource::Scratch { .. }
        | VoiceSource::Preset { .. }
        | VoiceSource::Design { .. }
        | VoiceSource::Recorded { .. } => "",
    };
    let Warmth { voice, language, engine, lines } = warmth;
    Row { voice: &voice.name, mood, language, engine, lines: *lines, now, bytes }
}

fn tell(rows: &[Row<'_>]) -> anyhow::Result<()> {
    let header = ["voice", "mood", "language", "lines", "now", "size"];
    let mut table = table(&header, &["lines", "size"]);
    for row in rows {
        let now = match row.now {
            Now::Ready => "was ready",
            Now::Made => "made ready",
            Now::Left => "left to the first worker",
        };
        table.add_row([
            row.voice.to_owned(),
            row.mood.to_owned(),
            row.language.to_owned(),
            row.lines.to_string(),
            now.to_owned(),
            row.bytes
                .map_or_else(|| "–".to_owned(), |bytes| format!("{} kB", bytes.div_ceil(1_000))),
        ]);
    }
    line(table.to_string())?;
    let left = rows.iter().filter(|row| matches!(row.now, Now::Left)).count();
    if left > 0 {
        let voices = counted(left as u64, "voice");
        note(format!("{voices} left: no model here is the engine that the plan names (--models)"));
    }
    Ok(())
}
