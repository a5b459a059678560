//! `tableread voices export`.

use std::fs::File;
use std::io::{Cursor, ErrorKind, Write as _};
use std::path::PathBuf;

use ::voices::write_vox;
use anyhow::{Context as _, bail};
use clap::Args;

use super::wanted::{Wanted, library};
use crate::cli::Exit;
use crate::cli::output::line;
use crate::cli::place::PlaceArgs;

/// Writes a voice into a .vox file, whole and for other programs too
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread voices export mira                      into mira.vox
  tableread voices export mira@2 --to season-2.vox")]
pub(super) struct ExportArgs {
    /// The voice, e.g. mira or mira@2
    voice: Wanted,
    /// The file [default: NAME.vox]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replace the file when it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: ExportArgs) -> anyhow::Result<Exit> {
    let library = library(&args.place).await?;
    let lock = args.voice.get(&library).await?;
    let parts = library.parts(&lock).await?;
    let mut file = Cursor::new(Vec::new());
    write_vox(&lock, &parts, &mut file)?;
    let bytes = file.into_inner();
    let to = args.to.unwrap_or_else(|| PathBuf::from(format!("{}.vox", lock.name)));
    let shown = to.display();
    let opened = if args.force { File::create(&to) } else { File::create_new(&to) };
    let mut opened = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{shown} is there already: name another file with --to, or replace it with --force"
            )
        }
        opened => opened.with_context(|| format!("cannot write {shown}"))?,
    };
    opened.write_all(&bytes).with_context(|| format!("cannot write {shown}"))?;
    line(format!("{}@{} is in {shown}, {} kB", lock.name, lock.version, bytes.len() / 1_000))?;
    Ok(Exit::Done)
}
