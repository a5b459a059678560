//! The commands of `tableread-worker`, one file each.

mod bench;
mod doctor;
mod fetch;
mod requests;
mod run;
mod speak;
mod speak_line;
mod speak_model;

use std::io::Write;
use std::process::ExitCode;

use crate::config::Command;

/// Does what was asked for.
///
/// # Errors
/// What is told to the user, who then gets exit code 1.
pub(crate) async fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(arguments) => run::run(&arguments).await,
        Command::Speak(arguments) => speak::speak(arguments).await,
        Command::Fetch(arguments) => fetch::fetch(&arguments).await,
        Command::Doctor(arguments) => doctor::doctor(&arguments).await,
        Command::Bench(arguments) => bench::bench(arguments).await,
    }
}

/// Writes a line of the answer to standard output.
///
/// # Errors
/// When nobody can read it any more.
fn answer(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// Writes a line to standard error; when even that cannot be written there is nobody to tell.
pub(crate) fn say_on_stderr(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}
