//! `tableread voices design`: candidates for a voice.

use std::path::PathBuf;
use std::sync::Arc;

use ::voices::{Profile, VoiceName};
use anyhow::{Context as _, bail};
use audio::Pcm;
use clap::Args;
use queue::Queue;
use schemas::{LineRecord, LineState, RecordingKey, SubmissionId, master_object, recording_object};
use serde::Serialize;
use store::Store;
use worker::LocalModels;

use crate::cast::{SCRATCH_MODEL, is_language};
use crate::cli::Exit;
use crate::cli::config::{cache_dir, program};
use crate::cli::engines::EngineArgs;
use crate::cli::output::{counted, duration, json_line, line, note, table};
use crate::cli::place::{Place, PlaceArgs};
use crate::cli::progress::follow;
use crate::cli::render::Work;
use crate::plan::spoken_lines;
use crate::submit::engine_of_farm;
use crate::voices::{
    Call, Candidate, Casting, Draft, DraftError, MOST_CANDIDATES, audition_text, candidates,
    of_lines,
};

/// What designs voices when nothing else is said.
const USUAL_MODEL: &str = "qwen3-tts-12hz-1.7b-voicedesign";

/// Has a model speak candidates for a voice, all at once, by a description
#[derive(Debug, Args)]
#[command(after_help = "\
Every candidate says the same words with another seed. Asking again adds candidates; the same command
after an interruption goes on. --design-model scratch needs no
weights and gives other timbres: to try it.

Examples:
  tableread voices design mira --describe \"A woman of sixty, dry and amused\" --models ~/models
  tableread voices design mira --gender female --age 60 --texture gravelly --candidates 5
  tableread voices design mira --from-script pilot.fountain --character MIRA --describe \"…\"
  tableread voices design mira --describe \"…\" --farm --queue redis://farm --store s3://audio/farm
  tableread voices design mira --design-model scratch

Exit code: 0 all candidates spoken, 3 some were not, 130 interrupted.")]
pub(crate) struct DesignArgs {
    /// What the voice will be called, e.g. `mira`
    name: VoiceName,
    /// Who it is, in words; wins over what is said side by side
    #[arg(long, value_name = "TEXT")]
    describe: Option<String>,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Screenplay from which the audition text is taken: the character's own lines
    #[arg(long, value_name = "SCRIPT", requires = "character", conflicts_with = "text")]
    from_script: Option<PathBuf>,
    /// The character, as in the script
    #[arg(long, value_name = "NAME", requires = "from_script")]
    character: Option<String>,
    /// What the candidates say [default: four sentences in their language]
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// What they speak, BCP 47
    #[arg(long, value_name = "TAG", default_value = "en-US", value_parser = parse_language)]
    language: String,
    /// How many candidates
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=32))]
    candidates: u32,
    /// Seed of the first candidate; each has the next
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The model that designs; `scratch` needs no weights
    #[arg(id = "design_model", long = "design-model")]
    #[arg(value_name = "NAME", default_value = USUAL_MODEL)]
    model: String,
    /// Leave speaking to the workers of the queue
    #[arg(long)]
    farm: bool,
    #[command(flatten)]
    engines: EngineArgs,
    /// Print the candidates as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Who a voice is, side by side.
#[derive(Debug, Args)]
struct ProfileArgs {
    /// E.g. `female`
    #[arg(long, value_name = "TEXT")]
    gender: Option<String>,
    /// E.g. `60` or `late sixties`
    #[arg(long, value_name = "TEXT")]
    age: Option<String>,
    /// E.g. `Scottish`
    #[arg(long, value_name = "TEXT")]
    accent: Option<String>,
    /// E.g. `low`
    #[arg(long, value_name = "TEXT")]
    pitch: Option<String>,
    /// E.g. `unhurried`
    #[arg(long, value_name = "TEXT")]
    pace: Option<String>,
    /// E.g. `gravelly`
    #[arg(long, value_name = "TEXT")]
    texture: Option<String>,
    /// E.g. `dry and amused`
    #[arg(long, value_name = "TEXT")]
    mood: Option<String>,
    /// A sentence about the character
    #[arg(long, value_name = "TEXT")]
    summary: Option<String>,
}

impl ProfileArgs {
    fn profile(&self) -> Profile {
        let Self { gender, age, accent, pitch, pace, texture, mood, summary } = self;
        let [gender, age, accent, pitch, pace, texture, mood, summary] =
            [gender, age, accent, pitch, pace, texture, mood, summary].map(Clone::clone);
        Profile { gender, age, accent, pitch, pace, texture, mood, summary }
    }
}

fn parse_language(tag: &str) -> Result<String, String> {
    if is_language(tag) { Ok(tag.to_owned()) } else { Err("write it like en-GB or de".to_owned()) }
}

pub(crate) async fn run(args: DesignArgs) -> anyhow::Result<Exit> {
    let description = args.description()?;
    let text = args.words()?;
    let place = args.place.begin()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    let mut draft = Draft::open(&store, &args.name).await?;
    if draft.candidates.len() + args.candidates as usize > MOST_CANDIDATES {
        return Err(DraftError::Full(args.name).into());
    }
    let (engine, models) = args.engine(queue.as_ref()).await?;
    let call = Call {
        model: args.model.clone(),
        engine,
        profile: args.profile.profile(),
        description,
        text,
        language: args.language.clone(),
        candidates: args.candidates,
        seed: args.seed,
        priority: 9,
    };
    let (new, castings) = candidates(&draft, &call);
    let id = new.submission.id.clone();
    queue.submit(new).await?;
    if speak(&queue, &store, &id, &place, models).await? {
        note("interrupted; the same command goes on");
        return Ok(Exit::Interrupted);
    }
    let failed = take_in(&mut draft, &call, &castings, queue.as_ref(), (&store, &id)).await?;
    draft.keep(&store).await?;
    queue.forget(&id).await?;
    args.tell(&draft, &castings, &failed)?;
    Ok(if failed.is_empty() { Exit::Done } else { Exit::SomeFailed })
}

impl DesignArgs {
    fn description(&self) -> anyhow::Result<String> {
        let description = self.profile.profile().description(self.describe.as_deref());
        if description.is_empty() && self.model != SCRATCH_MODEL {
            bail!(
                "say who `{}` is: --describe \"A woman of sixty, dry and amused\", or --gender, --age, \
                 --accent, --pitch, --pace, --texture, --mood, --summary",
                self.name
            );
        }
        Ok(description)
    }

    /// What is said.
    fn words(&self) -> anyhow::Result<String> {
        if let Some(text) = &self.text {
            let text = text.trim();
            if !(1..=1_000).contains(&text.chars().count()) {
                bail!("--text is what is said in some ten seconds: 1 to 1000 characters");
            }
            return Ok(text.to_owned());
        }
        let (Some(path), Some(character)) = (&self.from_script, &self.character) else {
            return Ok(audition_text(&self.language).to_owned());
        };
        let script = screenplay::read_path(path)?;
        let lines = spoken_lines(&script).with_context(|| path.display().to_string())?;
        of_lines(&lines, character, &self.language).with_context(|| {
            let mut names: Vec<&str> = lines.iter().map(|line| line.character.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.truncate(20);
            let (file, names) = (path.display(), names.join(", "));
            format!("`{character}` says nothing in {file}; there are {names}")
        })
    }

    /// What speaks for the model: here, or on the workers.
    async fn engine(&self, queue: &dyn Queue) -> anyhow::Result<(String, Option<LocalModels>)> {
        let speakers = crate::plan::Speakers::default();
        let is_scratch = self.model == SCRATCH_MODEL;
        if self.farm {
            let engine = if is_scratch {
                speakers.engine_of(SCRATCH_MODEL)
            } else {
                engine_of_farm((&self.model, self.name.as_str()), &self.engines.named(), queue)
                    .await?
            };
            return Ok((engine, None));
        }
        let settings = self.engines.models().settings(None, cache_dir()?);
        if is_scratch {
            let none = LocalModels::named(&settings, [])?;
            return Ok((speakers.engine_of(SCRATCH_MODEL), Some(none)));
        }
        let local = LocalModels::named(&settings, [self.model.as_str()]).with_context(|| {
            "the model that designs is needed here; --farm leaves it to the workers, and \
             --design-model scratch needs none"
        })?;
        let engine = local.engines().into_values().next().context("the model has no engine")?;
        Ok((engine, Some(local)))
    }

    fn tell(
        &self,
        draft: &Draft,
        castings: &[Casting],
        failed: &[(u32, String)],
    ) -> anyhow::Result<()> {
        let new: Vec<&Candidate> =
            castings.iter().filter_map(|casting| draft.candidate(casting.number).ok()).collect();
        if self.json {
            let failed = failed.iter();
            let failed = failed.map(|(number, why)| Failed { number: *number, reason: why });
            return json_line(&Designed {
                voice: &draft.name,
                candidates: new.iter().map(|candidate| Row::of(candidate)).collect(),
                failed: failed.collect(),
            });
        }
        line(rows(&new))?;
        for (number, why) in failed {
            line(format!("candidate {number} was not spoken: {why}"))?;
        }
        let (program, name, place) = (program(), &draft.name, self.place.as_typed());
        line(format!("Hear them:  {program} voices audition {name}{place}"))?;
        line(format!("Choose one: {program} voices choose {name} NUMBER{place}"))
    }
}

/// Has the candidates spoken, here or by the workers; says whether the user stopped it.
async fn speak(
    queue: &Arc<dyn Queue>,
    store: &Store,
    id: &SubmissionId,
    place: &Place,
    models: Option<LocalModels>,
) -> anyhow::Result<bool> {
    if let Some(models) = models {
        let (queue, store, threads) = (queue.clone(), store.clone(), worker::cores());
        let work = Work { queue, store, id: id.clone(), threads };
        return work.until_done(&place.cache(), models).await;
    }
    tokio::select! {
        followed = follow(queue.as_ref(), id) => followed.map(|_| false),
        signal = tokio::signal::ctrl_c() => {
            signal.context("Ctrl-C cannot be listened for")?;
            Ok(true)
        }
    }
}

/// Puts what was spoken to the draft; gives the numbers of those that were not, and why.
async fn take_in(
    draft: &mut Draft,
    call: &Call,
    castings: &[Casting],
    queue: &dyn Queue,
    (store, id): (&Store, &SubmissionId),
) -> anyhow::Result<Vec<(u32, String)>> {
    let records = queue.lines(id).await?;
    let mut failed = Vec::new();
    for casting in castings {
        let record = records.iter().find(|record| record.job.id == casting.line);
        let Some(record) = record else { continue };
        match heard(record, call, casting, store).await? {
            Ok(candidate) => draft.add(candidate),
            Err(why) => failed.push((casting.number, why)),
        }
    }
    Ok(failed)
}

async fn heard(
    record: &LineRecord,
    call: &Call,
    casting: &Casting,
    store: &Store,
) -> anyhow::Result<Result<Candidate, String>> {
    let (LineState::Done, Some(delivery)) = (record.state, &record.delivery) else {
        let why = record.failure.as_ref().map(|failure| failure.message.clone());
        return Ok(Err(why.unwrap_or_else(|| "it was cancelled".to_owned())));
    };
    let wav = store.get(&master_object(&delivery.master_key)).await?;
    let key = RecordingKey::of(&wav);
    store.put(&recording_object(&key), wav.clone()).await?;
    let audio_bytes = wav.len() as u64;
    let measured = tokio::task::spawn_blocking(move || {
        let pcm: Pcm = audio::read_wav(&wav)?;
        Ok::<_, audio::AudioError>((audio::measure(&pcm), audio::median_pitch_hz(&pcm)))
    });
    let (level, pitch_hz) = measured.await??;
    Ok(Ok(Candidate {
        number: casting.number,
        model: call.model.clone(),
        engine: call.engine.clone(),
        profile: call.profile.clone(),
        description: call.description.clone(),
        source: casting.source.clone(),
        text: call.text.clone(),
        language: call.language.clone(),
        seed: casting.seed,
        audio: key,
        audio_bytes,
        duration_ms: delivery.duration_ms(),
        lufs: level.lufs,
        peak_dbfs: level.peak_dbfs,
        pitch_hz,
        heard: None,
    }))
}

/// What `voices design --json` prints.
#[derive(Debug, Serialize)]
struct Designed<'a> {
    voice: &'a VoiceName,
    candidates: Vec<Row<'a>>,
    failed: Vec<Failed<'a>>,
}

#[derive(Debug, Serialize)]
struct Failed<'a> {
    number: u32,
    reason: &'a str,
}

/// A candidate as it is told.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    number: u32,
    model: &'a str,
    seed: u64,
    duration_ms: u64,
    pitch_hz: Option<f32>,
    lufs: Option<f32>,
    audio: &'a RecordingKey,
}

impl<'a> Row<'a> {
    fn of(candidate: &'a Candidate) -> Self {
        let Candidate { number, model, seed, duration_ms, pitch_hz, lufs, audio, .. } = candidate;
        let (number, seed, duration_ms) = (*number, *seed, *duration_ms);
        Self { number, model, seed, duration_ms, pitch_hz: *pitch_hz, lufs: *lufs, audio }
    }
}

fn rows(candidates: &[&Candidate]) -> String {
    let header = ["candidate", "length", "pitch", "loudness", "seed"];
    let mut rows = table(&header, &header);
    for candidate in candidates {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        rows.add_row([
            candidate.number.to_string(),
            duration(candidate.duration_ms),
            or_dash(candidate.pitch_hz.map(|hz| format!("{hz:.0} Hz"))),
            or_dash(candidate.lufs.map(|lufs| format!("{lufs:.1} LUFS"))),
            candidate.seed.to_string(),
        ]);
    }
    if candidates.is_empty() {
        return counted(0, "candidate");
    }
    rows.to_string()
}
