//! Languages that a script's notes ask for, and whether the models speak them.

use std::collections::BTreeMap;

use engine::{qwen3_tts, scratch};
use schemas::{ScratchSynthesiser, Voice, VoiceSource};
use serde::Serialize;

use super::ids::{NoteKind, NoteProblem};
use super::lines::Place;
use crate::cast::{CastLine, is_language};

/// English names of languages that people write where a tag belongs.
const NAMES: &[(&str, &str)] = &[
    ("chinese", "zh"),
    ("english", "en"),
    ("french", "fr"),
    ("german", "de"),
    ("italian", "it"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("portuguese", "pt"),
    ("russian", "ru"),
    ("spanish", "es"),
];

/// Lines in languages that their voices' models do not speak; all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", self.0.iter().map(Unspoken::told).collect::<Vec<_>>().join("\n"))]
pub struct UnspokenLanguages(pub Vec<Unspoken>);

/// Lines of one character in one language that its model does not speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unspoken {
    /// Who speaks, as cast.
    pub character: String,
    /// BCP 47.
    pub language: String,
    /// The model's name.
    pub model: String,
    /// What the model speaks, as tags.
    pub spoken: Vec<String>,
    /// How many lines; at least 1.
    pub lines: u64,
    /// Where the first of them stands.
    pub first: Place,
    /// Whether the script asks for the language; else the cast does.
    pub is_noted: bool,
}

impl Unspoken {
    /// What is wrong, without a full stop.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { character, language, model, lines, .. } = self;
        let plural = if *lines == 1 { "line" } else { "lines" };
        format!("{character} has {lines} {plural} in `{language}`, which {model} does not speak")
    }

    /// What to do, without a full stop.
    #[must_use]
    pub fn advice(&self) -> String {
        let place = if self.is_noted { "the script's note" } else { "the cast" };
        format!("choose one of {} in {place}, or another voice", self.spoken.join(", "))
    }

    fn told(&self) -> String {
        format!("{}: {}; {}", self.first, self.message(), self.advice())
    }
}

/// Finds lines whose voice's model is known not to speak their language. Of models that are not known
/// here, nothing is said.
///
/// # Errors
/// [`UnspokenLanguages`] with every character and language, by first appearance.
pub(super) fn check(lines: &[CastLine]) -> Result<(), UnspokenLanguages> {
    let mut index: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found: Vec<Unspoken> = Vec::new();
    for line in lines {
        let Some(spoken) = languages_of(&line.voice.voice) else { continue };
        if is_spoken(&line.language, spoken) {
            continue;
        }
        let at = *index.entry((&line.character, &line.language)).or_insert(found.len());
        if at == found.len() {
            found.push(Unspoken {
                character: line.character.clone(),
                language: line.language.clone(),
                model: line.voice.voice.model.clone(),
                spoken: spoken.iter().map(|&tag| tag.to_owned()).collect(),
                lines: 0,
                first: line.line.place,
                is_noted: line.line.language.is_some(),
            });
        }
        found[at].lines += 1;
    }
    if found.is_empty() { Ok(()) } else { Err(UnspokenLanguages(found)) }
}

/// The languages of a voice's model, by their primary tags; `None` where they are not known.
fn languages_of(voice: &Voice) -> Option<&'static [&'static str]> {
    match &voice.source {
        VoiceSource::Scratch { synthesiser: ScratchSynthesiser::Pico, .. } => {
            Some(&scratch::PICO_LANGUAGES)
        }
        VoiceSource::Scratch { .. } | VoiceSource::Recorded { .. } => None,
        VoiceSource::Preset { .. } | VoiceSource::Clone { .. } | VoiceSource::Design { .. } => {
            let plain = voice.model.rsplit('/').next().unwrap_or_default().to_lowercase();
            plain.starts_with("qwen3-tts-12hz-").then_some(&qwen3_tts::LANGUAGES)
        }
    }
}

/// `und` leaves it to the model to find out.
fn is_spoken(tag: &str, spoken: &[&str]) -> bool {
    let primary = tag.split('-').next().unwrap_or_default().to_lowercase();
    primary == "und"
        || spoken.contains(&primary.as_str())
        || (primary == "cmn" && spoken.contains(&"zh"))
}

/// Reads the tag out of a note such as `language: de`; `None` for notes about other things.
fn language_in_note(note: &str) -> Option<&str> {
    let (word, tag) = note.split_once(':')?;
    word.trim().eq_ignore_ascii_case("language").then(|| tag.trim())
}

/// Collects the languages that a script's notes ask for and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct NotedLanguages {
    /// What the speeches that follow are spoken in, until the scene ends.
    of_scene: Option<String>,
    problems: Vec<NoteProblem>,
}

impl NotedLanguages {
    /// Begins a scene: what a note asked for ends with the scene before.
    pub(super) fn enter_scene(&mut self) {
        self.of_scene = None;
    }

    /// Takes a note outside any speech: it is about the speeches that follow in its scene.
    pub(super) fn outside(&mut self, note: &str, place: Place) {
        if let Some(tag) = language_in_note(note) {
            self.of_scene = self.checked(tag, place);
        }
    }

    /// Takes the notes of one speech and returns the language that it is spoken in, where the script
    /// asks for one. The last note counts.
    pub(super) fn of_speech(&mut self, notes: &[String], place: Place) -> Option<String> {
        let tag = notes.iter().rev().find_map(|note| language_in_note(note));
        match tag {
            Some(tag) => self.checked(tag, place),
            None => self.of_scene.clone(),
        }
    }

    /// Ends the collection and says what was wrong, in the order of the script.
    pub(super) fn finish(self) -> Vec<NoteProblem> {
        self.problems
    }

    fn checked(&mut self, tag: &str, place: Place) -> Option<String> {
        if is_language(tag) {
            return Some(tag.to_owned());
        }
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag));
        let advice = match named {
            Some((_, meant)) => format!("did you mean `{meant}`?"),
            None => "write it like `en-GB` or `de`".to_owned(),
        };
        let message = format!("`{tag}` is no language; {advice}");
        self.problems.push(NoteProblem { place, message, about: NoteKind::Language });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_notes_about_languages_are_languages() {
        assert_eq!(language_in_note(" Language : de "), Some("de"));
        assert_eq!(language_in_note("language:pt-BR"), Some("pt-BR"));
        assert_eq!(language_in_note("his language: foul"), None);
        assert_eq!(language_in_note("id: de"), None);
    }

    #[test]
    fn regions_are_spoken_where_their_language_is() {
        for (tag, is) in [("de-AT", true), ("DE", true), ("und", true), ("fi", false), ("d", false)]
        {
            assert_eq!(is_spoken(tag, &["de", "en"]), is, "{tag}");
        }
        assert!(is_spoken("cmn-Hans", &["zh"]));
    }
}
