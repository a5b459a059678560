//! Measures what the farm itself costs.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use queue::Queue;
use trials::chaos::Programs;
use trials::load::{self, Load};

/// Measures a queue: lines a second, how workers scale, and many workers at once.
///
/// Give it a queue of its own; what it submits stays there. The last line of the answer is JSON.
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Arguments {
    /// The queue, e.g. `redis://127.0.0.1:6379/5`
    #[arg(long, value_name = "ADDRESS")]
    queue: String,
    /// Lines of the rates and of the crowd
    #[arg(long, default_value_t = 20_000)]
    lines: usize,
    /// Simulated workers of the crowd
    #[arg(long, default_value_t = 1_000)]
    crowd: usize,
    /// Lines rendered with each number of workers
    #[arg(long, default_value_t = 400)]
    scaling_lines: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr().lock(), "load: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let programs = Programs::beside(&std::env::current_exe()?)?;
    let open = || {
        let address = arguments.queue.clone();
        async move { anyhow::Ok(tokio::task::spawn_blocking(move || queue::open(&address)).await??) }
    };
    let mut queues: Vec<Arc<dyn Queue>> = Vec::new();
    for _ in 0..8 {
        queues.push(open().await?);
    }
    let say = |text: &str| writeln!(std::io::stderr().lock(), "load: {text}");
    say("lines a second through one process")?;
    let rates = load::rates(queues[0].clone(), arguments.lines).await?;
    say("many workers at once")?;
    let crowd = load::crowd(&queues, arguments.crowd, arguments.lines).await?;
    say("1, 2, 4 and 8 workers")?;
    let (address, lines) = (&arguments.queue, arguments.scaling_lines);
    let scaling = load::scaling(address, &programs.worker, lines, &[1, 2, 4, 8]).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "submitted {:>10.0} lines/s", rates.submitted_per_s)?;
    writeln!(out, "claimed   {:>10.0} lines/s", rates.claimed_per_s)?;
    writeln!(out, "settled   {:>10.0} lines/s", rates.settled_per_s)?;
    writeln!(
        out,
        "{} workers: {:.0} lines/s, a claim takes {:.1} ms (half), {:.1} ms (99 of 100)",
        crowd.workers, crowd.lines_per_s, crowd.claim_p50_ms, crowd.claim_p99_ms
    )?;
    for row in &scaling {
        let load::Scaling { workers, seconds, times_faster, .. } = row;
        writeln!(out, "{workers:>3} workers {seconds:>8.2} s {times_faster:>6.2} x")?;
    }
    writeln!(out, "{}", serde_json::to_string(&Load { rates, scaling, crowd })?)?;
    Ok(())
}
