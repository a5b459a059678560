//! A farm under every fault we can make, and an audit of what became of each line.
//!
//! ```text
//!  episodes ─▶ submissions ─▶ redis ◀─ workers ─▶ bucket
//!                 ▲             ▲         ▲          ▲
//!                 └──────── faults, drawn from a seed
//!  history (events of the queue) + manifests + the bucket ─▶ audit
//! ```
//!
//! Schedulers and workers are processes that are killed, stopped and given wrong clocks; Redis is
//! killed and its disk filled; the bucket is a server in this process that answers with errors or
//! not at all. At the end the same episodes are rendered once more, by one worker that nobody
//! disturbs, and both results are compared.

mod audit;
mod bucket;
mod episodes;
mod fault;
mod history;
mod process;
mod redis;
mod workers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

pub use self::audit::Verdict;
use self::bucket::Bucket;
use self::episodes::Episodes;
use self::fault::{Fault, Faults};
use self::history::History;
use self::redis::Redis;
use self::workers::Workers;

/// What is run.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Lines in all, over all episodes; at least 1.
    pub lines: usize,
    /// Worker processes; at least 1.
    pub workers: usize,
    /// Faults made while lines are open.
    pub faults: usize,
    /// Draws the order of faults, their targets and their times.
    pub seed: u64,
    /// How long a lease lasts unless renewed, in milliseconds.
    pub lease_ms: u64,
    /// Programs that are run.
    pub programs: Programs,
}

/// The programs of a trial.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `trial-tableread`.
    pub scheduler: PathBuf,
    /// `trial-worker`.
    pub worker: PathBuf,
}

impl Programs {
    /// Both beside the program that runs.
    ///
    /// # Errors
    /// When one is not there.
    pub fn beside(program: &Path) -> anyhow::Result<Self> {
        let folder = program.parent().context("a program is in a folder")?;
        let find = |name: &str| {
            let path = folder.join(name);
            if path.is_file() { Ok(path) } else { bail!("{} is not there", path.display()) }
        };
        Ok(Self { scheduler: find("trial-tableread")?, worker: find("trial-worker")? })
    }
}

/// How long nothing may happen to any line before it counts as stuck: longer than every back-off,
/// lease and outage of a trial.
const STUCK: Duration = Duration::from_secs(90);

/// How often the farm is looked after.
const TICK: Duration = Duration::from_millis(25);

/// Runs a trial and says what became of it. Progress goes to standard error.
///
/// # Errors
/// When the farm cannot be set up or the audit cannot read its results: neither good nor bad.
pub async fn run(trial: &Trial) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut farm = Farm::start(trial, folder.path()).await?;
    let mut history = History::open(farm.redis.address()).await?;
    let mut faults = Faults::new(trial, farm.redis.has_own_disk());
    let bar = bar(trial.lines);
    let mut last_change = Instant::now();
    while !(farm.episodes.are_submitted() && history.open_lines(trial.lines) == 0) {
        tokio::time::sleep(TICK).await;
        farm.look_after()?;
        if history.read_on().await > 0 {
            last_change = Instant::now();
        }
        bar.set_position(history.delivered());
        if let Some(fault) = faults.due(history.delivered()) {
            farm.make(fault, faults.random())?;
            bar.set_message(format!("{} faults", faults.made()));
        }
        for fault in faults.over() {
            farm.end(fault);
        }
        if last_change.elapsed() > STUCK {
            break;
        }
    }
    for fault in faults.lasting() {
        farm.end(fault);
    }
    farm.redis.until_alive().await?;
    farm.workers.stop().await?;
    history.read_to_the_end().await?;
    bar.finish_and_clear();
    let alone = farm.episodes.alone(trial).await?;
    audit::audit(trial, &farm, &history, &faults, &alone).await
}

/// All that can break. Dropped in this order: what asks before what answers.
struct Farm {
    workers: Workers,
    episodes: Episodes,
    bucket: Bucket,
    redis: Redis,
}

impl Farm {
    async fn start(trial: &Trial, folder: &Path) -> anyhow::Result<Self> {
        let bucket = Bucket::serve(&folder.join("bucket")).await?;
        let redis = Redis::start(&folder.join("redis")).await?;
        let episodes = Episodes::write(trial, folder, redis.address(), bucket.settings())?;
        let workers = Workers::start(trial, redis.address(), bucket.settings())?;
        Ok(Self { workers, episodes, bucket, redis })
    }

    /// Starts again what has ended, as service managers and impatient people do.
    fn look_after(&mut self) -> anyhow::Result<()> {
        self.redis.revive()?;
        self.workers.revive()?;
        self.episodes.go_on()
    }

    fn make(&mut self, fault: Fault, random: u64) -> anyhow::Result<()> {
        match fault {
            Fault::KillWorker => self.workers.kill(random)?,
            Fault::StopWorker => self.workers.stop_one(random)?,
            Fault::WrongClock => self.workers.kill_and_set_clock(random)?,
            Fault::KillScheduler => self.episodes.kill_the_next(random),
            Fault::KillRedis => self.redis.kill()?,
            Fault::FillDisk => self.redis.fill_disk()?,
            Fault::StoreErrors => self.bucket.fail_some(),
            Fault::StoreAway => self.bucket.go_away(),
        }
        Ok(())
    }

    fn end(&mut self, fault: Fault) {
        match fault {
            Fault::StopWorker => self.workers.go_on(),
            Fault::FillDisk => self.redis.free_disk(),
            Fault::StoreErrors | Fault::StoreAway => self.bucket.recover(),
            Fault::KillWorker | Fault::WrongClock | Fault::KillScheduler | Fault::KillRedis => {}
        }
    }
}

fn bar(lines: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:30} {pos}/{len} lines delivered, {msg}, {elapsed_precise}",
    );
    let bar = ProgressBar::new(lines as u64).with_message("0 faults");
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}
