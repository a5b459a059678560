//! A speech: the cue, and every line up to the next blank one.

use std::ops::Range;

use super::body::Reader;
use super::clean::first_line;
use super::kinds::{
    CUE_WITH_COLON, GROUP_CUE, HEADING_IN_SPEECH, LONE_DUAL, LONG_PARENTHETICAL, RAGGED_CUE,
    SPEECH_WITHOUT_WORDS, SPOKEN_DIRECTION, UNCLOSED_PARENTHESIS, UNLIKELY_CUE,
};
use super::lines::Content;
use super::shapes::{Forced, ends_speech, forced, is_sentence, is_surely_heading, words};
use crate::inline::{is_space, plain, strip, trim};
use crate::names::{Cue, parse_cue, speaker_key};
use crate::script::{Dual, Element, ElementKind, Part, Span, Speech};

/// A speech that said `(MORE)`.
pub(super) struct Interrupted {
    /// Its index among the elements.
    element: usize,
}

/// Most characters of a parenthetical that raises no doubt.
const MOST_PARENTHETICAL_CHARS: usize = 200;

/// First words by which a bracket inside the words looks like a direction.
const DIRECTIONS: [&str; 40] = [
    "angrily",
    "aside",
    "beat",
    "chuckles",
    "chuckling",
    "coughs",
    "cries",
    "crying",
    "gasps",
    "giggles",
    "laughing",
    "laughs",
    "long",
    "mocking",
    "nods",
    "off",
    "pause",
    "pauses",
    "quietly",
    "reading",
    "sarcastic",
    "sarcastically",
    "shouting",
    "shouts",
    "shrugs",
    "sighing",
    "sighs",
    "silence",
    "sings",
    "singing",
    "smiles",
    "smiling",
    "sobbing",
    "sobs",
    "softly",
    "whispering",
    "whispers",
    "yelling",
    "yells",
    "yawns",
];

impl Reader<'_, '_> {
    /// Reads the speech whose cue is the next line.
    pub(super) fn speech(&mut self) {
        self.close_action();
        let cue_line = self.next;
        let behind = self.speech_end(cue_line);
        let cue = self.cue(cue_line);
        let notes = self.take_notes(cue_line, behind);
        let last = (cue_line..behind).rfind(|&line| self.lines[line].content == Content::Text);
        let last = last.unwrap_or(cue_line);
        let end = self.trimmed_start(last) + self.trimmed(last).len();
        let span = self.span(self.trimmed_start(cue_line), end);
        let (parts, says_more) = self.parts(cue_line + 1..behind);
        let cue_span = self.line_span(cue_line);
        if !parts.iter().any(has_words) && !says_more {
            self.doubts.add(&SPEECH_WITHOUT_WORDS, cue_span, &cue.speaker);
        }
        match self.continued(&cue) {
            Some(element) => self.join(element, parts, notes, span),
            None => self.push_speech(cue, (cue_span, span), parts, notes),
        }
        let element = self.elements.len() - 1;
        self.interrupted = says_more.then_some(Interrupted { element });
        self.is_boundary = false;
        self.next = behind;
        if self.lines.get(behind).is_some_and(|line| line.content == Content::Text) {
            self.is_boundary = true;
        }
    }

    /// The first line that is no longer of the speech: hollow lines and those with two spaces are,
    /// unless nothing follows them.
    fn speech_end(&self, cue_line: usize) -> usize {
        let mut behind = cue_line + 1;
        for line in cue_line + 1..self.lines.len() {
            match self.lines[line].content {
                Content::Blank => break,
                Content::Spaced => {}
                Content::Hollow => {
                    // A note right behind the words is theirs; behind an empty line it is loose.
                    if behind == line {
                        behind = line + 1;
                    }
                }
                Content::Text if ends_speech(self.trimmed(line)) => break,
                Content::Text => behind = line + 1,
            }
        }
        behind
    }

    /// Takes the cue apart and says what is odd about it.
    fn cue(&mut self, line: usize) -> Cue {
        let text = self.trimmed(line);
        let span = self.line_span(line);
        let forced_name = text.strip_prefix('@');
        let mut cue = parse_cue(forced_name.unwrap_or(text));
        if forced_name.is_none()
            && let Some(name) = cue.speaker.strip_suffix(':')
        {
            cue.speaker = trim(name).to_owned();
            self.doubts.add(&CUE_WITH_COLON, span, text);
        }
        if cue.is_ragged {
            self.doubts.add(&RAGGED_CUE, span, text);
        }
        if cue.is_group() {
            self.doubts.add(&GROUP_CUE, span, text);
        } else if forced_name.is_none() && is_unlikely(&cue.speaker) {
            self.doubts.add(&UNLIKELY_CUE, span, text);
        }
        cue
    }

    /// Takes the notes of a speech: on the lines right before the cue, on it and inside.
    fn take_notes(&mut self, cue_line: usize, behind: usize) -> Vec<String> {
        let before = self.lines[..cue_line]
            .iter()
            .rev()
            .take_while(|line| line.content == Content::Hollow)
            .count();
        self.loosen_notes(self.lines[cue_line - before].start);
        let end = self.lines[behind - 1].end;
        let notes = &self.clean.notes[self.seen_notes..];
        let count = notes.partition_point(|note| note.at <= end);
        self.seen_notes += count;
        notes[..count].iter().map(|note| note.text.clone()).collect()
    }

    /// The speech that this cue carries on: the one that said `(MORE)`, by the same speaker.
    fn continued(&self, cue: &Cue) -> Option<usize> {
        let Interrupted { element } = *self.interrupted.as_ref()?;
        let ElementKind::Speech(speech) = &self.elements.get(element)?.kind else { return None };
        let is_same = speech.speaker_key == speaker_key(&cue.speaker)
            && (cue.extensions.is_empty() || cue.extensions == speech.extensions);
        (cue.is_continued && !cue.is_dual && is_same).then_some(element)
    }

    fn join(&mut self, element: usize, parts: Vec<Part>, notes: Vec<String>, span: Span) {
        let joined = &mut self.elements[element];
        joined.span.end = span.end;
        if let ElementKind::Speech(speech) = &mut joined.kind {
            speech.parts.extend(parts);
            speech.notes.extend(notes);
        }
        // What stood between, a page break at most, now stands behind.
        let last = self.elements.len() - 1;
        self.elements[element..=last].rotate_left(1);
    }

    fn push_speech(
        &mut self,
        cue: Cue,
        (cue_span, span): (Span, Span),
        parts: Vec<Part>,
        notes: Vec<String>,
    ) {
        let dual = if cue.is_dual { self.pair(cue_span, &cue.speaker) } else { None };
        let speech = Speech {
            speaker_key: speaker_key(&cue.speaker),
            speaker: cue.speaker,
            cue: cue_span,
            extensions: cue.extensions,
            dual,
            parts,
            notes,
        };
        self.elements.push(Element { span, kind: ElementKind::Speech(speech) });
    }

    /// Makes the speech right before this one the left half of two.
    fn pair(&mut self, cue: Span, speaker: &str) -> Option<Dual> {
        match self.elements.last_mut().map(|element| &mut element.kind) {
            Some(ElementKind::Speech(left)) if left.dual.is_none() => {
                left.dual = Some(Dual::Left);
                Some(Dual::Right)
            }
            _ => {
                self.doubts.add(&LONE_DUAL, cue, speaker);
                None
            }
        }
    }

    /// Reads the lines behind the cue; says whether `(MORE)` ends them.
    fn parts(&mut self, lines: Range<usize>) -> (Vec<Part>, bool) {
        let mut parts = Parts { list: Vec::new(), says_more: false };
        let brackets = self.brackets(lines.clone());
        let mut behind = 0;
        for line in lines.clone() {
            let start = self.trimmed_start(line);
            let end = start + self.trimmed(line).len();
            match self.lines[line].content {
                _ if end <= behind => {}
                Content::Hollow => {}
                Content::Blank | Content::Spaced => parts.list.push(Part::EmptyLine),
                Content::Text => {
                    let is_last = line + 1 == lines.end;
                    self.suspect_words(line, is_last);
                    let start = start.max(behind);
                    behind = self.line_parts((start, end), &brackets, &mut parts);
                }
            }
        }
        if let Some(&(open, _)) = brackets.iter().find(|&&(_, close)| close.is_none())
            && self.is_doubtful_bracket(open)
        {
            let clean = self.clean;
            let about = first_line(&clean.removed.text[open..]);
            self.doubts.add(&UNCLOSED_PARENTHESIS, self.span(open, open + 1), about);
        }
        while matches!(parts.list.last(), Some(Part::EmptyLine)) {
            parts.list.pop();
        }
        (parts.list, parts.says_more)
    }

    /// Whether an open bracket is more than a sad face.
    fn is_doubtful_bracket(&self, open: usize) -> bool {
        !self.clean.removed.text[..open].ends_with([':', ';', '=', '-', '\''])
    }

    /// Reads one line: directions at its start, then words. Says how far it has read, which is
    /// beyond the line when a direction wraps.
    fn line_parts(
        &mut self,
        (mut start, end): (usize, usize),
        brackets: &[(usize, Option<usize>)],
        parts: &mut Parts,
    ) -> usize {
        let clean = self.clean;
        let text = &*clean.removed.text;
        if let Some(Forced::Lyric(words)) = forced(&text[start..end]) {
            parts.sing(plain(words), self.span(start, end));
            return end;
        }
        while start < end {
            start += text[start..end].len() - text[start..end].trim_start_matches(is_space).len();
            let bracket = brackets.binary_search_by_key(&start, |&(open, _)| open);
            let Some(close) = bracket.ok().and_then(|index| brackets[index].1) else { break };
            let direction = one_line(&text[start + 1..close]);
            let span = self.span(start, close + 1);
            if direction.chars().nth(MOST_PARENTHETICAL_CHARS).is_some() {
                self.doubts.add(&LONG_PARENTHETICAL, span, &direction);
            }
            parts.direct(direction, span);
            start = close + 1;
        }
        if start < end {
            let inline = strip(&text[start..end]);
            let span = self.span(start, end);
            if let Some(direction) = spoken_direction(&inline.text) {
                self.doubts.add(&SPOKEN_DIRECTION, span, direction);
            }
            if !inline.text.is_empty() {
                parts.says_more = false;
                let (text, emphasis) = (inline.text, inline.emphasis);
                parts.list.push(Part::Words { text, emphasis, span });
            }
        }
        start.max(end)
    }

    /// Every `(` of the lines, in order, and the `)` that closes it, found in one pass.
    fn brackets(&self, lines: Range<usize>) -> Vec<(usize, Option<usize>)> {
        let Some(last) = lines.clone().next_back() else { return Vec::new() };
        let start = self.lines[lines.start].start as usize;
        let text = &self.clean.removed.text[start..self.lines[last].end as usize];
        let mut brackets = Vec::new();
        let mut open = Vec::new();
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'(' => {
                    open.push(brackets.len());
                    brackets.push((start + at, None));
                }
                b')' => {
                    if let Some(index) = open.pop() {
                        brackets[index].1 = Some(start + at);
                    }
                }
                _ => {}
            }
        }
        brackets
    }

    /// Reports a scene heading inside a speech, and a name that could be a cue.
    fn suspect_words(&mut self, line: usize, is_last: bool) {
        let text = self.trimmed(line);
        if is_surely_heading(text) || text.starts_with('.') && ends_speech(text) {
            self.doubts.add(&HEADING_IN_SPEECH, self.line_span(line), text);
        } else {
            self.suspect_cue_in_speech(line, is_last);
        }
    }
}

/// The parts of a speech as they grow.
struct Parts {
    list: Vec<Part>,
    /// Whether the last thing was a `(MORE)`, which itself is dropped.
    says_more: bool,
}

impl Parts {
    fn direct(&mut self, text: String, span: Span) {
        if text.eq_ignore_ascii_case("more") {
            self.says_more = true;
        } else if !text.is_empty() {
            self.says_more = false;
            self.list.push(Part::Parenthetical { text, span });
        }
    }

    fn sing(&mut self, text: String, span: Span) {
        if !text.is_empty() {
            self.says_more = false;
            self.list.push(Part::Sung { text, span });
        }
    }
}

/// Whether anything in a part can be said.
fn has_words(part: &Part) -> bool {
    match part {
        Part::Words { text, .. } | Part::Sung { text, .. } => text.contains(char::is_alphanumeric),
        Part::Parenthetical { .. } | Part::EmptyLine => false,
    }
}

/// The lines of a direction as one, without markup.
fn one_line(text: &str) -> String {
    let lines: Vec<_> =
        text.split(['\n', '\r']).map(trim).filter(|line| !line.is_empty()).collect();
    plain(&lines.join(" "))
}

/// The first bracket inside the words that looks like a direction: in capitals, or starting with a
/// word that directions start with.
fn spoken_direction(text: &str) -> Option<&str> {
    let mut open = None;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, open) {
            (b'(', _) => open = Some(at),
            (b')', Some(start)) => {
                if is_direction(&text[start + 1..at]) {
                    return Some(&text[start..=at]);
                }
                open = None;
            }
            _ => {}
        }
    }
    None
}

fn is_direction(inside: &str) -> bool {
    let letters = inside.chars().filter(|char| char.is_alphabetic());
    let is_loud = !inside.contains(char::is_lowercase) && letters.take(2).count() == 2;
    let first = words(inside).next().unwrap_or_default().to_lowercase();
    is_loud || DIRECTIONS.contains(&first.as_str())
}

/// Whether a name reads like action: a sentence, or far too long. `DR. SMITH JR.` is neither.
fn is_unlikely(speaker: &str) -> bool {
    let count = words(speaker).count();
    let is_abbreviation = speaker.ends_with('.')
        && !speaker.ends_with("..")
        && words(speaker).last().is_some_and(|word| word.chars().count() <= 3);
    is_sentence_end(speaker) && !is_abbreviation || count > 5 || count > 3 && is_sentence(speaker)
}

fn is_sentence_end(text: &str) -> bool {
    text.ends_with(['.', '!', '?', ',', ';', '…', '-', '–', '—'])
}
