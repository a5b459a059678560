//! `tableread voices`: where voices come from.

mod audition;
mod choose;
mod design;
mod hear;
mod lock;
mod warm;

use clap::{Args, Subcommand};

use super::Exit;

/// Designs, auditions and locks voices, and makes them ready
#[derive(Debug, Args)]
#[command(after_help = "\
From a description to a cast voice:
  tableread voices design mira --describe \"A woman of sixty, dry and amused\" --models ~/models
  tableread voices audition mira            a page to hear them: open it in a browser
  tableread voices choose mira 2
  tableread voices lock mira --clone-model qwen3-tts-12hz-1.7b-base --models ~/models
then in the cast: [voices.mira]
                  lock = { voice = \"mira\", model = \"qwen3-tts-12hz-1.7b-base\" }")]
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
}

pub(crate) async fn run(args: VoicesArgs) -> anyhow::Result<Exit> {
    match args.command {
        VoicesCommand::Design(args) => design::run(*args).await,
        VoicesCommand::Audition(args) => audition::run(args).await,
        VoicesCommand::Choose(args) => choose::run(args).await,
        VoicesCommand::Lock(args) => lock::run(args).await,
        VoicesCommand::Warm(args) => warm::run(args).await,
    }
}
