//! A Redis that can be killed, and whose disk can be filled.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;
use tokio::process::Command;

use super::process::{Look, Process};

/// `redis-server` with an append-only file that is synced before anything is answered.
#[derive(Debug)]
pub(super) struct Redis {
    process: Process,
    folder: PathBuf,
    port: u16,
    /// Whether `folder` is a small disk of its own, mounted here.
    has_own_disk: bool,
    /// Not before then is it started again.
    starts_at: Option<Instant>,
}

/// Bytes of its disk, where it has one of its own.
const DISK: &str = "size=768m";

impl Redis {
    /// Starts a server that keeps its files in `folder`.
    ///
    /// # Errors
    /// When there is no `redis-server`, or it does not answer.
    pub(super) async fn start(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let has_own_disk = rustix::process::geteuid().is_root() && mount(folder).await;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Process::new("redis-server");
        let mut redis =
            Self { process, folder: folder.to_owned(), port, has_own_disk, starts_at: None };
        redis.process.start(redis.command())?;
        redis.until_alive().await?;
        Ok(redis)
    }

    /// As workers and schedulers are told.
    pub(super) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Whether its disk can be filled without filling anybody else's.
    pub(super) fn has_own_disk(&self) -> bool {
        self.has_own_disk
    }

    /// Kills it; it comes back a little later.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.starts_at = Some(Instant::now() + Duration::from_millis(700));
        self.process.send(Signal::KILL)
    }

    /// Fills its disk: what it cannot write ends it, and until there is room it does not come back.
    pub(super) fn fill_disk(&mut self) -> anyhow::Result<()> {
        if !self.has_own_disk {
            return Ok(());
        }
        let mut ballast = File::create(self.ballast()).context("no ballast")?;
        let block = vec![0x55_u8; 1 << 20];
        while ballast.write_all(&block).is_ok() {}
        Ok(())
    }

    /// Makes room again.
    pub(super) fn free_disk(&mut self) {
        std::fs::remove_file(self.ballast()).ok();
    }

    /// Starts it again when it has ended and its time has come.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub(super) fn revive(&mut self) -> anyhow::Result<()> {
        let is_down = !matches!(self.process.look()?, Look::Runs);
        if is_down && self.starts_at.is_none_or(|at| at <= Instant::now()) {
            // One that ends at once, its disk still full, is not started in a busy loop.
            self.starts_at = Some(Instant::now() + Duration::from_millis(300));
            self.process.start(self.command())?;
        }
        Ok(())
    }

    /// Waits until it answers, starting it if need be.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub(super) async fn until_alive(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        while !self.answers() {
            if since.elapsed() > Duration::from_mins(1) {
                bail!("redis-server does not answer");
            }
            self.revive()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let address = SocketAddr::from(([127, 0, 0, 1], self.port));
            let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
            socket.set_read_timeout(Some(Duration::from_secs(1)))?;
            socket.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            socket.read_exact(&mut answer)?;
            Ok(answer == *b"+PONG")
        };
        ask().unwrap_or(false)
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    fn command(&self) -> Command {
        let mut command = Command::new("redis-server");
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(&self.folder);
        command.args(["--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always"]);
        command.args(["--save", "", "--stop-writes-on-bgsave-error", "no"]);
        command.stderr(Stdio::null());
        command
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.process.send(Signal::KILL).ok();
        if self.has_own_disk {
            // The folder above is about to be removed; one that stays mounted would stay.
            let unmounted =
                std::process::Command::new("umount").arg("-l").arg(&self.folder).status();
            drop(unmounted);
        }
    }
}

/// Mounts a small disk in memory; says whether that was possible.
async fn mount(folder: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(folder).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}
