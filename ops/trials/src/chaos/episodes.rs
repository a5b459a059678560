//! The episodes, and the scheduler's commands that submit them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use queue::Queue;
use rustix::process::Signal;
use schemas::LineRecord;
use store::S3Settings;
use tokio::process::Command;

use super::bucket::{self, Bucket};
use super::process::{Look, Process};
use super::workers::work_alone;
use super::{Programs, Trial};

/// What producers hand in.
#[derive(Debug)]
pub(super) struct Episodes {
    all: Vec<Episode>,
    /// Index of the one being submitted.
    at: usize,
    process: Process,
    /// When the command that runs is killed.
    killed_at: Option<Instant>,
    /// Whether and when the next command is killed, counted from its start.
    next_is_killed_after: Option<Duration>,
    folder: PathBuf,
    queue: String,
    s3: S3Settings,
    programs: Programs,
}

#[derive(Debug)]
struct Episode {
    name: String,
    script: PathBuf,
    priority: usize,
}

/// Episodes of a trial.
const EPISODES: usize = 5;

/// People who speak in each.
const PEOPLE: usize = 6;

impl Episodes {
    /// Writes scripts and a cast into `folder`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn write(
        trial: &Trial,
        folder: &Path,
        queue: String,
        s3: &S3Settings,
    ) -> anyhow::Result<Self> {
        std::fs::write(folder.join("cast.toml"), cast())?;
        let mut all = Vec::new();
        for number in 0..EPISODES {
            let lines = (number..trial.lines).step_by(EPISODES);
            let name = format!("episode-{number}");
            let script = folder.join(format!("{name}.fountain"));
            std::fs::write(&script, script_of(lines))?;
            all.push(Episode { name, script, priority: 4 + number % 3 });
        }
        Ok(Self {
            all,
            at: 0,
            process: Process::new("trial-tableread"),
            killed_at: None,
            next_is_killed_after: None,
            folder: folder.to_owned(),
            queue,
            s3: s3.clone(),
            programs: trial.programs.clone(),
        })
    }

    /// Whether all are in the queue.
    pub(super) fn are_submitted(&self) -> bool {
        self.at == self.all.len()
    }

    /// Has the next command killed, at a time that `random` says.
    pub(super) fn kill_the_next(&mut self, random: u64) {
        self.next_is_killed_after = Some(Duration::from_millis(random % 400));
    }

    /// Submits what is not submitted: a command that failed or was killed is given again.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub(super) fn go_on(&mut self) -> anyhow::Result<()> {
        if self.killed_at.is_some_and(|at| at <= Instant::now()) {
            self.killed_at = None;
            self.process.send(Signal::KILL)?;
        }
        match self.process.look()? {
            Look::Runs => return Ok(()),
            Look::Ended(status) if status.success() => self.at += 1,
            Look::Ended(_) | Look::Gone => {}
        }
        let Some(episode) = self.all.get(self.at) else {
            // Nothing is left to submit: what is handed in twice changes nothing.
            return self.submit_again();
        };
        let command = self.enqueue(episode, &self.queue, Bucket::ADDRESS);
        self.begin(command)
    }

    /// Where a scheduler is to be killed and nothing is left to submit, the last is submitted again.
    fn submit_again(&mut self) -> anyhow::Result<()> {
        let (Some(_), Some(last)) = (self.next_is_killed_after, self.all.last()) else {
            return Ok(());
        };
        self.at -= 1;
        let command = self.enqueue(last, &self.queue, Bucket::ADDRESS);
        self.begin(command)
    }

    fn begin(&mut self, command: Command) -> anyhow::Result<()> {
        self.killed_at = self.next_is_killed_after.take().map(|after| Instant::now() + after);
        self.process.start(command)
    }

    /// Renders all of them once more, by one worker that nobody disturbs; their lines in order.
    ///
    /// # Errors
    /// When that fails.
    pub(super) async fn alone(&self, trial: &Trial) -> anyhow::Result<Vec<LineRecord>> {
        let folder = self.folder.join("alone");
        std::fs::create_dir_all(&folder)?;
        let queue = format!("sqlite:{}", folder.join("queue.db").display());
        let store = folder.join("store").display().to_string();
        for episode in &self.all {
            let status = self.enqueue(episode, &queue, &store).status().await?;
            anyhow::ensure!(status.success(), "{} cannot be submitted alone", episode.name);
        }
        work_alone(&trial.programs.worker, &queue, &store).await?;
        let queue = queue::open(&queue)?;
        lines(&*queue).await.context("what was rendered alone cannot be read")
    }

    /// The lines of all episodes, in the order of the episodes and of their scripts.
    pub(super) async fn lines(&self) -> anyhow::Result<Vec<LineRecord>> {
        let address = self.queue.clone();
        let queue = tokio::task::spawn_blocking(move || queue::open(&address)).await??;
        lines(&*queue).await
    }

    /// Where the queue is.
    pub(super) fn queue(&self) -> &str {
        &self.queue
    }

    fn enqueue(&self, episode: &Episode, queue: &str, store: &str) -> Command {
        let mut command = Command::new(&self.programs.scheduler);
        command
            .arg("enqueue")
            .arg(&episode.script)
            .arg("--cast")
            .arg(self.folder.join("cast.toml"));
        command.args(["--episode", &episode.name, "--queue", queue, "--store", store]);
        // A line may be hit by many faults; none of them is its own.
        command.args(["--attempts", "100", "--priority", &episode.priority.to_string()]);
        command.envs(bucket::variables(&self.s3)).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        command
    }
}

async fn lines(queue: &dyn Queue) -> anyhow::Result<Vec<LineRecord>> {
    let mut submissions = queue.submissions(None).await?;
    submissions.sort_by(|a, b| a.episode.cmp(&b.episode));
    let mut all = Vec::new();
    for submission in submissions {
        all.extend(queue.lines(&submission.submission).await?);
    }
    Ok(all)
}

fn cast() -> String {
    let mut cast = "title = \"Trial\"\nlanguage = \"en-GB\"\n".to_owned();
    for person in 0..PEOPLE {
        let pitch = 0.7 + 0.1 * f64::from(u32::try_from(person).unwrap_or(0));
        let written = write!(
            cast,
            "[voices.v{person}]\nscratch = {{ pitch = {pitch:.1} }}\n\
             [characters.\"{}\"]\nvoice = \"v{person}\"\n",
            name(person)
        );
        written.expect("a string takes everything");
    }
    cast
}

fn script_of(lines: impl Iterator<Item = usize>) -> String {
    let mut script = "INT. WHEELHOUSE - NIGHT\n\n".to_owned();
    for line in lines {
        let written =
            write!(script, "{}\nThis is line {line} of them all.\n\n", name(line % PEOPLE));
        written.expect("a string takes everything");
    }
    script
}

fn name(person: usize) -> &'static str {
    ["ANNA", "BEN", "CLARA", "DAVID", "EVE", "FRANK"][person % PEOPLE]
}
