//! What telemetry costs: the same lines rendered with all of it sent, and with none.
//!
//! Scratch voices, a `SQLite` queue and a store in a temporary folder, `tableread-worker` as it is run,
//! and a collector in this process that takes whatever comes; run with `cargo bench -p worker --bench
//! telemetry`. The two take turns, so that whatever else the machine does befalls both: their ratio is
//! what counts. Nothing of a line is expensive here; a model makes the share of telemetry smaller.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/episode/mod.rs"]
mod episode;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use episode::{submission, texts};
use queue::{Queue as _, SqliteQueue};
use schemas::{ScratchSynthesiser, Voice, VoiceSource};

const LINES: usize = 200;
const TURNS: usize = 5;

fn main() {
    let received = Arc::new(AtomicU64::new(0));
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let counted = received.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || take_all(socket, &counted));
        }
    });
    let (mut on, mut off) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        off.push(seconds(None));
        on.push(seconds(Some(&endpoint)));
    }
    let bytes = received.load(Ordering::Relaxed);
    assert!(bytes > 0, "nothing was sent");
    let ratio = median(&mut on) / median(&mut off);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{LINES} lines, median of {TURNS} turns:").unwrap();
    writeln!(out, "{:>8} {:>9.3} s", "off", median(&mut off)).unwrap();
    writeln!(out, "{:>8} {:>9.3} s", "on", median(&mut on)).unwrap();
    let each = bytes / (LINES * TURNS) as u64;
    writeln!(out, "on / off {ratio:.3}; {each} bytes sent a line").unwrap();
    let result = serde_json::json!({
        "bench": "telemetry",
        "lines": LINES,
        "off_s": median(&mut off),
        "on_s": median(&mut on),
        "ratio": ratio,
        "bytes_per_line": each,
    });
    writeln!(out, "{result}").unwrap();
}

/// Seconds from the start of a worker that renders all lines to its end.
fn seconds(endpoint: Option<&str>) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".tableread")).unwrap();
    let queue = SqliteQueue::open(&folder.path().join(".tableread/queue.db")).unwrap();
    let synthesiser = ScratchSynthesiser::Pico;
    let source =
        VoiceSource::Scratch { synthesiser, base: None, pitch: 1.0, formant: 1.0, rate: 1.0 };
    let voice = Voice { name: "mira".to_owned(), model: "scratch".to_owned(), source };
    let new = submission(engine::scratch::ENGINE, &[voice], &texts(LINES));
    tokio::runtime::Runtime::new().unwrap().block_on(queue.submit(new)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tableread-worker"));
    command.args(["run", "--until-empty", "--quiet", "--out"]).arg(folder.path());
    command.env("TABLEREAD_CACHE_DIR", folder.path().join("cache")).stdout(Stdio::null());
    command.env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
    if let Some(endpoint) = endpoint {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    }
    let since = Instant::now();
    assert!(command.status().unwrap().success());
    since.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Answers every request of a connection, and counts the bytes of their bodies.
fn take_all(socket: TcpStream, received: &AtomicU64) {
    let mut reader = BufReader::new(socket);
    loop {
        let mut length = 0_u64;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).unwrap();
        received.fetch_add(length, Ordering::Relaxed);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if reader.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}
