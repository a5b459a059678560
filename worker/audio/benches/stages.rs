//! Prints how many times faster than real time each stage is, all measured in one run.
//!
//! `cargo bench -p audio`; figures of different machines or loads are not to be compared.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use audio::{
    Pcm, decode_aac, encode_aac, finish, measure, mix, peaks, read_wav, resample, write_wav_f32,
    write_wav24,
};
use schemas::Mastering;

/// Length of the take, in seconds.
const SECONDS: u32 = 30;
/// Times a stage is run; the fastest counts.
const RUNS: usize = 5;

fn main() -> std::io::Result<()> {
    let take = take(24_000, 24_000 * SECONDS as usize);
    let mastering = Mastering { rate_hz: 48_000, ..Mastering::default() };
    let wav = write_wav24(&take);
    let aac = encode_aac(&take, 64_000, &[]).expect("an encodable take");
    report("measure", || measure(&take))?;
    report("resample 24 to 48 kHz", || resample(&take, 48_000))?;
    report("resample 24 to 44.1 kHz", || resample(&take, 44_100))?;
    report("finish at 24 kHz", || finish(&take, 6.0, &Mastering::default()))?;
    report("finish at 48 kHz", || finish(&take, 6.0, &mastering))?;
    report("mix of two", || mix(take.samples.len(), 24_000, &[(0, &take), (0, &take)]))?;
    report("peaks", || peaks(&take, 1_000))?;
    report("write wav 24", || write_wav24(&take))?;
    report("write wav f32", || write_wav_f32(&take))?;
    report("read wav 24", || read_wav(&wav))?;
    report("encode aac", || encode_aac(&take, 64_000, &[]))?;
    report("decode aac", || decode_aac(&aac))
}

/// Syllables of a buzz with some noise: not silent, not steady.
#[expect(clippy::cast_precision_loss, reason = "half a minute of samples")]
fn take(rate_hz: u32, n: usize) -> Pcm {
    let mut state = 1u32;
    let sample = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = (state >> 8) as f32 / 16_777_216.0 - 0.5;
        let seconds = at as f32 / rate_hz as f32;
        let buzz = (seconds * 140.0).fract() - 0.5;
        (0.6 * buzz + 0.05 * hiss) * (seconds * 4.0 * std::f32::consts::PI).sin().abs()
    };
    Pcm { samples: (0..n).map(sample).collect(), rate_hz }
}

fn report<T>(stage: &str, mut run: impl FnMut() -> T) -> std::io::Result<()> {
    let mut fastest = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        black_box(run());
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    let ratio = f64::from(SECONDS) / fastest;
    writeln!(std::io::stdout(), "{stage:<26} {ratio:>8.0} x real time")
}
