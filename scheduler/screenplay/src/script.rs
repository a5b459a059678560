//! What a screenplay says, whatever file it came in.

use serde::Serialize;

/// A screenplay, element by element in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Script {
    /// What sort of file it was read from.
    pub format: Format,
    /// The title page's fields, in order, keys as written.
    pub title_page: Vec<TitleField>,
    /// Everything else, in order.
    pub elements: Vec<Element>,
    /// What the reader could not be sure of, by position. Empty for a clean script.
    pub doubts: Vec<Doubt>,
    /// Characters named in the file's own lists (FDX, Highland): hints for a cast, never truth.
    pub listed_characters: Vec<String>,
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Fountain 1.1 plain text.
    Fountain,
    /// Final Draft XML.
    Fdx,
    /// Highland, zipped or plain.
    Highland,
    /// TextBundle folder or TextPack archive.
    TextBundle,
}

/// A place in the text that a person edits.
///
/// In archives it is a place in the text member; in FDX a place in the XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Line of the first character, from 1.
    pub line: u32,
    /// Column of the first character, from 1, counted in characters.
    pub column: u32,
    /// Byte offset of the first character.
    pub start: u32,
    /// Byte offset behind the last character.
    pub end: u32,
}

/// One field of the title page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TitleField {
    /// As written, without the colon.
    pub key: String,
    /// Lines joined by `\n`, markup removed.
    pub value: String,
    /// Where the key stands.
    pub span: Span,
}

/// One element of the body and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Element {
    /// From its first to its last character, markers included.
    pub span: Span,
    /// What it is.
    #[serde(flatten)]
    pub kind: ElementKind,
}

/// What an element is. Text has markup removed unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ElementKind {
    /// `#` heading of an outline, level 1 to 6.
    Section {
        /// Number of `#`.
        level: u8,
        /// The heading.
        text: String,
    },
    /// `=` line: what a scene is about.
    Synopsis {
        /// The synopsis.
        text: String,
    },
    /// The start of a scene.
    SceneHeading {
        /// The heading without its number.
        text: String,
        /// As written between `#` and `#`, or FDX's locked number.
        number: Option<String>,
    },
    /// What is seen and heard.
    Action {
        /// Lines joined by `\n`.
        text: String,
    },
    /// What a character says.
    Speech(Speech),
    /// A `~` line outside any speech: sung by nobody in particular.
    Lyric {
        /// The words.
        text: String,
    },
    /// How one scene becomes the next.
    Transition {
        /// E.g. `CUT TO:`.
        text: String,
    },
    /// Centred text; not spoken.
    Centered {
        /// The text.
        text: String,
    },
    /// `===`.
    PageBreak,
    /// A note outside any speech.
    Note {
        /// Between the brackets, markup kept.
        text: String,
    },
}

/// What one character says without interruption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Speech {
    /// The name as written, without extensions and markup, e.g. `Mira`.
    pub speaker: String,
    /// [`speaker_key`](crate::speaker_key) of `speaker`: what names are compared by.
    pub speaker_key: String,
    /// Where the cue stands.
    pub cue: Span,
    /// The extensions, normalised and in order; `CONT'D` is dropped.
    pub extensions: Vec<Extension>,
    /// Whether it is spoken together with its neighbour.
    pub dual: Option<Dual>,
    /// What is said and how, in order.
    pub parts: Vec<Part>,
    /// Notes inside the speech, without brackets, in order, e.g. `id:sc001-l0001`.
    pub notes: Vec<String>,
}

/// Which half of two speeches spoken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dual {
    /// The first of the two.
    Left,
    /// The second.
    Right,
}

/// What stands in brackets after a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Extension {
    /// `V.O.`: voice over.
    VoiceOver,
    /// `O.S.` or `O.C.`: near, but not in the picture.
    OffScreen,
    /// `PRE-LAP`: heard before its scene.
    PreLap,
    /// `FILTERED`, `ON PHONE`, `ON THE RADIO` …: heard through a device; the text as written.
    Filtered(String),
    /// Anything else, as written, e.g. `SUBTITLED`.
    Other(String),
}

impl From<Extension> for String {
    fn from(extension: Extension) -> String {
        match extension {
            Extension::VoiceOver => "V.O.".into(),
            Extension::OffScreen => "O.S.".into(),
            Extension::PreLap => "PRE-LAP".into(),
            Extension::Filtered(text) | Extension::Other(text) => text,
        }
    }
}

/// One piece of a speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    /// Spoken words.
    Words {
        /// Markup, notes and directions removed. One line of the file.
        text: String,
        /// Stretches that are emphasised, in order.
        emphasis: Vec<Emphasis>,
        /// Where they stand.
        span: Span,
    },
    /// Words that are sung: a `~` line.
    Sung {
        /// As above, without `~`.
        text: String,
        /// Where they stand.
        span: Span,
    },
    /// How the next words are said, or what the speaker does meanwhile.
    Parenthetical {
        /// Without its brackets.
        text: String,
        /// Where it stands.
        span: Span,
    },
    /// An empty line inside the speech, kept by two spaces.
    EmptyLine,
}

/// An emphasised stretch of a part's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Emphasis {
    /// Byte offset of its first character.
    pub start: u32,
    /// Byte offset behind its last character.
    pub end: u32,
    /// `*`.
    pub is_italic: bool,
    /// `**`.
    pub is_bold: bool,
    /// `_`.
    pub is_underlined: bool,
}

/// Something the reader was not sure of, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Where.
    pub span: Span,
    /// How bad it is.
    pub severity: Severity,
    /// A short constant name, e.g. `unclosed_boneyard`, for programs to filter by.
    pub code: &'static str,
    /// What was seen, one sentence without a full stop.
    pub message: String,
    /// What to do, one sentence without a full stop.
    pub suggestion: String,
}

/// How bad a doubt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The reading is probably right.
    Warning,
    /// Something was probably read as what it is not.
    Error,
}

/// A speech as one text, with its directions placed in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spoken {
    /// Words and sung words joined by single spaces; no leading or trailing space.
    pub text: String,
    /// Directions in order.
    pub parentheticals: Vec<PlacedParenthetical>,
}

/// A direction and where in the spoken text it applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlacedParenthetical {
    /// Without its brackets.
    pub text: String,
    /// Byte offset into [`Spoken::text`] of what follows it; the text's length when nothing does.
    pub at: u32,
}

impl Speech {
    /// Joins the parts into one text.
    #[must_use]
    pub fn spoken(&self) -> Spoken {
        let mut spoken = Spoken { text: String::new(), parentheticals: Vec::new() };
        let mut pending: Vec<&str> = Vec::new();
        for part in &self.parts {
            match part {
                Part::Words { text, .. } | Part::Sung { text, .. } if !text.trim().is_empty() => {
                    if !spoken.text.is_empty() {
                        spoken.text.push(' ');
                    }
                    spoken.place(&mut pending);
                    spoken.text.push_str(text.trim());
                }
                Part::Words { .. } | Part::Sung { .. } | Part::EmptyLine => {}
                Part::Parenthetical { text, .. } => pending.push(text),
            }
        }
        spoken.place(&mut pending);
        spoken
    }
}

impl Spoken {
    fn place(&mut self, pending: &mut Vec<&str>) {
        let at = u32::try_from(self.text.len()).expect("scripts are limited to 256 MB");
        self.parentheticals.extend(
            pending.drain(..).map(|text| PlacedParenthetical { text: text.to_owned(), at }),
        );
    }
}
