//! `tableread voices clone`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use ::voices::{
    About, MOST_FILE_BYTES, NEUTRAL, NewTake, Profile, RecordingConsent, VoiceName, clone_voice,
    take_in,
};
use anyhow::{Context as _, bail};
use clap::Args;

use super::import::of_locked;
use super::wanted::{ConsentArgs, TakenIn, library_to_fill, now, tool};
use crate::cli::Exit;
use crate::cli::output::note;
use crate::cli::place::PlaceArgs;

/// Locks a voice cloned from recordings: wav, flac, mp3 or m4a
///
/// Each recording becomes a take: one channel at 24 kHz, trimmed and levelled. It is measured, and what
/// could be better is said. 5 to 15 seconds of one person speaking, close to the microphone, are best.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread voices clone mira mira.wav --consent own --transcript \"The tide does not care.\"
  tableread voices clone mira calm.flac hushed.m4a --mood neutral --mood whisper \\
      --transcript \"The tide does not care.\" --transcript \"Not so loud.\" \\
      --consent granted --note \"Ana Ruiz, signed 2026-02-01, contracts/ruiz.pdf\"

On a terminal, transcripts that were not given are asked for.")]
pub(super) struct CloneArgs {
    /// What to call the voice
    name: VoiceName,
    /// Recordings of one person
    #[arg(required = true)]
    recordings: Vec<PathBuf>,
    /// What is said in a recording; once for each, in their order
    #[arg(long, value_name = "TEXT")]
    transcript: Vec<String>,
    /// Clone only the timbre, without knowing what is said
    #[arg(long, conflicts_with = "transcript")]
    no_transcript: bool,
    /// The mood of a recording; once for each, in their order [default: neutral, for one]
    #[arg(long, value_name = "MOOD")]
    mood: Vec<String>,
    /// What is spoken, as BCP 47; once for all, or once for each
    #[arg(long, value_name = "TAG", default_value = "en")]
    language: Vec<String>,
    /// Who it is, in words
    #[arg(long, value_name = "TEXT")]
    describe: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: CloneArgs) -> anyhow::Result<Exit> {
    let consent = leave(&args)?;
    let (moods, languages) = (moods(&args)?, languages(&args)?);
    let transcripts = transcripts(&args)?;
    let mut takes = Vec::new();
    for (at, path) in args.recordings.iter().enumerate() {
        let shown = path.display();
        let file = read(path)?;
        let taken_in = tokio::task::spawn_blocking(move || take_in(&file, None)).await?;
        takes.push(NewTake {
            mood: moods[at].clone(),
            transcript: transcripts[at].clone(),
            language: languages[at].clone(),
            recording: taken_in.with_context(|| format!("{shown}"))?,
        });
    }
    let about = About {
        profile: Profile::default(),
        description: args
            .describe
            .clone()
            .unwrap_or_else(|| format!("The voice of {}.", args.name)),
        locked_at: now(),
        tool: tool(),
    };
    let unlocked = clone_voice(about, takes, consent)?;
    let library = library_to_fill(&args.place).await?;
    for audio in unlocked.audio.values() {
        library.put_audio(audio.clone()).await?;
    }
    let locked = library.lock(&args.name, unlocked.voice).await?;
    let taken_in: TakenIn = of_locked(locked, unlocked.advice);
    taken_in.tell(args.json, &args.place)?;
    Ok(Exit::Done)
}

fn leave(args: &CloneArgs) -> anyhow::Result<RecordingConsent> {
    match args.consent.given()? {
        Some(consent) => Ok(consent),
        None => bail!(
            "no voice is cloned without consent: say --consent own when it is yours, or --consent granted \
             --note WHO-AND-WHERE-RECORDED"
        ),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let mut bytes = Vec::new();
    file.take(MOST_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {shown}"))?;
    Ok(bytes)
}

fn moods(args: &CloneArgs) -> anyhow::Result<Vec<String>> {
    match (args.mood.len(), args.recordings.len()) {
        (0, 1) => Ok(vec![NEUTRAL.to_owned()]),
        (moods, recordings) if moods == recordings => Ok(args.mood.clone()),
        (moods, recordings) => {
            bail!(
                "{recordings} recordings and {moods} moods: give --mood once for each, in their order"
            )
        }
    }
}

fn languages(args: &CloneArgs) -> anyhow::Result<Vec<String>> {
    match (args.language.as_slice(), args.recordings.len()) {
        ([one], recordings) => Ok(vec![one.clone(); recordings]),
        (languages, recordings) if languages.len() == recordings => Ok(languages.to_vec()),
        (languages, recordings) => bail!(
            "{recordings} recordings and {} languages: give --language once for all, or once for each",
            languages.len()
        ),
    }
}

/// What is said in each recording, asked for where it was not given and somebody is there to answer.
fn transcripts(args: &CloneArgs) -> anyhow::Result<Vec<Option<String>>> {
    let recordings = args.recordings.len();
    if args.no_transcript {
        return Ok(vec![None; recordings]);
    }
    if args.transcript.len() == recordings {
        return Ok(args.transcript.iter().map(|text| filled(text)).collect());
    }
    if !args.transcript.is_empty() || !io::stdin().is_terminal() {
        bail!(
            "{recordings} recordings and {} transcripts: give --transcript once for each, in their order, or \
             --no-transcript to clone only the timbre",
            args.transcript.len()
        );
    }
    args.recordings.iter().map(|recording| ask(recording)).collect()
}

fn ask(recording: &Path) -> anyhow::Result<Option<String>> {
    note(format!(
        "What is said in {}? (one line; nothing clones only the timbre)",
        recording.display()
    ));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(filled(&answer))
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
