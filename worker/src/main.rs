//! `tableread-worker`: renders the lines of a queue, speaks one text, or says whether and how fast it could.

mod cli;
mod config;

use std::process::ExitCode;

use clap::Parser;
use telemetry::Verbosity;

use crate::config::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let verbosity = arguments.verbosity(default_verbosity(&arguments.command));
    // Dropped last, so that it sends what the end of everything else had to tell.
    let _telemetry = telemetry::init("tableread-worker", verbosity, arguments.format());
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => finish(runtime.block_on(cli::execute(arguments.command))),
        Err(error) => finish(Err(error.into())),
    }
}

/// A worker tells of every line; the other commands answer on standard output.
fn default_verbosity(command: &Command) -> Verbosity {
    match command {
        Command::Run(_) => Verbosity::Normal,
        Command::Speak(_) | Command::Fetch(_) | Command::Doctor(_) | Command::Bench(_) => {
            Verbosity::Quiet
        }
    }
}

fn finish(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // Not a log line: it is the answer to the command, also when logs go elsewhere.
            let sentence = worker::with_causes(error.as_ref());
            cli::say_on_stderr(&format!("tableread-worker: {sentence}"));
            ExitCode::FAILURE
        }
    }
}
