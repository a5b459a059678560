//! A worker whose speaker gives tones; all else is as in `tableread-worker run`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use schemas::WorkerId;
use store::{S3Settings, Store};
use telemetry::{LogFormat, Verbosity};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use trials::tone::ToneSpeaker;
use worker::Settings;

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long)]
    queue: String,
    #[arg(long)]
    store: String,
    #[arg(long)]
    name: String,
    #[arg(long, default_value_t = 16)]
    slots: usize,
    /// What a turn lasts, in microseconds; a line takes four.
    #[arg(long, default_value_t = 0)]
    turn_us: u64,
    #[arg(long, default_value_t = 30_000)]
    lease_ms: u64,
    /// Return once nothing is open.
    #[arg(long)]
    until_empty: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let _telemetry = telemetry::init("tableread-worker", Verbosity::Quiet, LogFormat::Text);
    telemetry::start(&[("tableread.worker", arguments.name.clone())]);
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let settings = Settings {
        threads: 1,
        mastering: 1,
        lease_ms: arguments.lease_ms,
        until_empty: arguments.until_empty,
        ..Settings::new(WorkerId::parse(arguments.name)?)
    };
    let s3 = S3Settings::from_variables(variable);
    let store = Store::open_with(&arguments.store, s3).await?;
    let queue = tokio::task::spawn_blocking(move || queue::open(&arguments.queue)).await??;
    let drain = CancellationToken::new();
    let (stop, mut terminate) = (drain.clone(), signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        terminate.recv().await;
        stop.cancel();
    });
    let (slots, turn) = (arguments.slots, Duration::from_micros(arguments.turn_us));
    worker::run(settings, queue, store, move || ToneSpeaker::open(slots, turn), drain).await?;
    Ok(())
}

/// A variable of the environment; one that is not UTF-8 counts as not set.
#[expect(clippy::disallowed_methods, reason = "this program has no config.rs")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
