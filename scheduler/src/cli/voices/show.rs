//! `tableread voices show`.

use std::path::PathBuf;

use ::voices::{Consent, Library, Lock, LockedVoice, Take};
use anyhow::Context as _;
use audio::Pcm;
use clap::Args;

use super::picture::{sparkline, svg};
use super::wanted::{Wanted, library};
use crate::cli::Exit;
use crate::cli::output::{counted, duration, json_pretty, line, plain, table};
use crate::cli::place::PlaceArgs;

/// Shows a voice: who it is, where it comes from, and its takes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread voices show mira                        the newest version
  tableread voices show mira@2 --svg mira.svg       and a picture of its takes
  tableread voices show mira --takes mira-takes     and the takes to listen to
  tableread voices show mira --json | jq .voice.provenance")]
pub(super) struct ShowArgs {
    /// The voice, e.g. mira or mira@2
    voice: Wanted,
    /// Draw the takes into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the takes as WAV files into this folder
    #[arg(long, value_name = "DIR")]
    takes: Option<PathBuf>,
    /// Print JSON: the lock
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: ShowArgs) -> anyhow::Result<Exit> {
    let library = library(&args.place).await?;
    let lock = args.voice.get(&library).await?;
    if let Some(folder) = &args.takes {
        write_takes(&library, &lock, folder).await?;
    }
    if args.json && args.svg.is_none() {
        json_pretty(&lock)?;
        return Ok(Exit::Done);
    }
    let mut takes = Vec::new();
    for take in &lock.voice.takes {
        let wav = library.audio(&lock, take).await?;
        let pcm = audio::read_wav(&wav).with_context(|| format!("the {} take", take.mood))?;
        takes.push((take, pcm));
    }
    if let Some(file) = &args.svg {
        std::fs::write(file, svg(&lock.title(), &takes))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.json {
        json_pretty(&lock)?;
    } else {
        show(&lock, &takes)?;
    }
    Ok(Exit::Done)
}

async fn write_takes(library: &Library, lock: &Lock, folder: &PathBuf) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for take in &lock.voice.takes {
        let wav = library.audio(lock, take).await?;
        let file = folder.join(format!("{}.{}.wav", take.mood, take.language));
        std::fs::write(&file, wav).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn show(lock: &Lock, takes: &[(&Take, Pcm)]) -> anyhow::Result<()> {
    let voice = &lock.voice;
    line(plain(&format!("{}@{}  {}", lock.name, lock.version, voice.description)))?;
    line(plain(&format!("consent    {}", consent(&voice.consent))))?;
    line(plain(&format!(
        "locked     {} by {}",
        voice.provenance.locked_at, voice.provenance.tool
    )))?;
    line(format!("key        {}", voice.key()))?;
    line(format!("languages  {}", voice.languages.join(", ")))?;
    if !voice.moods.0.is_empty() {
        let rules: Vec<_> =
            voice.moods.0.iter().map(|(words, mood)| format!("{words} → {mood}")).collect();
        line(plain(&format!("moods      {}", rules.join(", "))))?;
    }
    for model in models(voice) {
        line(plain(&model))?;
    }
    let mut rows = table(
        &["take", "language", "length", "LUFS", "noise", "what is said", "picture"],
        &["length", "LUFS", "noise"],
    );
    for (take, pcm) in takes {
        let figure = |figure: Option<f32>| figure.map_or("–".to_owned(), |it| format!("{it:.1}"));
        rows.add_row([
            take.mood.clone(),
            take.language.clone(),
            duration(take.duration_ms),
            figure(take.lufs),
            figure(take.quality.noise_dbfs),
            take.transcript.as_deref().map_or_else(|| "not known".to_owned(), plain),
            sparkline(pcm, 24),
        ]);
    }
    line(rows.to_string())
}

fn models(voice: &LockedVoice) -> Vec<String> {
    if voice.models.is_empty() {
        return vec![
            "models     none is ready for it; workers make it ready at its first line".into(),
        ];
    }
    let line = |(name, model): (&String, &::voices::ModelVoice)| {
        let prompts = counted(model.prompts.len() as u64, "prompt");
        let bytes: u64 = model.prompts.iter().map(|prompt| prompt.bytes).sum();
        let weights = model.weights_sha256.get(..12).unwrap_or_default();
        format!("model      {name}, {prompts} of {} kB, weights {weights}…", bytes / 1_000)
    };
    voice.models.iter().map(line).collect()
}

fn consent(consent: &Consent) -> String {
    match consent {
        Consent::Own { note: None } => "own".to_owned(),
        Consent::Own { note: Some(note) } => format!("own: {}", note.as_str()),
        Consent::Granted { note } => format!("granted: {}", note.as_str()),
        Consent::Synthetic { model, seed, .. } => {
            let seed = seed.map_or_else(String::new, |seed| format!(", seed {seed}"));
            format!("synthetic: designed by {model}{seed}")
        }
    }
}
