//! `tableread-worker run`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use store::Store;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use worker::{EngineSet, Engines, LocalModels, Settings, scratch_speaker};

use super::{answer, say_on_stderr};
use crate::config::RunArguments;

const NO_PLACE: &str =
    "say where lines come from and audio goes: --out DIR, or --queue and --store";

/// Renders until stopped or, if asked, until the queue is empty.
///
/// # Errors
/// When queue, store or engine cannot be opened, and what ends a worker before its time.
pub(super) async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let settings = arguments.settings()?;
    if let Some(address) = arguments.metrics_listen {
        let listener = worker::listen_for_scrapes(address)
            .await
            .with_context(|| format!("--metrics-listen {address}"))?;
        tokio::spawn(worker::answer_scrapes(listener));
    }
    let queue = arguments.places.queue().context(NO_PLACE)?;
    let store = arguments.places.store().context(NO_PLACE)?;
    let store = Store::open_with(&store, arguments.places.s3()).await?;
    tokio::spawn(tell_of_conditional_puts(store.clone()));
    make_folder_of(&queue)?;
    let queue = tokio::task::spawn_blocking(move || queue::open(&queue)).await??;
    let drain = CancellationToken::new();
    tokio::spawn(drain_on_signal(drain.clone(), arguments.drain_on_sigterm));
    let cache_dir = arguments.engine.cache_dir()?;
    let programs = arguments.engine.programs();
    let slots = arguments.slots().div_ceil(settings.threads);
    let open = move || scratch_speaker(slots, &cache_dir, &programs);
    let models = arguments.model_settings()?;
    // Weights that were never seen before are hashed: minutes, from a slow disk.
    let found = tokio::task::spawn_blocking(move || {
        let models = LocalModels::all(&models)?;
        models.prove()?;
        anyhow::Ok(models)
    });
    let models = found.await??;
    let settings = Settings { device: models.device_name().to_owned(), ..settings };
    let engines = models.beside(Engines::open(settings.threads, open).await?)?;
    telemetry::start(&description(&settings, &engines));
    let report = worker::run_with(settings, queue, store, engines, drain).await?;
    answer(&format!(
        "spoken {}, found in the store {}, mastered {}, failed {}, given back {}",
        report.spoken, report.reused, report.mastered, report.failed, report.given_back
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What tells this worker's telemetry from that of others.
fn description(settings: &Settings, engines: &EngineSet) -> [(&'static str, String); 5] {
    let engines: Vec<_> = engines.all().map(|caps| caps.engine.as_str()).collect();
    [
        ("tableread.worker", settings.worker.to_string()),
        ("tableread.device", settings.device.clone()),
        ("tableread.engines", engines.join(", ")),
        ("host.name", worker::host()),
        ("tableread.hardware", worker::hardware()),
    ]
}

/// Tries out what nothing relies on, for whoever looks after the store.
async fn tell_of_conditional_puts(store: Store) {
    match store.probe_conditional_put().await {
        Ok(found) => info!(store = store.place(), "{}", found.sentence()),
        Err(error) => debug!(%error, "conditional writes could not be tried out"),
    }
}

/// A worker may be started before the scheduler has made the folder of the queue's file.
fn make_folder_of(queue: &str) -> anyhow::Result<()> {
    let path = queue.strip_prefix("sqlite:").unwrap_or(queue);
    match Path::new(path).parent() {
        Some(folder) if !queue.contains("://") && !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("the folder {} cannot be made", folder.display()))
        }
        Some(_) | None => Ok(()),
    }
}

/// The first signal drains; a second Ctrl-C ends the process at once, as a crash would.
async fn drain_on_signal(drain: CancellationToken, is_sigterm_meant: bool) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated(), if is_sigterm_meant => {}
    }
    info!(
        "stopping: lines being spoken are finished, the others given back; Ctrl-C again to quit at once"
    );
    drain.cancel();
    if tokio::signal::ctrl_c().await.is_ok() {
        say_on_stderr("tableread-worker: stopped at once; lines come back when their lease ends");
        std::process::exit(130);
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(error) => {
            tracing::warn!(%error, "cannot listen for SIGTERM");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
