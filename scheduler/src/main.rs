//! `tableread`: the command of producers and pipelines.

use std::process::ExitCode;

use clap::Parser as _;
use scheduler::cli::{self, Cli};
use telemetry::LogFormat;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Dropped last, so that it sends what the end of everything else had to tell.
    let _telemetry = telemetry::init("tableread", cli.verbosity(), LogFormat::Text);
    telemetry::start(&[]);
    run(cli)
}

#[tokio::main]
async fn run(cli: Cli) -> ExitCode {
    cli::run(cli).await
}
