//! Programs that are run, killed and run again.

use std::process::{ExitStatus, Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// A program that may be running.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    child: Option<Child>,
}

impl Process {
    /// One that does not run yet.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), child: None }
    }

    /// What people call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Starts it; it dies with this process.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(super) fn start(&mut self, mut command: Command) -> anyhow::Result<()> {
        command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("{} cannot be started", self.name))?;
        self.child = Some(child);
        Ok(())
    }

    /// Whether it runs, and how it ended if it has since it was last asked.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub(super) fn look(&mut self) -> anyhow::Result<Look> {
        let Some(child) = &mut self.child else { return Ok(Look::Gone) };
        let ended = child.try_wait().with_context(|| format!("{} is out of sight", self.name))?;
        Ok(match ended {
            Some(status) => {
                self.child = None;
                Look::Ended(status)
            }
            None => Look::Runs,
        })
    }

    /// Sends a signal, if it runs.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub(super) fn send(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.child.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        let Some(id) = id.and_then(Pid::from_raw) else { return Ok(()) };
        kill_process(id, signal).with_context(|| format!("{} cannot be signalled", self.name))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub(super) async fn wait(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let Some(mut child) = self.child.take() else { return Ok(None) };
        let ended = tokio::time::timeout(std::time::Duration::from_mins(1), child.wait()).await;
        let ended = ended.with_context(|| format!("{} does not end", self.name))?;
        Ok(Some(ended?))
    }
}

/// What a look at a process shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It runs.
    Runs,
    /// It has ended since the last look.
    Ended(ExitStatus),
    /// It has not run since before the last look.
    Gone,
}
