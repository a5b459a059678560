//! What keeps a script from being cast: all of it at once.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::names::{is_group, most_alike};
use super::{BadFile, Cast};
use crate::plan::{Line, Place};

/// Beyond this many strangers no names are suggested: that is another show's cast, not slips.
const SUGGESTIONS: usize = 100;

/// Why lines cannot be cast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum CastError {
    /// Characters that nobody cast, by first appearance: cast them or skip them.
    #[error("{}", describe(.0))]
    Uncast(Vec<Uncast>),
    /// A line needs a recording that cannot be read: the cast file must be corrected.
    #[error(transparent)]
    Voice(#[from] BadFile),
}

/// A character of the script that the cast does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uncast {
    /// As first written.
    pub character: String,
    /// What names are compared by.
    pub speaker_key: String,
    /// How many lines it has; at least 1.
    pub lines: u64,
    /// Where the first of them stands.
    pub first: Place,
    /// The character of the cast it may be, because the names are alike.
    pub did_you_mean: Option<String>,
    /// Whether it calls several people at once, like `ALL`: such a cue needs one voice too.
    pub is_group: bool,
}

impl fmt::Display for Uncast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { character, lines, first, did_you_mean, is_group, .. } = self;
        let plural = if *lines == 1 { "line" } else { "lines" };
        write!(f, "{character} ({lines} {plural}, first at {first}): ")?;
        match (did_you_mean, is_group) {
            (Some(alike), false) => {
                write!(f, "did you mean {alike}? add it to its aliases, or cast it")
            }
            (Some(_) | None, true) => {
                f.write_str("calls several at once; give it one voice, or set skip = true")
            }
            (None, false) => f.write_str("add it to the cast, or set skip = true there"),
        }
    }
}

fn describe(uncast: &[Uncast]) -> String {
    let head = match uncast.len() {
        1 => "1 character is not cast".to_owned(),
        count => format!("{count} characters are not cast"),
    };
    uncast.iter().fold(head, |text, one| format!("{text}\n  {one}"))
}

/// Collects strangers while lines are cast.
#[derive(Debug, Default)]
pub(super) struct Strangers<'a> {
    by_key: BTreeMap<&'a str, usize>,
    met: Vec<Uncast>,
}

impl<'a> Strangers<'a> {
    /// Counts one line of somebody the cast does not have.
    pub(super) fn meet(&mut self, line: &'a Line) {
        let next = self.met.len();
        let index = *self.by_key.entry(&line.speaker_key).or_insert(next);
        if index == next {
            self.met.push(Uncast {
                character: line.character.clone(),
                speaker_key: line.speaker_key.clone(),
                lines: 0,
                first: line.place,
                did_you_mean: None,
                is_group: false,
            });
        }
        self.met[index].lines += 1;
        self.met[index].is_group |= is_group(line);
    }

    /// Ends the collection, adding who may have been meant.
    ///
    /// # Errors
    /// [`CastError::Uncast`] when anybody was met.
    pub(super) fn finish(mut self, cast: &Cast) -> Result<(), CastError> {
        if self.met.is_empty() {
            return Ok(());
        }
        for stranger in self.met.iter_mut().take(SUGGESTIONS) {
            let known = cast.by_key.keys().map(String::as_str);
            let alike = most_alike(&stranger.speaker_key, known);
            stranger.did_you_mean = alike.map(|key| cast.characters[cast.by_key[key]].name.clone());
        }
        Err(CastError::Uncast(self.met))
    }
}
