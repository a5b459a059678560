//! Which voice is meant, and by whose leave one is taken in.

use std::str::FromStr;
use std::time::SystemTime;

use ::voices::{Consent, Library, Lock, Note, RecordingConsent, VoiceName, rfc3339};
use anyhow::bail;
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::output::{json_pretty, line, note, plain};
use crate::cli::place::PlaceArgs;

/// A voice as it is asked for: `mira`, or `mira@2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What it is called.
    pub(super) name: VoiceName,
    /// The newest when absent.
    pub(super) version: Option<u32>,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let number = |version: &str| match version.parse() {
            Ok(version) if version > 0 => Ok(version),
            Ok(_) | Err(_) => Err(format!("`{version}` is no version: write e.g. {name}@2")),
        };
        let version = version.map(number).transpose()?;
        let name = VoiceName::parse(name).map_err(|error| error.to_string())?;
        Ok(Self { name, version })
    }
}

impl Wanted {
    /// Fetches it.
    pub(super) async fn get(&self, library: &Library) -> anyhow::Result<Lock> {
        Ok(library.get(&self.name, self.version).await?)
    }
}

/// The library to look into: an empty one where nothing was begun yet.
pub(super) async fn library(place: &PlaceArgs) -> anyhow::Result<Library> {
    Ok(Library::new(place.peek_store().await?))
}

/// The library to put voices into.
pub(super) async fn library_to_fill(place: &PlaceArgs) -> anyhow::Result<Library> {
    Ok(Library::new(place.begin()?.open_store().await?))
}

/// By whose leave a person's voice is used.
#[derive(Debug, Clone, Args)]
pub(super) struct ConsentArgs {
    /// By whose leave the voice is used: your own, or granted by who speaks
    #[arg(long, value_name = "WHOSE")]
    consent: Option<Leave>,
    /// Who granted it and where that is recorded, e.g. "Ana Ruiz, signed 2026-02-01"
    #[arg(long, value_name = "TEXT", requires = "consent")]
    note: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Leave {
    Own,
    Granted,
}

impl ConsentArgs {
    /// The consent that was given, if any was.
    ///
    /// # Errors
    /// When it is granted and nothing says by whom.
    pub(super) fn given(&self) -> anyhow::Result<Option<RecordingConsent>> {
        let note = self.note.as_deref().map(Note::parse).transpose()?;
        match (self.consent, note) {
            (None, _) => Ok(None),
            (Some(Leave::Own), note) => Ok(Some(RecordingConsent::Own { note })),
            (Some(Leave::Granted), Some(note)) => Ok(Some(RecordingConsent::Granted { note })),
            (Some(Leave::Granted), None) => {
                bail!(
                    "say who granted it and where that is recorded: --note \"Ana Ruiz, signed 2026-02-01\""
                )
            }
        }
    }
}

/// What became of a voice that was taken in.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TakenIn {
    /// Its name in the library.
    pub(super) name: VoiceName,
    /// Its version there.
    pub(super) version: u32,
    /// The key of all that decides its sound.
    pub(super) key: String,
    /// Whether it was not there before.
    pub(super) is_new: bool,
    /// What could be better about it, or what is missing, each as a sentence.
    pub(super) advice: Vec<String>,
}

impl TakenIn {
    pub(super) fn tell(&self, is_json: bool, place: &PlaceArgs) -> anyhow::Result<()> {
        if is_json {
            return json_pretty(self);
        }
        for advice in &self.advice {
            note(plain(&format!("note: {advice}")));
        }
        let (name, version) = (&self.name, self.version);
        let became = if self.is_new { "locked as" } else { "is there already:" };
        line(format!("{became} {name}@{version}"))?;
        line(format!("look at it: tableread voices show {name}@{version}{}", place.as_typed()))
    }
}

/// What is written into locks about who made them, and when.
pub(super) fn tool() -> String {
    concat!("tableread ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// The time it is.
pub(super) fn now() -> String {
    rfc3339(SystemTime::now())
}

/// Consent in a few words.
pub(super) fn consent(consent: &Consent) -> &'static str {
    match consent {
        Consent::Own { .. } => "own",
        Consent::Granted { .. } => "granted",
        Consent::Synthetic { .. } => "synthetic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_asked_for_by_name_and_version() {
        let wanted = |text: &str| text.parse::<Wanted>();
        assert_eq!(wanted("mira").unwrap().version, None);
        assert_eq!(wanted("mira@12").unwrap().version, Some(12));
        for bad in ["mira@", "mira@0", "mira@-1", "mira@2@3", "@2", "Mira", "../mira"] {
            assert!(wanted(bad).is_err(), "{bad}");
        }
    }
}
