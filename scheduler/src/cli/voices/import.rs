//! `tableread voices import`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use ::voices::{Foreign, Library, Limits, Parts, VoiceName, Vox, read_vox};
use anyhow::Context as _;
use clap::Args;

use super::wanted::{ConsentArgs, TakenIn, library_to_fill, now, tool};
use crate::cli::Exit;
use crate::cli::place::PlaceArgs;

/// Takes a voice from a .vox file into the library
///
/// A file of this program's own comes back as it was locked, byte for byte. Of another program's file the
/// recordings become takes, and what it lacks is said.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread voices import mira.vox
  tableread voices import mira.vox --as mira-2026 --store s3://bucket/voices
  tableread voices import narrator.vox --consent granted --note \"Ana Ruiz, signed 2026-02-01\"")]
pub(super) struct ImportArgs {
    /// The file
    file: PathBuf,
    /// What to call it [default: as the file does]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<VoiceName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: ImportArgs) -> anyhow::Result<Exit> {
    let shown = args.file.display();
    let vox = read(&args.file)?;
    let taken_in = match vox {
        Vox::Ours { lock, parts, .. } => {
            let name = args.name.clone().unwrap_or_else(|| lock.name.clone());
            let library = library_to_fill(&args.place).await?;
            let locked = library.import(&name, &lock, &parts).await?;
            of_locked(locked, Vec::new())
        }
        Vox::Foreign(foreign) => {
            adopt(&args, &foreign).await.with_context(|| format!("{shown} cannot be taken in"))?
        }
    };
    taken_in.tell(args.json, &args.place)?;
    Ok(Exit::Done)
}

/// Reads a voice file.
pub(super) fn read(path: &PathBuf) -> anyhow::Result<Vox> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    read_vox(BufReader::new(file), &Limits::default()).with_context(|| format!("{shown}"))
}

async fn adopt(args: &ImportArgs, foreign: &Foreign) -> anyhow::Result<TakenIn> {
    let called = &foreign.manifest.voice.name;
    let named = || VoiceName::from_words(called);
    let name = args.name.clone().or_else(named);
    let name = name.with_context(|| format!("`{called}` is no name here: give one with --as"))?;
    let unlocked = foreign.adopt(&now(), &tool(), args.consent.given()?, None)?;
    let parts = Parts { audio: unlocked.audio, ..Parts::default() };
    let library: Library = library_to_fill(&args.place).await?;
    for audio in parts.audio.values() {
        library.put_audio(audio.clone()).await?;
    }
    let locked = library.lock(&name, unlocked.voice).await?;
    let advice = foreign.missing.iter().chain(&unlocked.advice).cloned().collect();
    Ok(of_locked(locked, advice))
}

/// What became of a voice, for people and programs.
pub(super) fn of_locked(locked: ::voices::Locked, advice: Vec<String>) -> TakenIn {
    TakenIn {
        key: locked.lock.voice.key().to_string(),
        name: locked.lock.name,
        version: locked.lock.version,
        is_new: locked.is_new,
        advice,
    }
}
