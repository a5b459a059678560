//! What a line costs besides being spoken and mastered: queue, store and the way through the worker.
//!
//! A speaker that gives a short tone at once, a `SQLite` queue in a temporary folder and a store in
//! memory; run with `cargo bench -p worker`. Mastering half a second of sound is real and included.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/episode/mod.rs"]
mod episode;
#[path = "../tests/stage/mod.rs"]
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
mod stage;

use std::io::Write;
use std::time::Instant;

use episode::{submission, texts};
use stage::{Control, ENGINE, Stage, fake_voice, settings};
use store::Store;
use tokio_util::sync::CancellationToken;
use worker::Settings;

const LINES: u16 = 2_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut out = std::io::stdout().lock();
    let mastering_ms = mastering_ms();
    writeln!(out, "mastering one line alone takes {mastering_ms:.3} ms of one core").unwrap();
    writeln!(out, "{:>6} {:>6} {:>10} {:>14}", "slots", "lines", "lines/s", "ms per line").unwrap();
    let mut rows = Vec::new();
    for slots in [1, 4, 16] {
        let seconds = runtime.block_on(render(slots));
        let each_ms = seconds * 1_000.0 / f64::from(LINES);
        let rate = 1_000.0 / each_ms;
        writeln!(out, "{slots:>6} {LINES:>6} {rate:>10.0} {each_ms:>14.3}").unwrap();
        rows.push(serde_json::json!({ "slots": slots, "lines": LINES, "lines_per_s": rate }));
    }
    let result = serde_json::json!({ "bench": "farm", "mastering_ms": mastering_ms, "rows": rows });
    writeln!(out, "{result}").unwrap();
}

/// Milliseconds to finish and encode a tone as long as the speaker's, by itself.
fn mastering_ms() -> f64 {
    const TIMES: u16 = 50;
    let tone = |at: u16| (f32::from(at) * 0.05).sin() * 0.3;
    let take = audio::Pcm { samples: (0..12_500).map(tone).collect(), rate_hz: 24_000 };
    let mastering = schemas::Mastering::default();
    let since = Instant::now();
    for _ in 0..TIMES {
        let master = audio::finish(&take, 3.0, &mastering).unwrap();
        let wav = audio::write_wav24(&master);
        let delivery = audio::encode_aac(&master, mastering.bitrate_bps, &[]).unwrap();
        assert!(wav.len() > delivery.len());
    }
    since.elapsed().as_secs_f64() * 1_000.0 / f64::from(TIMES)
}

/// Seconds to bring all lines from submitted to delivered.
async fn render(slots: usize) -> f64 {
    let stage = Stage::new().await;
    let store = Store::open("memory:").await.unwrap();
    let voices: Vec<_> = (0..20).map(|at| fake_voice(&format!("voice{at}"))).collect();
    stage.queue.submit(submission(ENGINE, &voices, &texts(usize::from(LINES)))).await.unwrap();
    let settings = Settings { look_ahead: slots.max(8), ..settings("bench") };
    let open = Control::new(true).speaker(slots);
    let since = Instant::now();
    let report = worker::run(settings, stage.queue.clone(), store, open, CancellationToken::new());
    assert_eq!(report.await.unwrap().mastered, u64::from(LINES));
    since.elapsed().as_secs_f64()
}
