//! `tableread voices list`.

use ::voices::{Lock, VoiceError, VoiceName};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::wanted::{consent, library};
use crate::cli::Exit;
use crate::cli::output::{json_pretty, line, note, plain, table};
use crate::cli::place::PlaceArgs;

/// Lists the voices of the library, the newest version of each
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread voices list
  tableread voices list --all                       every version
  tableread voices list --json | jq -r '.[].name'")]
pub(super) struct ListArgs {
    /// Every version, not the newest only
    #[arg(long)]
    all: bool,
    /// Print JSON: an array of voices
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// One version of a voice, in short.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VoiceRow {
    /// What it is called.
    name: VoiceName,
    /// Counts up from 1.
    version: u32,
    /// The key of all that decides its sound.
    key: String,
    /// Which it speaks, BCP 47.
    languages: Vec<String>,
    /// In which it can be heard.
    moods: Vec<String>,
    /// Which models are ready for it.
    models: Vec<String>,
    /// `own`, `granted` or `synthetic`.
    consent: &'static str,
    /// RFC 3339.
    locked_at: String,
    /// Who it is, in words.
    description: String,
}

impl VoiceRow {
    fn new(lock: Lock) -> Self {
        Self {
            key: lock.voice.key().to_string(),
            moods: lock.voice.mood_names().into_iter().map(str::to_owned).collect(),
            models: lock.voice.models.into_keys().collect(),
            consent: consent(&lock.voice.consent),
            name: lock.name,
            version: lock.version,
            languages: lock.voice.languages,
            locked_at: lock.voice.provenance.locked_at,
            description: lock.voice.description,
        }
    }
}

pub(super) async fn run(args: ListArgs) -> anyhow::Result<Exit> {
    let library = library(&args.place).await?;
    let (mut rows, mut is_whole) = (Vec::new(), true);
    for (name, versions) in library.names().await? {
        let newest = versions.len() - 1;
        for version in &versions[if args.all { 0 } else { newest }..] {
            match library.get(&name, Some(*version)).await {
                Ok(lock) => rows.push(VoiceRow::new(lock)),
                Err(error @ VoiceError::Store(_)) => return Err(error.into()),
                Err(error) => {
                    is_whole = false;
                    note(format!("{name}@{version}: {error}"));
                }
            }
        }
    }
    if args.json {
        json_pretty(&rows)?;
    } else {
        show(&rows, &args.place)?;
    }
    Ok(if is_whole { Exit::Done } else { Exit::SomeFailed })
}

fn show(rows: &[VoiceRow], place: &PlaceArgs) -> anyhow::Result<()> {
    if rows.is_empty() {
        return line(format!(
            "no voices yet; clone one: tableread voices clone NAME RECORDING --consent own{}",
            place.as_typed()
        ));
    }
    let mut shown =
        table(&["voice", "languages", "moods", "consent", "models", "locked", "description"], &[]);
    for row in rows {
        let date = row.locked_at.get(..10).unwrap_or(&row.locked_at);
        shown.add_row([
            format!("{}@{}", row.name, row.version),
            row.languages.join(", "),
            row.moods.join(", "),
            row.consent.to_owned(),
            row.models.join(", "),
            date.to_owned(),
            shortened(&plain(&row.description)),
        ]);
    }
    line(shown.to_string())
}

/// A text that fits into a table.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}
