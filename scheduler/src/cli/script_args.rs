//! What commands that plan an episode have in common.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use schemas::{EpisodeId, LARGEST_RECORDING, Mastering, RecordingKey};
use screenplay::Script;

use super::output::{counted, note};
use super::place::PlaceArgs;
use crate::cast::{Cast, CastError, Locks};
use crate::lexicon::Lexicon;
use crate::plan::{PlanError, PlanOptions};
use crate::submit::{Recordings, SubmitError, Upload, episode_named, title_of};

/// A screenplay and how it is to be spoken.
#[derive(Debug, Args)]
pub(crate) struct ScriptArgs {
    /// Screenplay: Fountain, FDX, Highland, TextBundle or TextPack
    pub(crate) script: PathBuf,
    /// Cast: who speaks in which voice (TOML; `tableread cast SCRIPT` writes one to start from)
    #[arg(long, value_name = "FILE")]
    pub(crate) cast: PathBuf,
    /// Pronunciations (TOML)
    #[arg(long, value_name = "FILE")]
    lexicon: Option<PathBuf>,
    /// Name of the episode [default: made of the title, else of the file's name]
    #[arg(long, value_name = "ID", value_parser = parse_episode)]
    episode: Option<EpisodeId>,
    /// Speak everybody with a scratch voice: a timing track without weights
    #[arg(long)]
    scratch: bool,
    /// Leave out lines that are sung throughout
    #[arg(long)]
    skip_lyrics: bool,
    /// Locked voices that the cast names, once they are fetched.
    #[arg(skip)]
    locks: Locks,
}

/// How takes are mastered.
#[derive(Debug, Args)]
pub(crate) struct MasteringArgs {
    /// Loudness of every voice over the episode, in LUFS
    #[arg(long, value_name = "LUFS", default_value_t = -20.0, allow_negative_numbers = true, value_parser = parse_loudness)]
    loudness: f32,
    /// Bit rate of the AAC files, in kbit/s
    #[arg(long, value_name = "KBIT", default_value_t = 64, value_parser = clap::value_parser!(u32).range(24..=256))]
    bitrate: u32,
    /// Sample rate of masters and AAC files, in Hz: 24000, 44100 or 48000
    #[arg(long, value_name = "HZ", default_value_t = 24_000, value_parser = parse_rate)]
    rate: u32,
}

/// How an episode is queued.
#[derive(Debug, Args)]
pub(crate) struct QueueingArgs {
    /// Higher goes first
    #[arg(long, value_name = "0-9", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=9))]
    priority: u8,
    /// How often a line is tried before it is given up on
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
    /// Share of the farm among episodes of its priority: one of 3 is given three times the audio of one of 1
    #[arg(long, value_name = "1-100", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    shares: u32,
}

fn parse_episode(id: &str) -> Result<EpisodeId, String> {
    EpisodeId::parse(id).map_err(|err| err.to_string())
}

fn parse_loudness(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(lufs) if (-40.0..=-6.0).contains(&lufs) => Ok(lufs),
        _ => Err("use a loudness from -40 to -6 LUFS, e.g. -20".into()),
    }
}

fn parse_rate(text: &str) -> Result<u32, String> {
    match text {
        "24000" => Ok(24_000),
        "44100" => Ok(44_100),
        "48000" => Ok(48_000),
        _ => Err("use 24000, 44100 or 48000".into()),
    }
}

impl MasteringArgs {
    fn mastering(&self) -> Mastering {
        Mastering {
            target_lufs: self.loudness,
            bitrate_bps: self.bitrate * 1_000,
            rate_hz: self.rate,
            ..Mastering::default()
        }
    }
}

impl ScriptArgs {
    /// Fetches the locked voices that the cast names; to be called before [`Self::read`]. Nothing is
    /// looked up for a cast that names none.
    pub(crate) async fn fetch_locks(&mut self, place: &PlaceArgs) -> anyhow::Result<()> {
        let cast = read_text(&self.cast)?;
        if Locks::are_wanted(&cast) {
            let (_, store) = place.peek().await?;
            self.locks = Locks::fetch(&cast, &store).await;
        }
        Ok(())
    }

    /// Reads script, cast and lexicon, and says how many doubts the script leaves.
    pub(crate) fn read(
        &self,
        mastering: &MasteringArgs,
        queueing: &QueueingArgs,
    ) -> anyhow::Result<Upload> {
        let script = screenplay::read_path(&self.script)?;
        let (cast, recordings) = read_cast(&self.cast, &self.locks)?;
        let lexicon = match &self.lexicon {
            Some(path) => Lexicon::read(&path.display().to_string(), &read_text(path)?)?,
            None => Lexicon::default(),
        };
        if !script.doubts.is_empty() {
            let doubts = counted(script.doubts.len() as u64, "doubt");
            note(format!("{doubts} in the script: tableread check {}", self.script.display()));
        }
        let episode = self.episode.clone().unwrap_or_else(|| self.episode_of(&script, &cast));
        let options = PlanOptions {
            lexicon,
            is_scratch: self.scratch,
            skips_lyrics: self.skip_lyrics,
            ..PlanOptions::default()
        };
        Ok(Upload {
            episode,
            script,
            cast,
            options,
            mastering: mastering.mastering(),
            priority: queueing.priority,
            max_attempts: queueing.attempts,
            shares: queueing.shares,
            tag: None,
            recordings,
        })
    }

    fn episode_of(&self, script: &Script, cast: &Cast) -> EpisodeId {
        let stem = self.script.file_stem().unwrap_or_default().to_string_lossy();
        episode_named(title_of(script, cast.title.as_deref()).as_deref().unwrap_or(&stem))
    }

    /// Adds the file to what is told of it, where the plan is what is wrong.
    pub(crate) fn blame_any(&self, err: anyhow::Error) -> anyhow::Error {
        let err = match err.downcast::<PlanError>() {
            Ok(why) => return self.blame(why.into()),
            Err(other) => other,
        };
        match err.downcast::<SubmitError>() {
            Ok(why) => self.blame(why),
            Err(other) => other,
        }
    }

    /// Adds the file to what is told of it.
    pub(crate) fn blame(&self, err: SubmitError) -> anyhow::Error {
        let in_script = match &err {
            SubmitError::Silent => true,
            SubmitError::Plan(why) => !matches!(why, PlanError::Cast(CastError::Voice(_))),
            SubmitError::Unresolved(_)
            | SubmitError::SeveralEngines(_)
            | SubmitError::Recording { .. }
            | SubmitError::Ledger(_)
            | SubmitError::Takes(_)
            | SubmitError::Store(_)
            | SubmitError::Queue(_) => false,
        };
        let err = anyhow::Error::from(err);
        if in_script { err.context(self.script.display().to_string()) } else { err }
    }
}

/// Reads a cast and the recordings that its voices are cloned from.
fn read_cast(path: &Path, locks: &Locks) -> anyhow::Result<(Cast, Recordings)> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let recordings = RefCell::new(Recordings::new());
    let read_file = |audio: &Path| {
        let file = read_recording(&folder.join(audio))?;
        let key = RecordingKey::of(&file);
        recordings.borrow_mut().insert(key, file.clone().into());
        Ok(file)
    };
    let cast = Cast::read_with(&path.display().to_string(), &read_text(path)?, &read_file, locks)?;
    Ok((cast, recordings.into_inner()))
}

fn read_recording(path: &Path) -> io::Result<Vec<u8>> {
    let size = std::fs::metadata(path)?.len();
    if size > LARGEST_RECORDING {
        let problem = format!(
            "it has {size} bytes, more than the {LARGEST_RECORDING} that are taken; a few seconds of \
             speech are enough"
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    std::fs::read(path)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{} is not UTF-8 text: save it as UTF-8", path.display()))
}
