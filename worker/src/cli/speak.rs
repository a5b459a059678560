//! `tableread-worker speak`.

use std::process::ExitCode;

use anyhow::Context;
use audio::Pcm;
use engine::{Request, Samples};
use schemas::{Voice, VoiceSource};
use worker::{Engines, scratch_speaker};

use super::{answer, speak_line, speak_model};
use crate::config::{EngineArguments, SpeakArguments};

/// Speaks one text into a file, by a scratch voice or a model, or a file of requests into a folder.
///
/// # Errors
/// When it cannot be spoken or the file cannot be written.
pub(super) async fn speak(arguments: SpeakArguments) -> anyhow::Result<ExitCode> {
    let synthesiser = arguments.synthesiser();
    let Some(text) = arguments.text.clone() else {
        return speak_model::speak(arguments.model, arguments.out).await;
    };
    if arguments.model.model.is_some() {
        return speak_line::speak(text, arguments).await;
    }
    let source = VoiceSource::Scratch {
        synthesiser,
        base: arguments.base,
        pitch: arguments.pitch,
        formant: arguments.formant,
        rate: arguments.rate,
    };
    let said = say(&arguments.engine, source, text, arguments.language).await?;
    let Samples { samples, rate_hz } = said;
    let pcm = Pcm { samples, rate_hz };
    let seconds = pcm.samples.len() as u64 / u64::from(rate_hz.max(1));
    let out = arguments.out;
    std::fs::write(&out, audio::write_wav24(&pcm))
        .with_context(|| format!("{} cannot be written", out.display()))?;
    answer(&format!("{} ({seconds} s at {rate_hz} Hz)", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Has one text spoken by a scratch voice.
///
/// # Errors
/// When the engine cannot be opened or the text not be spoken.
pub(super) async fn say(
    engine: &EngineArguments,
    source: VoiceSource,
    text: String,
    language: String,
) -> anyhow::Result<Samples> {
    let (cache_dir, programs) = (engine.cache_dir()?, engine.programs());
    let engines = Engines::open(1, move || scratch_speaker(1, &cache_dir, &programs)).await?;
    let voice = Voice { name: "speak".to_owned(), model: "scratch".to_owned(), source };
    let request = Request { tag: 0, text, pauses: Vec::new(), language, voice, seed: 0 };
    let spoken = engines.speak(request).await?;
    engines.close().await;
    Ok(spoken.result?)
}
