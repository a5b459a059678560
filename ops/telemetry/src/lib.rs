//! Sets up logs, traces and metrics in one place, and declares every metric.
//!
//! Libraries emit `tracing` events with constant lower-case messages and data in fields, count with
//! [`metrics`], and say what takes time with [`trace`]. The binaries call [`init`] once, and [`start`]
//! when they know what they are. Logs go to standard error, so that standard output stays for what the
//! user asked for.
//!
//! Whether anything is sent, where and how is said by the standard variables of OpenTelemetry:
//! `OTEL_EXPORTER_OTLP_ENDPOINT` and its like. Without an endpoint nothing is set up and no thread
//! runs. What is sent waits in bounded queues; a collector that is slow or gone costs telemetry, which
//! is counted in [`metrics::TELEMETRY_DROPPED`], and never time.

mod bounded;
mod config;
mod export;
mod log_layer;
pub mod metrics;
mod resource;
pub mod trace;

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use config::Wanted;
use export::Export;
use log_layer::LogLayer;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// How long the end of a process waits for what is still to be sent.
const FLUSH: Duration = Duration::from_millis(1_500);

/// Whose log lines are ours.
const OUR_CRATES: [&str; 9] = [
    "scheduler",
    "queue",
    "worker",
    "tableread_worker",
    "engine",
    "audio",
    "store",
    "voices",
    "telemetry",
];

/// How much is logged when `RUST_LOG` does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing but what is wrong with telemetry itself: for commands that tell a person themselves all
    /// that happens inside them.
    Silent,
    /// Warnings and errors: for commands that talk to a person by other means.
    Quiet,
    /// One event per line rendered: for a worker that runs for days.
    Normal,
    /// Everything our own crates say below that, and warnings of others.
    Detailed,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Sends what still waits when it is dropped, for up to a second and a half.
#[derive(Debug)]
#[must_use = "dropped at once it would end telemetry before it began"]
pub struct Telemetry(());

/// What this process wants and does.
#[derive(Debug)]
struct State {
    service: &'static str,
    wanted: Wanted,
    export: Option<Export>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// Starts logging for this process, which is called `service` unless the environment says otherwise;
/// later calls do nothing.
///
/// `RUST_LOG` takes precedence over `verbosity`, in the usual syntax, e.g. `worker=debug`. What is sent
/// to a collector is the same from `info` on, whatever is logged here.
pub fn init(service: &'static str, verbosity: Verbosity, format: LogFormat) -> Telemetry {
    let wanted = config::from_environment();
    let sent = wanted.logs.map(|_| LogLayer.with_filter(filter(Verbosity::Normal)));
    let layer = fmt::layer().with_writer(std::io::stderr);
    let shown = match format {
        LogFormat::Text => {
            layer.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed()
        }
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let shown = shown.with_filter(filter(verbosity));
    if let Err(err) = tracing_subscriber::registry().with(shown).with(sent).try_init() {
        tracing::debug!(%err, "logging was set up before");
    }
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    state.get_or_insert(State { service, wanted, export: None });
    Telemetry(())
}

/// Says what this process is, by names of the semantic conventions such as `host.name`, and begins to
/// send what the environment asks for; later calls do nothing, and neither does one before [`init`].
pub fn start(attributes: &[(&'static str, String)]) {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(State { service, wanted, export }) = state.as_mut() else { return };
    if export.is_some() {
        return;
    }
    let name = wanted.service_name.clone().unwrap_or_else(|| (*service).to_owned());
    let mut all = vec![
        ("service.name".to_owned(), name),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), ulid::Ulid::generate().to_string()),
        ("host.arch".to_owned(), arch().to_owned()),
    ];
    all.extend(attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let resource = resource::describe(&all);
    *export = Some(Export::default());
    if wanted.is_any() {
        let mut doubts = std::mem::take(&mut wanted.doubts);
        *export = Some(Export::open(wanted, &resource, &mut doubts));
        if !doubts.is_empty() {
            tracing::warn!(doubts = doubts.join("; "), "telemetry is not set up as asked for");
        }
    }
}

/// The processor's kind in the words of the conventions.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let state = STATE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(export) = state.and_then(|state| state.export) {
            export.close(FLUSH);
        }
    }
}

fn filter(verbosity: Verbosity) -> EnvFilter {
    let ours = match verbosity {
        Verbosity::Silent => LevelFilter::OFF,
        Verbosity::Quiet => LevelFilter::WARN,
        Verbosity::Normal => LevelFilter::INFO,
        Verbosity::Detailed => LevelFilter::DEBUG,
    };
    if let Some(asked) = config::rust_log().and_then(|asked| EnvFilter::try_new(asked).ok()) {
        return asked;
    }
    if verbosity == Verbosity::Silent {
        return EnvFilter::new("off,telemetry=warn");
    }
    let directives = OUR_CRATES.map(|name| format!("{name}={ours}")).join(",");
    EnvFilter::new(format!("warn,{directives}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_crates_stay_quiet_however_much_ours_say() {
        if config::rust_log().is_none() {
            let filter = filter(Verbosity::Detailed).to_string();
            assert!(filter.contains("worker=debug"), "{filter}");
            assert!(filter.contains("warn"), "{filter}");
            assert_eq!(super::filter(Verbosity::Quiet).max_level_hint(), Some(LevelFilter::WARN));
        }
    }
}
