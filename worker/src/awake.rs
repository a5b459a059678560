//! Keeping the machine from going to sleep, while there is something to render and no longer.

use std::process::Stdio;

use tokio::process::{Child, Command};
use tracing::{debug, warn};

/// A program that keeps the machine awake for as long as it runs.
#[derive(Debug, Default)]
pub(crate) struct Awake {
    /// The program and its arguments; empty where none is needed.
    command: Vec<String>,
    running: Option<Child>,
}

impl Awake {
    /// Runs `command` while the machine is to stay awake; an empty one does nothing.
    pub(crate) fn by(command: &[String]) -> Self {
        Self { command: command.to_vec(), running: None }
    }

    /// Starts the program, or ends it. One that ended by itself is started again.
    pub(crate) async fn set(&mut self, is_needed: bool) {
        let is_running = match &mut self.running {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => false,
        };
        match (is_needed, is_running) {
            (true, false) => self.start(),
            (false, true) => self.end().await,
            (true, true) | (false, false) => {}
        }
    }

    fn start(&mut self) {
        let Some((program, arguments)) = self.command.split_first() else { return };
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        match started {
            Ok(child) => {
                debug!(program, "machine kept awake");
                self.running = Some(child);
            }
            Err(error) => {
                warn!(program, %error, "the machine may go to sleep while it renders");
                // Once is enough: it would fail every time.
                self.command.clear();
            }
        }
    }

    async fn end(&mut self) {
        if let Some(mut child) = self.running.take()
            && let Err(error) = child.kill().await
        {
            warn!(%error, "the machine is still kept awake");
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_program_runs_while_it_is_needed_and_is_started_again_when_it_ends() {
        let command = ["sleep", "1000"].map(str::to_owned);
        let mut awake = Awake::by(&command);
        awake.set(false).await;
        assert!(awake.running.is_none());
        awake.set(true).await;
        let first = awake.running.as_ref().and_then(Child::id).unwrap();
        awake.set(true).await;
        assert_eq!(awake.running.as_ref().and_then(Child::id), Some(first));
        awake.running.as_mut().unwrap().kill().await.unwrap();
        awake.set(true).await;
        assert_ne!(awake.running.as_ref().and_then(Child::id), Some(first));
        awake.set(false).await;
        assert!(awake.running.is_none());
    }

    #[tokio::test]
    async fn without_such_a_program_rendering_goes_on() {
        for command in [vec![], vec!["/nowhere/caffeinate".to_owned()]] {
            let mut awake = Awake::by(&command);
            awake.set(true).await;
            awake.set(true).await;
            assert!(awake.running.is_none());
        }
    }
}
