//! `tableread status --watch`: how far episodes are, kept up to date.
//!
//! On a terminal a picture of all; elsewhere a line of text, or of JSON, whenever something changed.

mod bar;
mod draw;
mod look;
mod panels;
mod plain;
mod rate;
mod screen;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use queue::Queue;
use schemas::SubmissionId;

use super::Exit;

/// How often the queue is asked.
const EVERY: Duration = Duration::from_secs(1);

/// What is watched, and how it is told.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// Whose queue.
    pub(super) queue: Arc<dyn Queue>,
    /// The one submission that is watched until it is over; all, until stopped, when absent.
    pub(super) only: Option<SubmissionId>,
    /// Whether programs read it.
    pub(super) is_json: bool,
}

impl Watch {
    /// Tells until what is watched is over, or the user has seen enough.
    ///
    /// # Errors
    /// When the terminal or standard output cannot be written, or the submission was forgotten. A queue
    /// that is away for a while is no error.
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        if std::io::stdout().is_terminal() && !self.is_json {
            screen::run(self).await
        } else {
            plain::run(self).await
        }
    }
}

/// Waits for Ctrl-C or, on Unix, SIGTERM: the terminal is to be given back after either.
async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let ended = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let ended = std::future::pending::<Option<()>>();
    tokio::select! {
        _ = interrupted => {}
        _ = ended => {}
    }
}
