//! `tableread`: the command of producers and pipelines.

use std::process::ExitCode;

use clap::Parser as _;
use scheduler::cli::{self, Cli};
use telemetry::LogFormat;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    telemetry::init(cli.verbosity(), LogFormat::Text);
    cli::run(cli).await
}
