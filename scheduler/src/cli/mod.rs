//! The `tableread` command: what was typed, and one file for each thing it can do.

mod answer;
mod cast;
mod change;
mod check;
mod config;
mod confirm;
mod cost;
mod drain;
mod engines;
mod enqueue;
mod export;
mod lines;
mod logs;
mod moment;
mod outage;
pub(crate) mod output;
mod place;
mod plan;
mod progress;
mod render;
#[cfg(test)]
mod schema_files;
mod script_args;
mod serve;
mod status;
mod sweep;
mod take;
mod voices;
mod watch;
mod workers;

use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};
use queue::{Queue, SubmissionChange};
use schemas::{EpisodeId, SubmissionId};
use telemetry::Verbosity;

/// Turns screenplays into voiced episodes.
#[derive(Debug, Parser)]
#[command(
    name = "tableread",
    version,
    after_help = "\
A first episode:
  tableread check SCRIPT                             is anything in it doubtful?
  tableread cast SCRIPT > cast.toml                  a cast to start from
  tableread render SCRIPT --cast cast.toml --out out hear it: out/episode.m4a

Exit codes: 0 done; 1 could not be done, and standard error says why; 2 wrong usage, doubts for
`check`, or a price that nobody agreed to; 3 done, but some lines failed or were cancelled; 130 interrupted, run it again to go on."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// How much is logged: what serves for days tells of every request; what tells of outages and
    /// failures by itself has no log lines tell them twice.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        match self.command {
            Command::Serve(_) => Verbosity::Normal,
            Command::Render(_) | Command::Take(_) => Verbosity::Silent,
            _ => Verbosity::Quiet,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Lines(lines::LinesArgs),
    Cast(cast::CastArgs),
    Plan(plan::PlanArgs),
    Render(render::RenderArgs),
    Enqueue(enqueue::EnqueueArgs),
    Take(take::TakeArgs),
    Status(status::StatusArgs),
    Logs(logs::LogsArgs),
    Export(export::ExportArgs),
    Serve(serve::ServeArgs),
    /// Sets failed and cancelled lines going again
    ///
    /// They are rendered by the workers that run, or by the next `tableread render`.
    Retry(change::LinesArgs),
    /// Stops wanting lines; what is being rendered of them is thrown away
    Cancel(change::LinesArgs),
    /// Hands out no more lines of an episode
    Pause(change::EpisodeArgs),
    /// Takes back a pause
    Resume(change::EpisodeArgs),
    /// Deletes a finished submission from the queue
    ///
    /// What was rendered stays in the store and in exported files; only what the queue remembers of
    /// the submission goes. One with open lines is refused: cancel it first.
    Forget(change::EpisodeArgs),
    Workers(workers::WorkersArgs),
    Drain(drain::DrainArgs),
    Sweep(sweep::SweepArgs),
    Voices(Box<voices::VoicesArgs>),
}

/// How a command ended, short of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done,
    Doubts,
    SomeFailed,
    Interrupted,
    /// Nobody agreed to what it would cost.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Doubts | Exit::Refused => Self::from(2),
            Exit::SomeFailed => Self::from(3),
            Exit::Interrupted => Self::from(130),
        }
    }
}

/// Does what was typed, and says with what code to exit; errors are told on standard error.
pub async fn run(cli: Cli) -> ExitCode {
    match dispatch(cli.command).await {
        Ok(exit) => exit.into(),
        // Whoever read our output has seen enough, e.g. `head`.
        Err(err) if is_broken_pipe(&err) => ExitCode::SUCCESS,
        Err(err) => {
            output::note(format!("error: {err:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Lines(args) => lines::run(&args),
        Command::Cast(args) => cast::run(&args),
        Command::Plan(args) => plan::run(args).await,
        Command::Render(args) => render::run(args).await,
        Command::Enqueue(args) => enqueue::run(args).await,
        Command::Take(args) => take::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Retry(args) => change::retry(args).await,
        Command::Cancel(args) => change::cancel(args).await,
        Command::Pause(args) => change::change(args, SubmissionChange::Pause).await,
        Command::Resume(args) => change::change(args, SubmissionChange::Resume).await,
        Command::Forget(args) => change::forget(args).await,
        Command::Workers(args) => workers::run(args).await,
        Command::Drain(args) => drain::run(args).await,
        Command::Sweep(args) => sweep::run(args).await,
        Command::Voices(args) => voices::run(*args).await,
    }
}

fn is_broken_pipe(err: &anyhow::Error) -> bool {
    err.chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|err| err.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Finds a submission by its own name, or the newest one of an episode.
async fn find_submission(queue: &dyn Queue, name: &str) -> anyhow::Result<SubmissionId> {
    if let Ok(id) = SubmissionId::parse(name)
        && queue.progress(&id).await?.is_some()
    {
        return Ok(id);
    }
    if let Ok(episode) = EpisodeId::parse(name)
        && let Some(newest) = queue.submissions(Some(&episode)).await?.first()
    {
        return Ok(newest.submission.clone());
    }
    let known = queue.submissions(None).await?;
    let names: Vec<_> = known.iter().map(|progress| progress.episode.as_str()).collect();
    let nearest = names
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    match nearest {
        Some(nearest) => bail!("no episode `{name}` in this queue; did you mean `{nearest}`?"),
        None => bail!("no episode `{name}` in this queue: nothing was submitted to it yet"),
    }
}
