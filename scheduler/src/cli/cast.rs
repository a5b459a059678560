//! `tableread cast`: a cast to start from.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use super::Exit;
use super::output::{line, note};
use crate::cast::{is_language, starter_cast};
use crate::export::replace_file;
use crate::plan::spoken_lines;
use crate::submit::SubmitError;
use crate::submit::title_of;

/// Writes a cast to start from: every character with line counts and first appearance
#[derive(Debug, Args)]
#[command(after_help = "\
Every character starts with a scratch voice of its own; give them voices by editing the file.
Group cues such as ALL or BOB & ANN are skipped until you cast them.

Languages: `language = \"de\"` at the top of the cast is for everybody, in a character's table for that
character. In the script, the note [[language: de]] below a scene's heading is for the speeches that
follow in the scene, inside a speech for that speech alone; notes go before the cast.

Example:
  tableread cast pilot.fountain --to cast.toml")]
pub(crate) struct CastArgs {
    /// Screenplay: Fountain, FDX, Highland, TextBundle or TextPack
    script: PathBuf,
    /// File to write instead of standard output; an existing one is kept
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Language of the lines, BCP 47 [default: the title page's, else en-US]
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
}

pub(crate) fn run(args: &CastArgs) -> anyhow::Result<Exit> {
    let script = screenplay::read_path(&args.script)?;
    let lines = spoken_lines(&script).with_context(|| args.script.display().to_string())?;
    if lines.is_empty() {
        note(format!("{}: {}", args.script.display(), SubmitError::Silent));
    }
    let of_page = script
        .title_page
        .iter()
        .find(|field| field.key.eq_ignore_ascii_case("language"))
        .map(|field| field.value.trim().to_owned())
        .filter(|tag| is_language(tag));
    if let Some(tag) = &args.language
        && !is_language(tag)
    {
        bail!("`{tag}` is no language: write it like en-GB or de");
    }
    let language = args.language.clone().or(of_page).unwrap_or_else(|| "en-US".into());
    let stem = args.script.file_stem().unwrap_or_default().to_string_lossy();
    let text = starter_cast(&lines, title_of(&script, None).as_deref().unwrap_or(&stem), &language);
    match &args.to {
        None => line(text.trim_end())?,
        Some(path) if path.exists() => {
            bail!("{} is there already: move it away, or choose another name", path.display())
        }
        Some(path) => {
            replace_file(path, text.as_bytes())?;
            let (cast, script) = (path.display(), args.script.display());
            note(format!("{cast} written; edit it, then: tableread plan {script} --cast {cast}"));
        }
    }
    Ok(Exit::Done)
}
