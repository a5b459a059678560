//! `tableread voices`: where voices come from, the library that keeps them, the files they travel in.

mod audition;
mod choose;
mod clone;
mod design;
mod diff;
mod export;
mod hear;
mod import;
mod list;
mod lock;
mod picture;
mod show;
mod verify;
mod wanted;
mod warm;

use clap::{Args, Subcommand};

use super::Exit;

/// Designs, clones, auditions and locks voices; lists, shows, compares, checks and carries them
#[derive(Debug, Args)]
#[command(after_help = "\
From a description to a cast voice:
  tableread voices design mira --describe \"A woman of sixty, dry and amused\" --models ~/models
  tableread voices audition mira            a page to hear them: open it in a browser
  tableread voices choose mira 2
  tableread voices lock mira --clone-model qwen3-tts-12hz-1.7b-base --models ~/models
then in the cast: [voices.mira]
                  lock = { voice = \"mira\", model = \"qwen3-tts-12hz-1.7b-base\" }

From recordings, and from one production to the next; MIRA is the newest version, MIRA@2 the second:
  tableread voices clone otto otto.wav --consent granted --note \"Ana Ruiz, signed 2026-02-01\"
  tableread voices list
  tableread voices show mira
  tableread voices export mira
  tableread voices import mira.vox --out next-season")]
pub(crate) struct VoicesArgs {
    #[command(subcommand)]
    command: VoicesCommand,
}

#[derive(Debug, Subcommand)]
enum VoicesCommand {
    Design(Box<design::DesignArgs>),
    Audition(audition::AuditionArgs),
    Choose(choose::ChooseArgs),
    Lock(lock::LockArgs),
    Warm(warm::WarmArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Clone(clone::CloneArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Diff(diff::DiffArgs),
    Verify(verify::VerifyArgs),
}

pub(crate) async fn run(args: VoicesArgs) -> anyhow::Result<Exit> {
    match args.command {
        VoicesCommand::Design(args) => design::run(*args).await,
        VoicesCommand::Audition(args) => audition::run(args).await,
        VoicesCommand::Choose(args) => choose::run(args).await,
        VoicesCommand::Lock(args) => lock::run(args).await,
        VoicesCommand::Warm(args) => warm::run(args).await,
        VoicesCommand::List(args) => list::run(args).await,
        VoicesCommand::Show(args) => show::run(args).await,
        VoicesCommand::Clone(args) => clone::run(args).await,
        VoicesCommand::Import(args) => import::run(args).await,
        VoicesCommand::Export(args) => export::run(args).await,
        VoicesCommand::Diff(args) => diff::run(args).await,
        VoicesCommand::Verify(args) => verify::run(args).await,
    }
}
