//! Line ids that a script gives itself, and ids for lines that have none.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use schemas::LineId;
use serde::Serialize;

use super::lines::Place;

/// Ids and languages in a script's notes that cannot be used; all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct BadNotes(pub Vec<NoteProblem>);

/// One note that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{place}: {message}")]
pub struct NoteProblem {
    /// Where the speech or note stands.
    pub place: Place,
    /// What is wrong and what to do, without a full stop.
    pub message: String,
    /// What it is about.
    pub about: NoteKind,
}

/// What a note asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// `[[id:…]]`: what a line is called.
    Id,
    /// `[[language:…]]`: what a line or the rest of a scene is spoken in.
    Language,
}

/// Reads the id out of a note such as `id:sc001-l0001`; `None` for notes about other things.
///
/// The word `id` may be in either case, and spaces may stand around the colon.
pub(super) fn id_in_note(note: &str) -> Option<&str> {
    let (word, id) = note.split_once(':')?;
    word.trim().eq_ignore_ascii_case("id").then(|| id.trim())
}

/// Collects the ids that a script gives itself and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct ExplicitIds {
    first: BTreeMap<String, Place>,
    problems: Vec<NoteProblem>,
}

impl ExplicitIds {
    /// Takes the ids among one speech's notes and returns the one that counts.
    pub(super) fn of_speech(&mut self, notes: &[String], place: Place) -> Option<LineId> {
        let mut ids = notes.iter().filter_map(|note| id_in_note(note));
        let id = ids.next()?;
        if let Some(second) = ids.next() {
            self.report(place, format!("a speech has two ids, `{id}` and `{second}`; keep one"));
        }
        match LineId::parse(id) {
            Ok(id) => self.claim(id, place),
            Err(bad) => {
                self.report(place, bad.to_string());
                None
            }
        }
    }

    /// Reports an id in a note that belongs to no speech: it would name nothing.
    pub(super) fn outside(&mut self, note: &str, place: Place) {
        if let Some(id) = id_in_note(note) {
            self.report(place, format!("id `{id}` stands outside any speech; move it below a cue"));
        }
    }

    /// Ends the collection and says what was wrong, by place.
    pub(super) fn finish(self) -> Vec<NoteProblem> {
        self.problems
    }

    fn claim(&mut self, id: LineId, place: Place) -> Option<LineId> {
        match self.first.entry(folded(&id)) {
            Entry::Vacant(free) => {
                free.insert(place);
                Some(id)
            }
            Entry::Occupied(first) => {
                let first = *first.get();
                self.report(place, format!("id `{id}` is used at {first} already; change one"));
                None
            }
        }
    }

    fn report(&mut self, place: Place, message: String) {
        self.problems.push(NoteProblem { place, message, about: NoteKind::Id });
    }
}

/// Makes ids that were never used.
#[derive(Debug, Default)]
pub(crate) struct Minter {
    used: BTreeSet<String>,
    next: BTreeMap<u32, u32>,
}

impl Minter {
    /// Keeps `id` from being minted; says whether it was free until now.
    pub(crate) fn reserve(&mut self, id: &LineId) -> bool {
        self.used.insert(folded(id))
    }

    /// Makes the lowest id of a scene that is neither reserved nor minted.
    pub(crate) fn mint(&mut self, scene: u32) -> LineId {
        let next = self.next.entry(scene).or_insert(0);
        loop {
            *next += 1;
            let id = LineId::new(scene, *next);
            if self.used.insert(folded(&id)) {
                return id;
            }
        }
    }
}

/// Ids become file names, and not every file system tells `A` from `a`.
fn folded(id: &LineId) -> String {
    id.as_str().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_notes_about_ids_are_ids() {
        assert_eq!(id_in_note("id:a1"), Some("a1"));
        assert_eq!(id_in_note(" ID : a1 "), Some("a1"));
        assert_eq!(id_in_note("idea: a boat"), None);
        assert_eq!(id_in_note("vo: whisper"), None);
    }

    #[test]
    fn a_reserved_id_is_never_minted_in_either_case() {
        let mut minter = Minter::default();
        assert!(minter.reserve(&LineId::parse("SC001-l0001").unwrap()));
        assert_eq!(minter.mint(1).as_str(), "sc001-l0002");
        assert_eq!(minter.mint(1).as_str(), "sc001-l0003");
        assert_eq!(minter.mint(2).as_str(), "sc002-l0001");
        assert!(!minter.reserve(&LineId::new(1, 3)));
    }
}
