//! `tableread voices diff`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ::voices::{Library, Lock, LockedVoice, Vox};
use anyhow::bail;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::import::read;
use super::wanted::{Wanted, consent, library};
use crate::cli::Exit;
use crate::cli::output::{duration, json_pretty, line, plain, table};
use crate::cli::place::PlaceArgs;

/// Compares two voices, or two versions of one, or a voice with a .vox file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread voices diff mira@1 mira@2
  tableread voices diff mira mira.vox
  tableread voices diff mira otto --json | jq .is_same_sound")]
pub(super) struct DiffArgs {
    /// A voice, e.g. mira or mira@2, or a .vox file
    left: String,
    /// Another one
    right: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// How two voices differ.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Comparison {
    /// The one, by name and version.
    left: String,
    /// The other.
    right: String,
    /// Whether all that decides their sound is the same.
    is_same_sound: bool,
    /// What is not the same.
    differences: Vec<Difference>,
}

/// One thing that is not the same.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Difference {
    /// Which, e.g. `description` or `take whisper (en)`.
    what: String,
    /// As the one has it; absent when it has none.
    left: Option<String>,
    /// As the other has it.
    right: Option<String>,
}

pub(super) async fn run(args: DiffArgs) -> anyhow::Result<Exit> {
    let library = library(&args.place).await?;
    let (left, right) = (find(&library, &args.left).await?, find(&library, &args.right).await?);
    let comparison = compare(&left, &right);
    if args.json {
        json_pretty(&comparison)?;
    } else {
        show(&comparison)?;
    }
    Ok(Exit::Done)
}

async fn find(library: &Library, voice: &str) -> anyhow::Result<Lock> {
    let path = PathBuf::from(voice);
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("vox")) {
        return match read(&path)? {
            Vox::Ours { lock, .. } => Ok(*lock),
            Vox::Foreign(_) => {
                bail!("{voice} is of another program: import it first, then compare")
            }
        };
    }
    voice.parse::<Wanted>().map_err(anyhow::Error::msg)?.get(library).await
}

fn compare(left: &Lock, right: &Lock) -> Comparison {
    let (of_left, mut of_right) = (facts(&left.voice), facts(&right.voice));
    let mut differences = Vec::new();
    for (what, value) in of_left {
        let other = of_right.remove(&what);
        if other.as_ref() != Some(&value) {
            differences.push(Difference { what, left: Some(value), right: other });
        }
    }
    let added = of_right.into_iter();
    differences.extend(added.map(|(what, value)| Difference {
        what,
        left: None,
        right: Some(value),
    }));
    differences.extend(similarities(&left.voice, &right.voice));
    Comparison {
        left: left.title(),
        right: right.title(),
        is_same_sound: left.voice.key() == right.voice.key(),
        differences,
    }
}

/// All that is known of a voice, by what it is called.
fn facts(voice: &LockedVoice) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::from([
        ("description".to_owned(), voice.description.clone()),
        ("languages".to_owned(), voice.languages.join(", ")),
        ("consent".to_owned(), consent(&voice.consent).to_owned()),
    ]);
    for take in &voice.takes {
        let name = format!("take {} ({})", take.mood, take.language);
        let audio = take.audio.as_str().get(..12).unwrap_or_default();
        facts.insert(name.clone(), format!("{}, {audio}…", duration(take.duration_ms)));
        let said = take.transcript.clone().unwrap_or_else(|| "not known".to_owned());
        facts.insert(format!("{name}: what is said"), said);
    }
    for (words, mood) in &voice.moods.0 {
        facts.insert(format!("mood of \"{words}\""), mood.clone());
    }
    for (name, model) in &voice.models {
        let weights = model.weights_sha256.get(..12).unwrap_or_default();
        let prompts = model.prompts.len();
        facts.insert(format!("model {name}"), format!("weights {weights}…, prompts: {prompts}"));
    }
    facts
}

/// How alike the speakers are to models that heard both.
fn similarities(left: &LockedVoice, right: &LockedVoice) -> Vec<Difference> {
    let both =
        left.models.iter().filter_map(|(name, one)| Some((name, one, right.models.get(name)?)));
    both.filter(|(_, one, other)| one.embedding != other.embedding)
        .filter_map(|(name, one, other)| {
            let similarity = one.embedding.similarity(&other.embedding)?;
            let what = format!("speaker to {name}");
            Some(Difference {
                what,
                left: None,
                right: Some(format!("similarity {similarity:.3}")),
            })
        })
        .collect()
}

fn show(comparison: &Comparison) -> anyhow::Result<()> {
    let Comparison { left, right, is_same_sound, differences } = comparison;
    if !differences.is_empty() {
        let mut rows = table(&["", left, right], &[]);
        for Difference { what, left, right } in differences {
            let shown =
                |side: &Option<String>| side.as_deref().map_or_else(|| "–".to_owned(), plain);
            rows.add_row([plain(what), shown(left), shown(right)]);
        }
        line(rows.to_string())?;
    }
    line(match (is_same_sound, differences.is_empty()) {
        (true, true) => format!("{left} and {right} are the same"),
        (true, false) => format!("{left} and {right} sound the same: no line is rendered again"),
        (false, _) => format!("{left} and {right} sound different"),
    })
}
