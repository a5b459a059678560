//! `tableread-worker speak TEXT --model`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use audio::Pcm;
use engine::qwen3_tts::config::{Kind, ModelConfig};
use engine::qwen3_tts::{Choosing, LineRequest, SpokenLine, VoiceRequest, Who};
use engine::{LineError, Samples};
use serde::Serialize;

use super::answer;
use super::speak_model::{open, release, seconds};
use crate::config::{SpeakArguments, VoiceArguments};

/// What became of the line.
#[derive(Debug, Serialize)]
struct Summary {
    /// The file that was written.
    file: String,
    /// Frames of 80 ms.
    frames: usize,
    /// Of audio.
    seconds: f64,
    /// Opening the model.
    load_seconds: f64,
    /// Making the voice ready and speaking.
    wall_seconds: f64,
    /// Seconds of audio a second.
    times_real_time: f64,
}

/// Speaks one text into a file.
///
/// # Errors
/// When the model cannot be opened or lacks what is asked of it, when the text cannot be spoken, and
/// when the file cannot be written.
pub(super) async fn speak(text: String, arguments: SpeakArguments) -> anyhow::Result<ExitCode> {
    let is_json = arguments.model.json;
    let summary = tokio::task::spawn_blocking(move || speak_text(text, &arguments)).await??;
    answer(&if is_json { serde_json::to_string(&summary)? } else { sentence(&summary) })?;
    Ok(ExitCode::SUCCESS)
}

fn speak_text(text: String, arguments: &SpeakArguments) -> anyhow::Result<Summary> {
    let release = release(&arguments.model)?;
    let problem = || format!("the model {} cannot be opened", release.display());
    let config = ModelConfig::read(&release.join("config.json")).with_context(problem)?;
    let voice = voice(&arguments.voice, &arguments.language, &config)?;
    let choosing = Choosing {
        is_greedy: arguments.model.greedy,
        max_new_tokens: arguments.voice.max_new_tokens,
        ..Choosing::default()
    };
    let line = LineRequest { text, voice, choosing, seed: arguments.voice.seed };
    let since = Instant::now();
    let model = open(&release, &arguments.model)?;
    let load_seconds = since.elapsed().as_secs_f64();
    let since = Instant::now();
    let mut spoken = Err(LineError::Failed("the model said nothing about the line".to_owned()));
    let mut done = |_, result: Result<SpokenLine, LineError>| spoken = result;
    model.speak_all(&[line], 1, &mut done)?;
    let SpokenLine { frames, samples } = spoken?;
    let wall_seconds = since.elapsed().as_secs_f64();
    let seconds = seconds(&samples);
    write(&arguments.out, samples)?;
    Ok(Summary {
        file: arguments.out.display().to_string(),
        frames: frames.len(),
        seconds,
        load_seconds,
        wall_seconds,
        times_real_time: seconds / wall_seconds.max(f64::MIN_POSITIVE),
    })
}

fn write(path: &Path, samples: Samples) -> anyhow::Result<()> {
    let Samples { samples, rate_hz } = samples;
    std::fs::write(path, audio::write_wav24(&Pcm { samples, rate_hz }))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// Who speaks. Nobody is heard in a voice nobody chose: it has to be said, in the way that the model
/// takes it.
fn voice(
    arguments: &VoiceArguments,
    language: &str,
    config: &ModelConfig,
) -> anyhow::Result<VoiceRequest> {
    let VoiceArguments { speaker, ref_audio, ref_text, describe, instruct, .. } = arguments;
    let (who, instruct) = match (config.tts_model_type, speaker, ref_audio, describe) {
        (Kind::CustomVoice, Some(speaker), None, None) => {
            (Who::Named(speaker.clone()), instruct.clone())
        }
        (Kind::Base, None, Some(audio), None) => {
            let recording = audio.to_string_lossy().into_owned();
            (Who::Recorded { recording, transcript: ref_text.clone() }, None)
        }
        (Kind::VoiceDesign, None, None, Some(describe)) => (Who::Described, Some(describe.clone())),
        (kind, ..) => anyhow::bail!("{}: {}", config.release_name(), usage(kind, config)),
    };
    Ok(VoiceRequest { who, instruct, language: language.to_owned(), layout: None })
}

/// How a model is told who speaks.
fn usage(kind: Kind, config: &ModelConfig) -> String {
    match kind {
        Kind::Base => "it speaks like a recording; give one with --ref-audio FILE, and what is \
                       said in it with --ref-text"
            .to_owned(),
        Kind::CustomVoice => {
            let speakers: Vec<_> = config.talker_config.spk_id.keys().map(String::as_str).collect();
            format!("say who speaks with --speaker; it has {}", speakers.join(", "))
        }
        Kind::VoiceDesign => {
            "it speaks in a voice described in words; give them with --describe".to_owned()
        }
    }
}

fn sentence(summary: &Summary) -> String {
    let Summary { file, frames, seconds, wall_seconds, times_real_time, .. } = summary;
    format!(
        "{file} ({frames} frames, {seconds:.2} s of audio in {wall_seconds:.2} s: \
         {times_real_time:.2} times real time)"
    )
}
