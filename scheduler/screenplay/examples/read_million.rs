//! Reads a screenplay of many lines and says in one line of JSON what that took.
//!
//! `cargo run -p screenplay --example read_million [LINES]`; 1 000 000 lines unless told otherwise.

use std::{error::Error, io::Write, time::Instant};

use screenplay::{ElementKind, read};
use serde_json::json;

/// Lines of one [`scene`].
const SCENE_LINES: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let lines: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |lines| lines.parse())?;
    let text: String = (0..lines.div_ceil(SCENE_LINES)).map(scene).collect();
    let lines = text.lines().count();
    let started = Instant::now();
    let script = read("million.fountain", text.as_bytes())?;
    let seconds = started.elapsed().as_secs_f64();
    let is_speech = |kind: &ElementKind| matches!(kind, ElementKind::Speech(_));
    let report = json!({
        "lines": lines,
        "bytes": text.len(),
        "seconds": seconds,
        "lines_per_second": f64::from(u32::try_from(lines)?) / seconds,
        "elements": script.elements.len(),
        "speeches": script.elements.iter().filter(|element| is_speech(&element.kind)).count(),
        "doubts": script.doubts.len(),
        "peak_rss_kib": peak_rss_kib(),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// One scene with something of everything.
fn scene(number: usize) -> String {
    format!(
        "INT. ROOM {number} - DAY #{number}#\n\nIt *rains*. [[check]]\n\nBOB (V.O.)\n\
         (softly) This is what I **said** in scene {number}.\nAnd more. /* cut */\n\n\
         CUT TO:\n\n"
    )
}

/// The most memory this process ever held, in KiB, where the system says so.
fn peak_rss_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches("kB").trim().parse().ok()
}
