//! Measuring with a clock what the engine does without one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::qwen3_tts::bench::{BenchModel, Holding, PROMPT_POSITIONS, Part};
use engine::qwen3_tts::prompt::Prefill;
use engine::qwen3_tts::weights::compute_dtype;
use engine::qwen3_tts::{Device, Frame, device, device_bytes, device_name};

use super::memory::resident_bytes;
use super::report::{Batch, Machine, Model, Parts, Report};
use crate::cli::say_on_stderr;
use crate::config::BenchArguments;

/// Seconds of audio that a frame is.
const FRAME_S: f64 = 0.08;

/// Frames that are spoken before the clock runs: caches grow, kernels are compiled and recorded.
const WARM_UP: usize = 5;

/// Frames of the pass that looks at parts.
const PARTS_FRAMES: usize = 10;

/// Measures all that was asked for; tells how far it is on standard error.
///
/// # Errors
/// When the device or the model cannot be used, and when the device fails.
pub(super) fn measure(arguments: &BenchArguments) -> anyhow::Result<Report> {
    let device = device(arguments.device.processor())?;
    let format = arguments.format();
    let holding = Holding { device: device.clone(), format, has_codec: arguments.codec };
    let name = device_name(&device);
    say_on_stderr(&match &arguments.model {
        Some(release) => format!("opening {} on {name}", release.display()),
        None => format!("making up weights on {name}"),
    });
    let since = Instant::now();
    let model = open(arguments, &holding)?;
    model.wait()?;
    let load_seconds = since.elapsed().as_secs_f64();
    let prompt = model.prompt()?;
    let mut batches = Vec::with_capacity(arguments.batch.len());
    for &lines in &arguments.batch {
        say_on_stderr(&format!("{lines} lines at once"));
        let has_codec = arguments.codec;
        let bench = Bench { model: &model, prompt: &prompt, device: &device, has_codec };
        batches.push(bench.batch(usize::from(lines), usize::from(arguments.frames))?);
    }
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        machine: Machine {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            threads: worker::cores(),
            device: name,
        },
        model: Model {
            name: model.name(),
            is_random: arguments.model.is_none(),
            dtype: compute_dtype(&device).as_str(),
            weights: format.name(),
            codec_dtype: "f32",
            load_seconds,
        },
        frames: usize::from(arguments.frames),
        prompt_positions: PROMPT_POSITIONS,
        batches,
    })
}

fn open(arguments: &BenchArguments, holding: &Holding) -> anyhow::Result<BenchModel> {
    match &arguments.model {
        Some(release) => BenchModel::open(release, holding)
            .with_context(|| format!("the model {} cannot be opened", Path::display(release))),
        None => BenchModel::random(arguments.size(), holding)
            .context("a model of that size cannot be made up here"),
    }
}

struct Bench<'a> {
    model: &'a BenchModel,
    prompt: &'a Prefill,
    device: &'a Device,
    has_codec: bool,
}

/// What speaking took and gave.
struct Speaking {
    /// All prompts.
    prefill: Duration,
    /// All frames.
    stepping: Duration,
    /// By line.
    frames: Vec<Vec<Frame>>,
    /// With all lines seated.
    resident_bytes: Option<u64>,
    /// With all lines seated.
    device_bytes: Option<u64>,
}

impl Bench<'_> {
    fn batch(&self, lines: usize, frames: usize) -> anyhow::Result<Batch> {
        let speaking = self.speak(lines, frames)?;
        let decoding = self.has_codec.then(|| self.decode(&speaking.frames)).transpose()?;
        let produced: usize = speaking.frames.iter().map(Vec::len).sum();
        anyhow::ensure!(produced == lines * frames, "{produced} frames were spoken, not all");
        let audio_s = count(produced) * FRAME_S;
        let times = |wall: Duration| audio_s / wall.as_secs_f64();
        Ok(Batch {
            lines,
            frames: produced,
            prefill_ms: millis(speaking.prefill) / count(lines),
            frame_ms: millis(speaking.stepping) / count(frames),
            times_real_time: times(speaking.stepping),
            codec_ms: decoding.map(|decoding| millis(decoding) / count(frames)),
            times_real_time_with_codec: decoding
                .map(|decoding| times(speaking.stepping + decoding)),
            parts: self.parts(lines)?,
            resident_bytes: speaking.resident_bytes,
            device_bytes: speaking.device_bytes,
        })
    }

    /// How long prompts and frames take, and the frames.
    fn speak(&self, lines: usize, frames: usize) -> anyhow::Result<Speaking> {
        let mut seated = self.model.lines(lines);
        // The first prompt finds nothing warm; it is taken in by lines that are then let go.
        seated.seat(self.prompt)?;
        seated.step()?;
        drop(seated);
        let mut seated = self.model.lines(lines);
        self.model.wait()?;
        let since = Instant::now();
        for _ in 0..lines {
            seated.seat(self.prompt)?;
        }
        self.model.wait()?;
        let prefill = since.elapsed();
        for _ in 0..WARM_UP {
            seated.step()?;
        }
        seated.take_spoken();
        self.model.wait()?;
        let since = Instant::now();
        for _ in 0..frames {
            seated.step()?;
        }
        self.model.wait()?;
        Ok(Speaking {
            prefill,
            stepping: since.elapsed(),
            frames: seated.take_spoken(),
            resident_bytes: resident_bytes(),
            device_bytes: device_bytes(self.device),
        })
    }

    /// How long all frames of the lines take to be heard.
    fn decode(&self, spoken: &[Vec<Frame>]) -> anyhow::Result<Duration> {
        let start: Vec<_> =
            spoken.iter().map(|frames| frames[..frames.len().min(2)].to_vec()).collect();
        self.model.decode(&start)?;
        self.model.wait()?;
        let since = Instant::now();
        self.model.decode(spoken)?;
        self.model.wait()?;
        Ok(since.elapsed())
    }

    /// How long each part of a frame takes by itself.
    fn parts(&self, lines: usize) -> anyhow::Result<Parts> {
        let mut frame = self.model.parts(self.prompt, lines)?;
        frame.step(&mut |_| ())?;
        let mut took = [Duration::ZERO; 3];
        for _ in 0..PARTS_FRAMES {
            let mut since = Instant::now();
            frame.step(&mut |part| {
                let place = match part {
                    Part::Talker => 0,
                    Part::Predictor => 1,
                    Part::Sampling => 2,
                };
                took[place] += since.elapsed();
                since = Instant::now();
            })?;
        }
        let [talker_ms, predictor_ms, sampling_ms] =
            took.map(|took| millis(took) / count(PARTS_FRAMES));
        Ok(Parts { talker_ms, predictor_ms, sampling_ms })
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "no bench has 2^52 frames")]
fn count(number: usize) -> f64 {
    number as f64
}
