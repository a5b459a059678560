//! What commands that plan an episode have in common.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use schemas::{EpisodeId, Mastering};
use screenplay::Script;
use sha2::{Digest as _, Sha256};

use super::output::{counted, note};
use crate::cast::{Cast, CastError};
use crate::lexicon::Lexicon;
use crate::plan::{PlanError, PlanOptions};
use crate::submit::{SubmitError, Upload};

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
        episode_named(title_of(script, cast.title.as_deref()).as_deref().unwrap_or(&stem))
    }

    /// Adds the file to what is told of it.
    pub(crate) fn blame(&self, err: SubmitError) -> anyhow::Error {
        let in_script = match &err {
            SubmitError::Silent => true,
            SubmitError::Plan(why) => !matches!(why, PlanError::Cast(CastError::Voice(_))),
            SubmitError::Ledger(_) | SubmitError::Store(_) | SubmitError::Queue(_) => false,
        };
        let err = anyhow::Error::from(err);
        if in_script { err.context(self.script.display().to_string()) } else { err }
    }
}

/// The id of an episode of this title. Ids are ASCII: a title that leaves no letter of it gets some
/// digits of its hash, so that two such titles are two episodes.
fn episode_named(title: &str) -> EpisodeId {
    let slug = EpisodeId::from_title(title);
    if title.chars().any(|c| c.is_ascii_alphabetic()) || title.is_ascii() {
        return slug;
    }
    let hash = schemas::hex(&Sha256::digest(title)[..4]);
    EpisodeId::from_title(&format!("{slug}-{hash}"))
}

/// The title people gave the episode, on one line: the cast's, else the title page's.
pub(crate) fn title_of(script: &Script, cast_title: Option<&str>) -> Option<String> {
    let page = || {
        let is_title = |field: &&screenplay::TitleField| field.key.eq_ignore_ascii_case("title");
        script.title_page.iter().find(is_title).map(|field| field.value.as_str())
    };
    cast_title
        .or_else(page)
        .map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|title| title.chars().any(char::is_alphanumeric))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_in_any_script_are_episodes_of_their_own() {
        assert_eq!(episode_named("Night Ferry").as_str(), "night-ferry");
        assert_eq!(episode_named("Été 2").as_str(), "t-2");
        assert_eq!(episode_named("7").as_str(), "7");
        assert_eq!(episode_named("夜の船").as_str(), "episode-b56d93b8");
        assert_ne!(episode_named("夜の船 2"), episode_named("海 2"));
    }
}
