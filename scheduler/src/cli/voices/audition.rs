//! `tableread voices audition`: a page to hear candidates on.

use std::path::PathBuf;

use ::voices::{Embedding, VoiceName};
use anyhow::Context as _;
use audio::Pcm;
use clap::Args;
use schemas::recording_object;
use store::Store;
use worker::ModelArgs;

use super::hear;
use crate::cli::Exit;
use crate::cli::config::program;
use crate::cli::output::{json_line, line, note};
use crate::cli::place::PlaceArgs;
use crate::export::replace_file;
use crate::voices::page::{Audition, SAME_ABOVE, Shown, page};
use crate::voices::{Candidate, Draft, Heard};

/// Columns of a waveform: one for two points of a wide card.
const COLUMNS: usize = 320;

/// Bit rate of the sound in the page: speech in which voices can be told apart.
const BITS: u32 = 64_000;

/// Writes a page to hear the candidates of a voice side by side
#[derive(Debug, Args)]
#[command(after_help = "\
The page is one file with all sound inside, asks nobody for anything and can be sent to others. With a
base model (--models) candidates that sound like the same person are marked.

Examples:
  tableread voices audition mira
  tableread voices audition mira --models ~/models --to mira.html")]
pub(crate) struct AuditionArgs {
    /// The voice
    name: VoiceName,
    /// File to write [default: voices/NAME.html in the production's folder]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    models: ModelArgs,
    /// Print JSON: `{"page": …, "candidates": N, "heard_by": …}`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A candidate's sound.
struct Sound {
    peaks: Vec<(f32, f32)>,
    aac: Vec<u8>,
}

pub(crate) async fn run(args: AuditionArgs) -> anyhow::Result<Exit> {
    let place = args.place.existing()?;
    let store = place.open_store().await?;
    let mut draft = Draft::read(&store, &args.name).await?;
    let heard_by = listen(&mut draft, &store, &args.models).await?;
    let mut sounds = Vec::new();
    for candidate in &draft.candidates {
        let pcm = read(candidate, &store).await?;
        let sound = move || {
            let aac = audio::encode_aac(&pcm, BITS, &[])?;
            Ok::<_, audio::AudioError>(Sound { peaks: audio::peaks(&pcm, COLUMNS), aac })
        };
        sounds.push(tokio::task::spawn_blocking(sound).await??);
    }
    let choose = format!("{} voices choose {}", program(), args.name);
    let html = page(&shown(&draft, &sounds, &choose));
    let path = args.to.unwrap_or_else(|| place.out.join(format!("voices/{}.html", args.name)));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    replace_file(&path, html.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    if args.json {
        let candidates = draft.candidates.len();
        json_line(&serde_json::json!({
            "page": path, "candidates": candidates, "heard_by": heard_by,
        }))?;
        return Ok(Exit::Done);
    }
    if heard_by.is_none() {
        note("no base model at hand (--models), so nobody is marked who sounds like another");
    }
    line(path.display().to_string())?;
    Ok(Exit::Done)
}

async fn read(candidate: &Candidate, store: &Store) -> anyhow::Result<Pcm> {
    let number = candidate.number;
    let wav = store
        .get_checked(&recording_object(&candidate.audio), candidate.audio.as_str())
        .await
        .with_context(|| format!("the sound of candidate {number}"))?;
    Ok(audio::read_wav(&wav)?)
}

/// Lets a base model hear the candidates that it has not heard yet; gives its name.
async fn listen(
    draft: &mut Draft,
    store: &Store,
    models: &ModelArgs,
) -> anyhow::Result<Option<String>> {
    let Some((listeners, name)) = hear::any(models).await? else {
        let all = draft.candidates.first().and_then(|first| first.heard.as_ref());
        return Ok(all.map(|heard| heard.engine.clone()));
    };
    let engine = listeners.engines().get(&name).cloned().unwrap_or_default();
    for at in 0..draft.candidates.len() {
        let candidate = &draft.candidates[at];
        if candidate.heard.as_ref().is_some_and(|heard| heard.engine == engine) {
            continue;
        }
        let pcm = read(candidate, store).await?;
        match listeners.embed(&name, &pcm).await {
            Ok(numbers) => {
                let heard = Heard { engine: engine.clone(), embedding: Embedding::new(numbers)? };
                draft.candidates[at].heard = Some(heard);
            }
            Err(error) => note(format!("candidate {} was not heard: {error}", candidate.number)),
        }
    }
    listeners.close().await;
    draft.keep(store).await?;
    Ok(Some(name))
}

fn shown<'a>(draft: &'a Draft, sounds: &'a [Sound], choose: &'a str) -> Audition<'a> {
    let candidates = draft.candidates.iter().zip(sounds).map(|(candidate, sound)| Shown {
        number: candidate.number,
        description: &candidate.description,
        model: &candidate.model,
        seed: candidate.seed,
        text: &candidate.text,
        language: &candidate.language,
        duration_ms: candidate.duration_ms,
        pitch_hz: candidate.pitch_hz,
        lufs: candidate.lufs,
        peak_dbfs: candidate.peak_dbfs,
        peaks: sound.peaks.clone(),
        sound: &sound.aac,
        alike: alike(draft, candidate),
        is_chosen: draft.chosen == Some(candidate.number),
    });
    Audition {
        name: draft.name.as_str(),
        candidates: candidates.collect(),
        is_heard: draft.candidates.iter().any(|candidate| candidate.heard.is_some()),
        choose,
    }
}

/// Who sounds like the same person as a candidate, and how alike they are.
fn alike(draft: &Draft, candidate: &Candidate) -> Vec<(u32, f32)> {
    let Some(own) = &candidate.heard else { return Vec::new() };
    let others = draft.candidates.iter().filter(|other| other.number != candidate.number);
    let compared = others.filter_map(|other| {
        let heard = other.heard.as_ref().filter(|heard| heard.engine == own.engine)?;
        Some((other.number, own.embedding.similarity(&heard.embedding)?))
    });
    compared.filter(|(_, likeness)| *likeness >= SAME_ABOVE).collect()
}
