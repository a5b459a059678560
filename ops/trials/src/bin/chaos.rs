//! Runs a farm under faults and says what became of every line.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use trials::chaos::{self, Programs, Trial, Verdict};

/// Runs a farm on Redis and S3 under seeded faults and audits what became of every line.
///
/// The last line of the answer is JSON. Exit code: 0 every line delivered exactly once, 4 a promise
/// was broken, 1 the trial could not be run.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// Lines, over five episodes
    #[arg(long, default_value_t = 20_000)]
    lines: usize,
    /// Worker processes
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Faults, all kinds in turn
    #[arg(long, default_value_t = 60)]
    faults: usize,
    /// Draws the order of faults, their targets and times; made up and told when not given
    #[arg(long)]
    seed: Option<u64>,
    /// How long a lease lasts unless renewed, in milliseconds
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(300..=600_000))]
    lease_ms: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(verdict) if verdict.is_good() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(4),
        Err(error) => {
            writeln!(std::io::stderr().lock(), "chaos: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(0..1_000_000));
    writeln!(std::io::stderr().lock(), "chaos: seed {seed}")?;
    let trial = Trial {
        lines: arguments.lines.max(1),
        workers: usize::from(arguments.workers),
        faults: arguments.faults,
        seed,
        lease_ms: arguments.lease_ms,
        programs: Programs::beside(&std::env::current_exe()?)?,
    };
    let verdict = chaos::run(&trial).await?;
    let mut out = std::io::stdout().lock();
    for (kind, count) in &verdict.made {
        writeln!(out, "{count:>6}  {kind}")?;
    }
    for kind in &verdict.left_out {
        writeln!(out, "{:>6}  {kind}: this machine cannot make it (root, faketime)", "-")?;
    }
    writeln!(
        out,
        "{} of {} lines delivered, {} lost, {} doubled, {} stuck, {} with other bytes, {} mischarged",
        verdict.delivered,
        verdict.lines,
        verdict.lost,
        verdict.doubled,
        verdict.stuck,
        verdict.other_bytes,
        verdict.mischarged
    )?;
    writeln!(out, "{}", serde_json::to_string(&verdict)?)?;
    Ok(verdict)
}
