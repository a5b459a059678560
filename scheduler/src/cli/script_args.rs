//! What commands that plan an episode have in common.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use schemas::{EpisodeId, Mastering};
use screenplay::Script;

use super::output::{counted, note};
use crate::cast::Cast;
use crate::lexicon::Lexicon;
use crate::plan::PlanOptions;
use crate::submit::Upload;

/// A screenplay and how it is to be spoken.
#[derive(Debug, Args)]
pub(crate) struct ScriptArgs {
    /// Screenplay: Fountain, FDX, Highland, TextBundle or TextPack
    pub(crate) script: PathBuf,
    /// Cast: who speaks in which voice (TOML; `tableread cast SCRIPT` writes one to start from)
    #[arg(long, value_name = "FILE")]
    cast: PathBuf,
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
    /// Reads script, cast and lexicon, and says how many doubts the script leaves.
    pub(crate) fn read(
        &self,
        mastering: &MasteringArgs,
        queueing: &QueueingArgs,
    ) -> anyhow::Result<Upload> {
        let script = screenplay::read_path(&self.script)?;
        let cast = read_cast(&self.cast)?;
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
        let (priority, max_attempts) = (queueing.priority, queueing.attempts);
        let mastering = mastering.mastering();
        Ok(Upload { episode, script, cast, options, mastering, priority, max_attempts })
    }

    fn episode_of(&self, script: &Script, cast: &Cast) -> EpisodeId {
        let stem = self.script.file_stem().unwrap_or_default().to_string_lossy();
        EpisodeId::from_title(title_of(script, cast.title.as_deref()).unwrap_or(&stem))
    }
}

/// The title people gave the episode: the cast's, else the title page's.
pub(crate) fn title_of<'a>(script: &'a Script, cast_title: Option<&'a str>) -> Option<&'a str> {
    let page = || {
        let is_title = |field: &&screenplay::TitleField| field.key.eq_ignore_ascii_case("title");
        script.title_page.iter().find(is_title).map(|field| field.value.as_str())
    };
    cast_title.or_else(page).filter(|title| title.chars().any(|c| c.is_ascii_alphanumeric()))
}

fn read_cast(path: &Path) -> anyhow::Result<Cast> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let read_file = |audio: &Path| std::fs::read(folder.join(audio));
    Ok(Cast::read(&path.display().to_string(), &read_text(path)?, &read_file)?)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{} is not UTF-8 text: save it as UTF-8", path.display()))
}
