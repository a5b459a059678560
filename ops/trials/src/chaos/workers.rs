//! The workers, and whoever starts them again.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::Signal;
use store::S3Settings;
use tokio::process::Command;

use super::Trial;
use super::bucket::{self, Bucket};
use super::process::{Look, Process};

/// Worker processes under a supervisor as a service manager is one.
#[derive(Debug)]
pub(super) struct Workers {
    all: Vec<Worker>,
    program: PathBuf,
    queue: String,
    s3: S3Settings,
    lease_ms: u64,
}

#[derive(Debug)]
struct Worker {
    process: Process,
    /// Not before then is it started again.
    starts_at: Instant,
    is_stopped: bool,
    /// How far its clock is off, in seconds.
    clock_off: i32,
}

impl Workers {
    /// Starts them.
    ///
    /// # Errors
    /// When one cannot be started.
    pub(super) fn start(trial: &Trial, queue: String, s3: &S3Settings) -> anyhow::Result<Self> {
        let worker = |number| Worker {
            process: Process::new(&format!("worker-{number}")),
            starts_at: Instant::now(),
            is_stopped: false,
            clock_off: 0,
        };
        let all = (1..=trial.workers).map(worker).collect();
        let (program, lease_ms) = (trial.programs.worker.clone(), trial.lease_ms);
        let mut workers = Self { all, program, queue, s3: s3.clone(), lease_ms };
        workers.revive()?;
        Ok(workers)
    }

    /// Starts those again that have ended and whose time has come.
    ///
    /// # Errors
    /// When one cannot be started at all.
    pub(super) fn revive(&mut self) -> anyhow::Result<()> {
        for at in 0..self.all.len() {
            let look = self.all[at].process.look()?;
            if let Look::Ended(_) = look {
                self.all[at].is_stopped = false;
            }
            if look != Look::Runs && self.all[at].starts_at <= Instant::now() {
                let command = self.command(&self.all[at]);
                let worker = &mut self.all[at];
                worker.starts_at = Instant::now() + Duration::from_millis(500);
                worker.process.start(command)?;
            }
        }
        Ok(())
    }

    /// Kills one.
    pub(super) fn kill(&mut self, random: u64) -> anyhow::Result<()> {
        let worker = self.one_of(random);
        worker.starts_at = Instant::now() + Duration::from_millis(random % 1_500);
        worker.process.send(Signal::KILL)
    }

    /// Has one stand still until [`Self::go_on`].
    pub(super) fn stop_one(&mut self, random: u64) -> anyhow::Result<()> {
        let worker = self.one_of(random);
        worker.is_stopped = true;
        worker.process.send(Signal::STOP)
    }

    /// Has everyone who stands still go on.
    pub(super) fn go_on(&mut self) {
        for worker in self.all.iter_mut().filter(|worker| worker.is_stopped) {
            worker.is_stopped = false;
            worker.process.send(Signal::CONT).ok();
        }
    }

    /// Kills one that comes back with another clock, up to five minutes off either way.
    pub(super) fn kill_and_set_clock(&mut self, random: u64) -> anyhow::Result<()> {
        let off = i32::try_from(random % 601).unwrap_or(0) - 300;
        self.one_of(random).clock_off = off;
        self.kill(random)
    }

    /// Has all of them stop as an operator would.
    ///
    /// # Errors
    /// When one does not end, or says that something went wrong.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        self.go_on();
        for worker in &mut self.all {
            worker.process.send(Signal::TERM)?;
        }
        for worker in &mut self.all {
            let ended = worker.process.wait().await?;
            // One that was just being started again has not learned to listen yet, and holds nothing.
            let is_well = |status: &ExitStatus| status.success() || status.signal() == Some(15);
            if let Some(status) = ended.filter(|status| !is_well(status)) {
                anyhow::bail!("{} ended with {status} when told to stop", worker.process.name());
            }
        }
        Ok(())
    }

    fn one_of(&mut self, random: u64) -> &mut Worker {
        let count = self.all.len();
        &mut self.all[usize::try_from(random >> 32).unwrap_or(0) % count]
    }

    fn command(&self, worker: &Worker) -> Command {
        let mut command = if worker.clock_off == 0 {
            Command::new(&self.program)
        } else {
            let mut command = Command::new("faketime");
            command.arg("-f").arg(format!("{:+}s", worker.clock_off)).arg(&self.program);
            // Sleeps and time-outs are not what is wrong with the clock.
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            command
        };
        command.arg("--queue").arg(&self.queue).arg("--store").arg(Bucket::ADDRESS);
        command.arg("--name").arg(worker.process.name());
        command.arg("--lease-ms").arg(self.lease_ms.to_string());
        command.envs(bucket::variables(&self.s3)).env("RUST_LOG", "off");
        command
    }
}

/// Whether `faketime` is installed.
pub(super) fn can_set_clock() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("faketime").is_file())
}

/// Runs one worker by itself until nothing is open.
///
/// # Errors
/// When it cannot be started or says that something went wrong.
pub(super) async fn work_alone(program: &Path, queue: &str, store: &str) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(["--name", "alone", "--until-empty", "--queue", queue, "--store", store]);
    let status = command.status().await.context("the worker cannot be started")?;
    anyhow::ensure!(status.success(), "the undisturbed worker ended with {status}");
    Ok(())
}
