//! Lines that were not taken for a name but may have been meant as one.
//!
//! A script is full of capitals, so a line is judged by who turns out to speak in it: a name that
//! speaks elsewhere is always reported, an unknown one only where a cue would stand.

use std::collections::HashSet;

use super::body::Reader;
use super::kinds::{COLON_SPEECH, CUE_AS_ACTION, CUE_AT_END, CUE_IN_SPEECH, HEADING_AS_ACTION};
use super::lines::{Content, Line};
use super::shapes::{
    has_stage_word, is_cue_shaped, is_sentence, is_surely_heading, split_key, words,
};
use super::title::is_known_key;
use crate::doubts::Kind;
use crate::inline::trim;
use crate::names::{parse_cue, speaker_key};
use crate::script::ElementKind;

/// A line that may be a mistake.
pub(super) struct Suspect {
    line: usize,
    /// Key of the name it would be.
    key: String,
    kind: &'static Kind,
    /// Whether it is reported even if nobody of that name speaks; once per name.
    is_odd_anyway: bool,
}

/// First words before a colon that are prose and no names.
const PROSE_STARTS: [&str; 18] = [
    "Beat",
    "Caption",
    "Chyron",
    "Cut",
    "Fade",
    "Finally",
    "Insert",
    "Meanwhile",
    "Montage",
    "Note",
    "Now",
    "Pause",
    "Reveal",
    "Silence",
    "Suddenly",
    "Super",
    "Then",
    "Title",
];

/// Longest line, in bytes, that is looked at as a name.
const MOST_NAME_BYTES: usize = 80;

impl Reader<'_, '_> {
    /// Looks at the next line, which is about to be read as action.
    pub(super) fn suspect_action(&mut self) {
        let line = self.next;
        let text = self.trimmed(line);
        if is_surely_heading(text) {
            return self.doubts.add(&HEADING_AS_ACTION, self.line_span(line), text);
        }
        if text.starts_with('@') && text.len() > 1 {
            return self.doubts.add(self.cue_kind(line), self.line_span(line), text);
        }
        if is_cue_shaped(text) && parse_cue(text).has_known_extension() {
            return self.doubts.add(self.cue_kind(line), self.line_span(line), text);
        }
        if text.len() > MOST_NAME_BYTES {
            return self.suspect_colon(line, false);
        }
        if is_cue_shaped(text) {
            let is_name = !is_sentence(&parse_cue(text).speaker);
            let is_odd_anyway = is_name && self.is_where_cues_stand(line);
            self.suspect(line, text, self.cue_kind(line), is_odd_anyway);
        } else if is_name_without_capitals(text) {
            let is_followed = self.is_boundary && self.text_behind(line).is_some();
            self.suspect(line, text, self.cue_kind(line), is_followed && is_odd_case(text));
        } else {
            self.suspect_colon(line, false);
        }
    }

    /// Looks at a line of a speech: is it somebody else's cue?
    pub(super) fn suspect_cue_in_speech(&mut self, line: usize, is_last: bool) {
        let text = self.trimmed(line);
        if text.len() > MOST_NAME_BYTES {
            return self.suspect_colon(line, true);
        }
        let is_cue = text.starts_with('@') || is_cue_shaped(text);
        if !is_cue {
            self.suspect_colon(line, true);
        } else if !is_last {
            self.suspect(line, text, &CUE_IN_SPEECH, false);
        }
    }

    /// A line of the form `NAME: text`.
    fn suspect_colon(&mut self, line: usize, is_in_speech: bool) {
        let text = self.trimmed(line);
        let Some((name, said)) = split_key(text) else { return };
        let name = trim(name);
        let count = words(name).count();
        if !(1..=3).contains(&count) || is_sentence(name) || is_known_key(name) {
            return;
        }
        let is_loud = is_cue_shaped(name);
        let is_title_case = words(name).all(|word| word.starts_with(char::is_uppercase));
        let is_prose = words(name).next().is_some_and(|first| PROSE_STARTS.contains(&first));
        let is_odd = is_loud || is_title_case && count <= 2 && !is_prose;
        let is_said = !trim(said).is_empty();
        let kind = if is_in_speech { &CUE_IN_SPEECH } else { &COLON_SPEECH };
        self.suspect(line, name, kind, is_odd && is_said && !is_in_speech);
    }

    fn suspect(&mut self, line: usize, name: &str, kind: &'static Kind, is_odd_anyway: bool) {
        let name = parse_cue(name.strip_prefix('@').unwrap_or(name)).speaker;
        let key = speaker_key(name.trim_end_matches(':'));
        self.suspects.push(Suspect { line, key, kind, is_odd_anyway });
    }

    /// What to call a cue at this line.
    fn cue_kind(&self, line: usize) -> &'static Kind {
        let is_text = |line: &Line| line.content == Content::Text;
        if self.lines[line + 1..].iter().any(is_text) { &CUE_AS_ACTION } else { &CUE_AT_END }
    }

    /// Whether an unknown name in capitals stands where only a cue makes sense: text right behind
    /// it and the blank line before forgotten, or alone and short with text to follow.
    fn is_where_cues_stand(&self, line: usize) -> bool {
        let text = self.trimmed(line);
        let is_followed = self.text_behind(line).is_some();
        let is_announced = line > 0 && self.trimmed(line - 1).ends_with(':');
        let is_short = words(text).count() <= 2 && !has_stage_word(text);
        match (self.is_boundary, is_followed) {
            (false, true) => !is_announced,
            (true, false) => is_short,
            (false, false) | (true, true) => false,
        }
    }

    /// Reports the suspects, now that it is known who speaks.
    pub(super) fn judge_suspects(&mut self) {
        let speakers: HashSet<&str> = self
            .elements
            .iter()
            .filter_map(|element| match &element.kind {
                ElementKind::Speech(speech) => Some(speech.speaker_key.as_str()),
                _ => None,
            })
            .collect();
        let mut reported: HashSet<&str> = HashSet::new();
        let suspects = std::mem::take(&mut self.suspects);
        for suspect in &suspects {
            let is_known = speakers.contains(suspect.key.as_str());
            if is_known || suspect.is_odd_anyway && reported.insert(&suspect.key) {
                let line = suspect.line;
                self.doubts.add(suspect.kind, self.line_span(line), self.trimmed(line));
            }
        }
    }
}

/// Whether a line has the length of a name and nothing that names do not have.
fn is_name_without_capitals(text: &str) -> bool {
    words(text).count() <= 3
        && text.chars().all(|char| char.is_alphanumeric() || " .'’-·・".contains(char))
}

/// Whether a line is nearly in capitals, such as `McDONALD`, or short and of a script that has
/// none: both need `@`.
fn is_odd_case(text: &str) -> bool {
    let upper = text.chars().filter(|char| char.is_uppercase()).count();
    let lower = text.chars().filter(|char| char.is_lowercase()).count();
    let letters = text.chars().filter(|char| char.is_alphabetic()).count();
    let is_caseless = upper + lower == 0 && (1..=12).contains(&letters);
    is_caseless || lower > 0 && upper >= 2 && upper > lower
}
