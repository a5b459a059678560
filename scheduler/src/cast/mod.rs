//! Who speaks in which voice.

mod bad_file;
mod file;
mod locks;
mod moods;
mod names;
mod read;
mod speak;
mod starter;
mod uncast;
mod voices;

use std::collections::BTreeMap;

use voices::CastVoice;

pub use bad_file::BadFile;
pub(crate) use bad_file::TomlFile;
pub use locks::Locks;
pub use read::is_language;
pub use speak::{CastLine, Casting, KeyedVoice, cast};
pub use starter::starter_cast;
pub use uncast::{CastError, Uncast};
pub use voices::ReadFile;
pub(crate) use voices::SCRATCH_MODEL;

/// Which character speaks in which voice, as [`Cast::read`] from a cast file.
#[derive(Debug, Clone, PartialEq)]
pub struct Cast {
    /// The episode's title, when the cast gives one.
    pub title: Option<String>,
    /// BCP 47 language of every line whose character names none.
    pub language: String,
    /// Every voice: those that were named first, then those of characters without one.
    voices: Vec<CastVoice>,
    /// A scratch voice for each of `voices`: itself, if it is one already.
    timing: Vec<CastVoice>,
    /// Index into `voices` of who speaks the action.
    narrator: Option<usize>,
    /// In the order of the file.
    characters: Vec<Character>,
    /// Index into `characters` by the keys that cues are looked up by.
    by_key: BTreeMap<String, usize>,
}

/// A character of the cast.
#[derive(Debug, Clone, PartialEq)]
struct Character {
    /// As the cast writes it.
    name: String,
    /// Index into [`Cast::voices`].
    voice: usize,
    /// BCP 47.
    language: String,
    /// Speed against the voice's own, 0.5 to 2.
    rate: f32,
    /// Added to its level, in dB.
    gain_db: f32,
    /// Whether its lines are left out.
    is_skipped: bool,
}

impl Cast {
    /// Returns the same cast with a scratch voice in the place of every voice that needs weights:
    /// what a timing track is spoken by.
    #[must_use]
    pub fn in_scratch(&self) -> Self {
        Self { voices: self.timing.clone(), ..self.clone() }
    }

    /// Whether action is to be spoken too.
    #[must_use]
    pub fn has_narrator(&self) -> bool {
        self.narrator.is_some()
    }
}
