//! `tableread voices lock`: from a chosen candidate to a voice that nobody can change any more.

use std::collections::BTreeMap;
use std::time::SystemTime;

use ::voices::{
    Embedding, Library, Lock, LockedVoice, ModelVoice, MoodRules, Prompt, PromptForm, Take,
    VoiceName, rfc3339,
};
use anyhow::Context as _;
use clap::Args;
use schemas::{PromptKey, recording_object};
use store::Store;
use worker::{Listeners, ModelArgs, put_prompt};

use super::hear;
use crate::cli::Exit;
use crate::cli::output::{counted, json_line, line, note};
use crate::cli::place::PlaceArgs;
use crate::voices::{Choice, Draft, chosen, cloned, to_lock};

/// Locks the chosen candidate: an immutable voice under a name and a version
#[derive(Debug, Args)]
#[command(after_help = "\
A clone continues the mood of what it is cloned from, so give takes for moods: design candidates that
whisper under the same name, and name the best one. Locking again makes the next version; what was
rendered with an older one stays as it is. With --clone-model the voice is made ready for these models
and shared with all workers.

Examples:
  tableread voices lock mira --clone-model qwen3-tts-12hz-1.7b-base --models ~/models
  tableread voices lock mira --mood neutral=2 --mood whisper=7 --rule \"sotto voce=whisper\"")]
pub(crate) struct LockArgs {
    /// The voice
    name: VoiceName,
    /// A candidate as the take of a mood; the chosen one is `neutral` when none is
    #[arg(long, value_name = "MOOD=NUMBER", value_parser = parse_choice)]
    mood: Vec<Choice>,
    /// Words of directions that ask for a mood
    #[arg(long, value_name = "WORDS=MOOD", value_parser = parse_rule)]
    rule: Vec<(String, String)>,
    /// Base models that will speak it, with commas between several
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    clone_model: Vec<String>,
    #[command(flatten)]
    models: ModelArgs,
    /// Print the lock as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

fn parse_choice(text: &str) -> Result<Choice, String> {
    let (mood, number) = text.split_once('=').unwrap_or_default();
    match number.trim().parse() {
        Ok(number) if !mood.trim().is_empty() => {
            Ok(Choice { mood: mood.trim().to_lowercase(), number })
        }
        Ok(_) | Err(_) => Err("write it as MOOD=NUMBER, e.g. whisper=3".to_owned()),
    }
}

fn parse_rule(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((words, mood)) if !words.trim().is_empty() && !mood.trim().is_empty() => {
            Ok((words.trim().to_lowercase(), mood.trim().to_lowercase()))
        }
        Some(_) | None => Err("write it as WORDS=MOOD, e.g. \"sotto voce=whisper\"".to_owned()),
    }
}

pub(crate) async fn run(args: LockArgs) -> anyhow::Result<Exit> {
    let store = args.place.existing()?.open_store().await?;
    let draft = Draft::read(&store, &args.name).await?;
    let choices = chosen(&draft, args.mood)?;
    let moods = MoodRules(args.rule.into_iter().collect());
    let mut voice = to_lock(&draft, &choices, moods, rfc3339(SystemTime::now()))?;
    voice.check()?;
    let library = Library::new(store.clone());
    if !args.clone_model.is_empty() {
        let listeners = hear::open(&args.models, &args.clone_model).await?;
        let made = Making { name: &args.name, voice: &voice, library: &library, store: &store };
        let made = made.by_all(&listeners).await;
        listeners.close().await;
        voice.models = made?;
    }
    let locked = library.lock(&args.name, voice).await?;
    if args.json {
        json_line(&locked.lock)?;
        return Ok(Exit::Done);
    }
    tell(&locked.lock, locked.is_new)?;
    Ok(Exit::Done)
}

/// A voice that models are to make something of.
struct Making<'a> {
    name: &'a VoiceName,
    voice: &'a LockedVoice,
    library: &'a Library,
    store: &'a Store,
}

impl Making<'_> {
    async fn by_all(&self, listeners: &Listeners) -> anyhow::Result<BTreeMap<String, ModelVoice>> {
        let mut made = BTreeMap::new();
        for model in listeners.engines().keys() {
            made.insert(model.clone(), self.by(model, listeners).await?);
        }
        Ok(made)
    }

    async fn by(&self, model: &str, listeners: &Listeners) -> anyhow::Result<ModelVoice> {
        let usual = self.voice.usual_take().context("the voice has no take")?;
        let pcm = audio::read_wav(&self.audio(usual).await?)?;
        let embedding = Embedding::new(listeners.embed(model, &pcm).await?)?;
        let weights = listeners.weights_sha256(model).unwrap_or_default().to_owned();
        let mut prompts = Vec::new();
        for mood in self.voice.mood_names() {
            for language in &self.voice.languages {
                let Some(take) = self.voice.take(mood, language) else { continue };
                prompts.push(self.prompt(model, (take, language), listeners).await?);
            }
        }
        Ok(ModelVoice { weights_sha256: weights, embedding, prompts })
    }

    /// Makes one take ready, keeps it with the lock and shares it with the workers.
    async fn prompt(
        &self,
        model: &str,
        (take, language): (&Take, &str),
        listeners: &Listeners,
    ) -> anyhow::Result<Prompt> {
        let voice = cloned(self.name.as_str(), model, take);
        let recording = self.audio(take).await?;
        let (key, bytes): (PromptKey, _) = listeners.ready(&voice, language, &recording).await?;
        put_prompt(self.store, &key, bytes.clone()).await?;
        let object = self.library.put_prompt(&bytes).await?;
        let engine = listeners.engines().get(model).cloned().unwrap_or_default();
        Ok(Prompt {
            mood: take.mood.clone(),
            language: Some(language.to_owned()),
            form: PromptForm::Engine { engine, key: key.to_string() },
            object,
            bytes: bytes.len() as u64,
        })
    }

    async fn audio(&self, take: &Take) -> anyhow::Result<bytes::Bytes> {
        let object = recording_object(&take.audio);
        let read = self.store.get_checked(&object, take.audio.as_str()).await;
        read.with_context(|| format!("the sound of the {} take", take.mood))
    }
}

fn tell(lock: &Lock, is_new: bool) -> anyhow::Result<()> {
    let (name, version) = (&lock.name, lock.version);
    let what = if is_new { "is locked" } else { "was locked already" };
    let moods = lock.voice.mood_names();
    let noun = counted(moods.len() as u64, "mood");
    line(format!("{name} {version} {what}: {noun} ({})", moods.join(", ")))?;
    for (model, made) in &lock.voice.models {
        let bytes: u64 = made.prompts.iter().map(|prompt| prompt.bytes).sum();
        let prompts = counted(made.prompts.len() as u64, "prompt");
        line(format!("  {model}: {prompts} ready, {} kB", bytes.div_ceil(1_000)))?;
    }
    let model = lock.voice.models.keys().next();
    if model.is_none() {
        note("no model has made it ready (--clone-model): the first worker that speaks it does");
    }
    let model = model.map_or("qwen3-tts-12hz-1.7b-base", String::as_str);
    line(format!(
        "In a cast:\n  [voices.{name}]\n  lock = {{ voice = \"{name}\", version = {version}, model = \"{model}\" }}"
    ))
}
