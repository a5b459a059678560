//! Sets up logs, traces and metrics in one place.
//!
//! Libraries emit `tracing` events with constant lower-case messages and data in fields; the two
//! binaries call [`init`] once. Logs go to standard error, so that standard output stays for what
//! the user asked for.

pub mod metrics;
mod resource;

use std::io::IsTerminal;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt;

/// How much is logged when `RUST_LOG` does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing: for commands that tell a person themselves all that happens inside them.
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

/// Starts logging for this process; later calls do nothing.
///
/// `RUST_LOG` takes precedence over `verbosity`, in the usual syntax, e.g. `worker=debug`.
pub fn init(verbosity: Verbosity, format: LogFormat) {
    let builder = fmt().with_env_filter(filter(verbosity)).with_writer(std::io::stderr);
    let outcome = match format {
        LogFormat::Text => {
            builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(err) = outcome {
        tracing::debug!(%err, "logging was set up before");
    }
}

fn filter(verbosity: Verbosity) -> EnvFilter {
    let ours = match verbosity {
        Verbosity::Silent => LevelFilter::OFF,
        Verbosity::Quiet => LevelFilter::WARN,
        Verbosity::Normal => LevelFilter::INFO,
        Verbosity::Detailed => LevelFilter::DEBUG,
    };
    EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        if verbosity == Verbosity::Silent {
            return EnvFilter::new("off");
        }
        let crates = ["scheduler", "queue", "worker", "engine", "audio", "store", "telemetry"];
        let directives = crates.map(|name| format!("{name}={ours}")).join(",");
        EnvFilter::new(format!("warn,{directives}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_crates_stay_quiet_however_much_ours_say() {
        if std::env::var_os("RUST_LOG").is_none() {
            let filter = filter(Verbosity::Detailed).to_string();
            assert!(filter.contains("worker=debug"), "{filter}");
            assert!(filter.contains("warn"), "{filter}");
        }
        assert_eq!(filter(Verbosity::Quiet).max_level_hint(), Some(LevelFilter::WARN));
    }
}
