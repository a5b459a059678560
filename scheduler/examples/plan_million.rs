//! Plans a screenplay of a million lines and says how long it took, as one JSON line.
//!
//! `cargo run --release -p scheduler --example plan_million [LINES]`

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use anyhow::Context as _;
use scheduler::cast::Cast;
use scheduler::ledger::Ledger;
use scheduler::plan::{PlanOptions, plan};

const CHARACTERS: usize = 20;

fn main() -> anyhow::Result<()> {
    let wanted = match std::env::args().nth(1) {
        Some(lines) => lines.parse().context("LINES is a number of script lines")?,
        None => 1_000_000,
    };
    let text = generate(wanted)?;
    let start = Instant::now();
    let script = screenplay::read("million.fountain", text.as_bytes())?;
    let parse_s = start.elapsed().as_secs_f64();
    let cast = Cast::read("cast.toml", &cast()?, &|path| std::fs::read(path))?;
    let options = PlanOptions::default();
    let start = Instant::now();
    let first = plan(&script, &cast, &options, None)?;
    let plan_s = start.elapsed().as_secs_f64();
    let ledger = Ledger::after(&first, None);
    let start = Instant::now();
    let second = plan(&script, &cast, &options, Some(&ledger))?;
    let replan_s = start.elapsed().as_secs_f64();
    let report = serde_json::json!({
        "script_lines": text.lines().count(),
        "spoken_lines": first.totals.lines,
        "parse_s": parse_s,
        "plan_s": plan_s,
        "plan_with_ledger_s": replan_s,
        "is_same_plan": first == second,
        "peak_rss_kib": peak_rss_kib(),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

fn generate(lines: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    // Three script lines a speech, and a heading with an empty line each forty speeches.
    for n in 0..lines / 3 {
        if n % 40 == 0 {
            write!(text, "INT. CABIN {} - NIGHT\n\n", n / 40)?;
        }
        let who = (n * 7 + n / 11) % CHARACTERS;
        if n % 13 == 0 {
            write!(text, "SAILOR {who}X\nYes.\n\n")?;
        } else {
            write!(text, "SAILOR {who}X\nThe glass fell to {n} and the wind went round.\n\n")?;
        }
    }
    Ok(text)
}

fn cast() -> Result<String, std::fmt::Error> {
    let mut toml = String::new();
    for who in 0..CHARACTERS {
        writeln!(toml, "[characters.\"SAILOR {who}X\"]")?;
    }
    Ok(toml)
}

/// As Linux counts it; `None` elsewhere.
fn peak_rss_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
