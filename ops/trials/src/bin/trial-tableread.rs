//! The scheduler's command, so that trials need no other package's programs.

use std::process::ExitCode;

use clap::Parser as _;
use scheduler::cli::{self, Cli};
use telemetry::{LogFormat, Verbosity};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let _telemetry = telemetry::init("tableread", Verbosity::Quiet, LogFormat::Text);
    telemetry::start(&[]);
    cli::run(cli).await
}
