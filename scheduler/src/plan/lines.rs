//! From a script to what is said in it.

use std::fmt;

use schemars::JsonSchema;
use schemas::LineId;
use screenplay::{Dual, ElementKind, Extension, Part, Script, Span, Speech};
use serde::Serialize;

use super::ids::{BadNotes, ExplicitIds, Minter};
use super::languages::NotedLanguages;

/// Speaker key of narrated action. No cue can have it, because cues end at a bracket.
pub const NARRATION: &str = "(NARRATION)";

/// One utterance by one character, as the script has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// Names the line within its episode: as the script says, or its place when it says nothing.
    pub id: LineId,
    /// Position among all spoken lines of the script, from 0; lines that are skipped count too.
    pub position: u32,
    /// Where it is said.
    pub scene: Scene,
    /// Who says it, as written, without extensions.
    pub character: String,
    /// What names are compared by.
    pub speaker_key: String,
    /// What is said: markup, notes and directions removed. Holds at least one letter or digit.
    pub text: String,
    /// The parts of `text` that are sung, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sung: Vec<Stretch>,
    /// What stands in brackets after the name, in order; `CONT'D` is dropped.
    #[schemars(with = "Vec<String>")]
    pub extensions: Vec<Extension>,
    /// Directions in order.
    pub parentheticals: Vec<Parenthetical>,
    /// Which half of two lines spoken at once: `left` or `right`.
    #[schemars(with = "Option<String>")]
    pub dual: Option<Dual>,
    /// Where its cue stands.
    #[serde(flatten)]
    pub place: Place,
    /// The id that the script itself gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explicit_id: Option<LineId>,
    /// The language that a note of the script asks for, BCP 47; absent where the cast decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A scene as its lines know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scene {
    /// Counts headings from 1; 0 is what comes before the first.
    pub number: u32,
    /// The heading without its number; empty for scene 0.
    pub heading: String,
    /// The number the script gives it, e.g. `12A`.
    pub label: Option<String>,
}

/// A stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stretch {
    /// Byte offset of its first character.
    pub start: u32,
    /// Byte offset behind its last character.
    pub end: u32,
}

/// A direction and where it applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Parenthetical {
    /// Without its brackets.
    pub text: String,
    /// Byte offset into [`Line::text`] of what follows it; the text's length when nothing does.
    pub at: u32,
}

/// A place in the file that a person edits.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema,
)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// From 1, counted in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self { line: span.line, column: span.column }
    }
}

impl Line {
    /// Whether every word of it is sung.
    #[must_use]
    pub fn is_sung(&self) -> bool {
        let covered: u32 = self.sung.iter().map(|s| s.end - s.start).sum();
        // Between two sung parts stands one space that belongs to neither.
        let gaps = self.sung.len().saturating_sub(1);
        !self.sung.is_empty() && covered as usize + gaps == self.text.len()
    }
}

/// Returns what characters say, in the order of the script.
///
/// A speech without a single letter or digit, such as `...`, is no line. Lines that the script
/// gives no id are numbered within their scene, past the ids it does give. `[[language: de]]` inside a
/// speech is about that speech; outside any, about the speeches that follow in its scene.
///
/// # Errors
/// [`BadNotes`] for `[[id:…]]` notes that name nothing, are not usable as ids, or name two lines, and
/// for `[[language:…]]` notes that name no language.
pub fn spoken_lines(script: &Script) -> Result<Vec<Line>, BadNotes> {
    collect(script, false)
}

/// The same, with each paragraph of action as a line of the narrator, whose key is [`NARRATION`].
///
/// # Errors
/// As for [`spoken_lines`].
pub fn narrated_lines(script: &Script) -> Result<Vec<Line>, BadNotes> {
    collect(script, true)
}

fn collect(script: &Script, is_narrated: bool) -> Result<Vec<Line>, BadNotes> {
    let mut reader = Reader::default();
    for element in &script.elements {
        match &element.kind {
            ElementKind::SceneHeading { text, number } => reader.enter(text, number.as_deref()),
            ElementKind::Speech(speech) => reader.speech(speech),
            ElementKind::Action { text } if is_narrated => reader.narrate(text, element.span),
            ElementKind::Note { text } => reader.note(text, element.span.into()),
            ElementKind::Action { .. }
            | ElementKind::Section { .. }
            | ElementKind::Synopsis { .. }
            | ElementKind::Lyric { .. }
            | ElementKind::Transition { .. }
            | ElementKind::Centered { .. }
            | ElementKind::PageBreak => {}
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    scene: Scene,
    lines: Vec<Line>,
    ids: ExplicitIds,
    languages: NotedLanguages,
}

impl Reader {
    fn note(&mut self, text: &str, place: Place) {
        self.ids.outside(text, place);
        self.languages.outside(text, place);
    }

    fn enter(&mut self, heading: &str, label: Option<&str>) {
        let number = self.scene.number + 1;
        let label = label.map(str::to_owned);
        self.scene = Scene { number, heading: heading.to_owned(), label };
        self.languages.enter_scene();
    }

    fn speech(&mut self, speech: &Speech) {
        let explicit_id = self.ids.of_speech(&speech.notes, speech.cue.into());
        let language = self.languages.of_speech(&speech.notes, speech.cue.into());
        let spoken = speech.spoken();
        let parentheticals = spoken.parentheticals.into_iter();
        self.push(Line {
            character: speech.speaker.clone(),
            speaker_key: speech.speaker_key.clone(),
            sung: sung_stretches(speech),
            extensions: speech.extensions.clone(),
            parentheticals: parentheticals
                .map(|p| Parenthetical { text: p.text, at: p.at })
                .collect(),
            dual: speech.dual,
            explicit_id,
            language,
            ..self.bare(spoken.text, speech.cue)
        });
    }

    fn narrate(&mut self, text: &str, span: Span) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.push(self.bare(text, span));
    }

    /// A line of the narrator, and the common ground of all others.
    fn bare(&self, text: String, span: Span) -> Line {
        Line {
            id: LineId::new(self.scene.number, 0),
            position: u32::try_from(self.lines.len()).expect("scripts are limited to 256 MB"),
            scene: self.scene.clone(),
            character: "Narrator".to_owned(),
            speaker_key: NARRATION.to_owned(),
            text,
            sung: Vec::new(),
            extensions: Vec::new(),
            parentheticals: Vec::new(),
            dual: None,
            place: span.into(),
            explicit_id: None,
            language: None,
        }
    }

    fn push(&mut self, line: Line) {
        if line.text.contains(char::is_alphanumeric) {
            self.lines.push(line);
        }
    }

    fn finish(mut self) -> Result<Vec<Line>, BadNotes> {
        let mut problems = self.ids.finish();
        problems.extend(self.languages.finish());
        problems.sort_by_key(|problem| problem.place);
        if !problems.is_empty() {
            return Err(BadNotes(problems));
        }
        let mut minter = Minter::default();
        for line in &mut self.lines {
            if let Some(id) = &line.explicit_id {
                minter.reserve(id);
                line.id = id.clone();
            }
        }
        for line in self.lines.iter_mut().filter(|line| line.explicit_id.is_none()) {
            line.id = minter.mint(line.scene.number);
        }
        Ok(self.lines)
    }
}

/// Finds the sung parts in the text that [`Speech::spoken`] joins.
fn sung_stretches(speech: &Speech) -> Vec<Stretch> {
    let mut sung = Vec::new();
    let mut end = 0;
    for part in &speech.parts {
        let (text, is_sung) = match part {
            Part::Words { text, .. } => (text.trim(), false),
            Part::Sung { text, .. } => (text.trim(), true),
            Part::Parenthetical { .. } | Part::EmptyLine => continue,
        };
        if text.is_empty() {
            continue;
        }
        let start = if end == 0 { 0 } else { end + 1 };
        end = start + u32::try_from(text.len()).expect("scripts are limited to 256 MB");
        if is_sung {
            sung.push(Stretch { start, end });
        }
    }
    sung
}
