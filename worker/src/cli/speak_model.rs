//! `tableread-worker speak --requests`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use audio::Pcm;
use engine::qwen3_tts::tokenizer::Words;
use engine::qwen3_tts::weights::Pins;
use engine::qwen3_tts::{LineRequest, QwenConfig, QwenModel, RATE_HZ, SpokenLine, Tally, device};
use engine::{LineError, Samples};
use schemas::LineId;
use serde::Serialize;
use worker::models;

use super::answer;
use super::requests::{self, Asked};
use crate::config::ModelArguments;

/// Some requests could not be spoken.
const INCOMPLETE: u8 = 3;

/// Speaks a file of requests as one batch into a folder.
///
/// # Errors
/// When the requests or the model cannot be read, or a file cannot be written.
pub(super) async fn speak(arguments: ModelArguments, out: PathBuf) -> anyhow::Result<ExitCode> {
    let is_json = arguments.json;
    let summary = tokio::task::spawn_blocking(move || speak_requests(&arguments, &out)).await??;
    answer(&if is_json { serde_json::to_string(&summary)? } else { table(&summary) })?;
    let is_complete = summary.lines.iter().all(|line| line.error.is_none());
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// What became of all requests.
#[derive(Debug, Serialize)]
struct Summary {
    /// In the order of the requests.
    lines: Vec<Report>,
    /// Frames of 80 ms that were spoken.
    frames: usize,
    /// Of audio that was written.
    seconds: f64,
    /// Opening the model.
    load_seconds: f64,
    /// From the first seat taken to the last file written, voices made ready included.
    wall_seconds: f64,
    /// Seconds of audio a second.
    times_real_time: f64,
    /// Lines that were spoken at once at most.
    slots: usize,
    /// How many of the seats were taken, over all steps; 0 to 1.
    occupancy: f64,
    /// Voices that were made ready.
    voices: u64,
    /// Lines that found their voice ready.
    voice_hits: u64,
}

/// What became of one request.
#[derive(Debug, Clone, Default, Serialize)]
struct Report {
    /// Its id or place in the file.
    id: String,
    frames: usize,
    seconds: f64,
    /// Why it was not spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn speak_requests(arguments: &ModelArguments, out: &Path) -> anyhow::Result<Summary> {
    let path = arguments.requests.as_deref().context("--requests is missing")?;
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let asked = requests::read(&text, folder, arguments.greedy);
    anyhow::ensure!(!asked.is_empty(), "{} has no requests", path.display());
    std::fs::create_dir_all(out)
        .with_context(|| format!("the folder {} cannot be made", out.display()))?;
    let since = Instant::now();
    let model = open(&release(arguments)?, arguments)?;
    let load_seconds = since.elapsed().as_secs_f64();
    let slots = usize::from(arguments.slots);
    let since = Instant::now();
    let (lines, tally) = speak_all(&model, &asked, slots, out)?;
    Ok(summary(lines, tally, slots, (load_seconds, since.elapsed().as_secs_f64())))
}

/// The folder of the model that is named: a folder, or a name among those of models.
///
/// # Errors
/// When there is none.
pub(super) fn release(arguments: &ModelArguments) -> anyhow::Result<PathBuf> {
    let named = arguments.model.as_ref().context("--model is missing")?;
    if named.exists() {
        return Ok(named.clone());
    }
    Ok(models::find(&named.to_string_lossy(), &arguments.models)?.folder)
}

/// Opens a release; recordings are files.
///
/// # Errors
/// When it cannot be used, or the device is not there.
pub(super) fn open(release: &Path, arguments: &ModelArguments) -> anyhow::Result<QwenModel> {
    QwenModel::open(QwenConfig {
        release: release.to_owned(),
        name: None,
        device: device(arguments.device.processor())?,
        weights: arguments.weights.into(),
        words: Words::Native,
        pins: Pins::default(),
        recordings: Box::new(recording),
    })
    .with_context(|| format!("the model {} cannot be opened", release.display()))
}

/// Reads a WAV file for the model to hear.
fn recording(path: &str) -> Result<Samples, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let pcm = audio::read_wav(&bytes).and_then(|pcm| audio::resample(&pcm, RATE_HZ));
    let Pcm { samples, rate_hz } = pcm.map_err(|error| format!("{path}: {error}"))?;
    Ok(Samples { samples, rate_hz })
}

/// Speaks what can be spoken, writes each line's files as it ends, and reports on all.
fn speak_all(
    model: &QwenModel,
    asked: &[Asked],
    slots: usize,
    out: &Path,
) -> anyhow::Result<(Vec<Report>, Tally)> {
    let mut reports: Vec<_> = asked.iter().map(unspoken).collect();
    let good = asked.iter().zip(0..).filter_map(|(asked, place)| {
        let (id, request) = asked.request.as_ref().ok()?;
        Some(((place, id), request.clone()))
    });
    let (places, lines): (Vec<(usize, &LineId)>, Vec<LineRequest>) = good.unzip();
    let mut written = Ok(());
    let mut done = |at: usize, result: Result<SpokenLine, LineError>| {
        let (place, id) = places[at];
        match result {
            Ok(line) => {
                reports[place].frames = line.frames.len();
                reports[place].seconds = seconds(&line.samples);
                if written.is_ok() {
                    written = write(out, id, line);
                }
            }
            Err(error) => reports[place].error = Some(error.to_string()),
        }
    };
    let tally = model.speak_all(&lines, slots, &mut done)?;
    written?;
    Ok((reports, tally))
}

/// The report of a request that has not been spoken yet, or never will be.
fn unspoken(asked: &Asked) -> Report {
    Report {
        id: asked.name.clone(),
        error: asked.request.as_ref().err().cloned(),
        ..Report::default()
    }
}

/// Writes a line's audio and codes.
fn write(out: &Path, id: &LineId, line: SpokenLine) -> anyhow::Result<()> {
    let SpokenLine { frames, samples: Samples { samples, rate_hz } } = line;
    let put = |name: String, bytes: Vec<u8>| {
        let path = out.join(name);
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(&bytes))
            .with_context(|| format!("{} cannot be written", path.display()))
    };
    put(format!("{id}.wav"), audio::write_wav24(&Pcm { samples, rate_hz }))?;
    put(format!("{id}.codes.json"), serde_json::to_vec(&frames)?)
}

/// How long it is.
#[expect(clippy::cast_precision_loss, reason = "no line has 2^52 samples")]
pub(super) fn seconds(samples: &Samples) -> f64 {
    samples.samples.len() as f64 / f64::from(samples.rate_hz.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "no batch has 2^52 moves")]
fn summary(lines: Vec<Report>, tally: Tally, slots: usize, seconds: (f64, f64)) -> Summary {
    let (load_seconds, wall_seconds) = seconds;
    let spoken: f64 = lines.iter().map(|line| line.seconds).sum();
    let places = tally.steps.saturating_mul(slots as u64).max(1);
    Summary {
        frames: lines.iter().map(|line| line.frames).sum(),
        seconds: spoken,
        load_seconds,
        wall_seconds,
        times_real_time: spoken / wall_seconds.max(f64::MIN_POSITIVE),
        slots,
        occupancy: tally.moves as f64 / places as f64,
        voices: tally.voices,
        voice_hits: tally.voice_hits,
        lines,
    }
}

fn table(summary: &Summary) -> String {
    let width = summary.lines.iter().map(|line| line.id.chars().count()).max().unwrap_or(0);
    let mut rows: Vec<_> = summary
        .lines
        .iter()
        .map(|Report { id, frames, seconds, error }| match error {
            None => format!("{id:<width$}  {frames:>5} frames  {seconds:>7.2} s"),
            Some(error) => format!("{id:<width$}  FAILED  {error}"),
        })
        .collect();
    let Summary { frames, seconds, wall_seconds, times_real_time, slots, occupancy, .. } = summary;
    let Summary { voices, voice_hits, .. } = summary;
    rows.push(format!(
        "{frames} frames, {seconds:.2} s of audio in {wall_seconds:.2} s: {times_real_time:.2} times \
         real time; {slots} seats, {:.0} % taken; {voices} voices made ready, found ready by \
         {voice_hits} lines",
        occupancy * 100.0
    ));
    rows.join("\n")
}
