//! Paragraphs into a script.

use super::{
    collect::Document,
    doubts as kinds,
    dual::{self, Mark},
    kind::Kind,
    paragraph::Paragraph,
};
use crate::{
    doubts::Doubts,
    inline,
    names::{self, speaker_key},
    script::{Element, ElementKind, Format, Part, Script, Span, Speech},
};

/// Puts a document's paragraphs together.
pub(super) fn script(document: Document) -> Script {
    let Document { paragraphs, kinds: types, listed } = document;
    let mut assembler = Assembler::default();
    for paragraph in &paragraphs {
        let kind = types.resolve(&paragraph.type_name);
        assembler.add(paragraph, kind);
    }
    assembler.finish(listed)
}

#[derive(Default)]
struct Assembler {
    elements: Vec<Element>,
    doubts: Doubts,
    /// The speech that dialogue would be added to, not yet among the elements.
    speech: Option<Element>,
    /// Whether that speech, or the one before, broke off with `(MORE)`.
    has_more: bool,
    marks: Vec<Mark>,
}

impl Assembler {
    fn add(&mut self, paragraph: &Paragraph, kind: Option<Kind>) {
        if !inline::trim(&paragraph.unread).is_empty() {
            self.doubts.add(&kinds::UNREAD_TEXT, paragraph.span, &paragraph.unread);
        }
        if paragraph.whole().is_empty() {
            self.add_empty(paragraph, kind);
            return;
        }
        if kind.is_none() {
            self.doubts.add(&kinds::UNKNOWN_TYPE, paragraph.span, &paragraph.type_name);
        }
        match kind.unwrap_or(Kind::Action) {
            Kind::Character => self.add_cue(paragraph),
            Kind::Parenthetical => self.add_parenthetical(paragraph),
            Kind::Dialogue => self.add_dialogue(paragraph),
            Kind::Sung => self.add_song(paragraph),
            structure => self.add_structure(paragraph, structure),
        }
    }

    /// An empty paragraph is nothing, but for its remarks; and what stands below a name that was
    /// struck out is nobody's.
    fn add_empty(&mut self, paragraph: &Paragraph, kind: Option<Kind>) {
        if kind == Some(Kind::Character) && !paragraph.unread.is_empty() {
            self.close();
        }
        self.add_notes(paragraph);
    }

    fn add_cue(&mut self, paragraph: &Paragraph) {
        let cue = names::parse_cue(paragraph.whole());
        let key = speaker_key(&cue.speaker);
        if self.has_more && cue.is_continued && self.reopens(&key) {
            self.add_notes(paragraph);
            return;
        }
        self.close();
        if key.is_empty() {
            self.doubts.add(&kinds::NO_NAME, paragraph.span, paragraph.whole());
            self.push(paragraph.span, ElementKind::Action { text: paragraph.whole().to_owned() });
            return;
        }
        if cue.is_group() {
            self.doubts.add(&kinds::GROUP, paragraph.span, paragraph.whole());
        }
        if cue.is_ragged {
            self.doubts.add(&kinds::RAGGED, paragraph.span, paragraph.whole());
        }
        self.marks.push(Mark {
            element: self.elements.len(),
            block: paragraph.block,
            is_marked: paragraph.is_dual || cue.is_dual,
        });
        let speech = Speech {
            speaker: cue.speaker,
            speaker_key: key,
            cue: paragraph.span,
            extensions: cue.extensions,
            dual: None,
            parts: Vec::new(),
            notes: Vec::new(),
        };
        self.speech = Some(Element { span: paragraph.span, kind: ElementKind::Speech(speech) });
        self.add_notes(paragraph);
    }

    /// Whether the open speech is of `key`, so that a cue after a page break goes on with it.
    fn reopens(&mut self, key: &str) -> bool {
        self.has_more = false;
        self.open().is_some_and(|speech| speech.speaker_key == key)
    }

    fn add_parenthetical(&mut self, paragraph: &Paragraph) {
        let text = paragraph.whole();
        let inner = match super::paragraph::closing_bracket(text) {
            Some(close) if close + 1 == text.len() => &text[1..close],
            _ => text.strip_prefix('(').unwrap_or(text),
        };
        let text = one_line(inner);
        if text.to_uppercase() == "MORE" {
            self.has_more = true;
        } else if !text.is_empty() {
            self.speak(paragraph, vec![Part::Parenthetical { text, span: paragraph.span }]);
        }
    }

    fn add_dialogue(&mut self, paragraph: &Paragraph) {
        let span = paragraph.span;
        let mut parts = Vec::new();
        for line in paragraph.lines() {
            let (directions, rest) = line.split_directions();
            for text in directions.into_iter().filter(|text| !text.is_empty()) {
                if text.to_uppercase() == "MORE" {
                    self.has_more = true;
                } else {
                    parts.push(Part::Parenthetical { text, span });
                }
            }
            if rest.text.starts_with('(') {
                self.doubts.add(&kinds::OPEN_BRACKET, span, &rest.text);
            }
            if rest.text.contains("[[") {
                self.doubts.add(&kinds::MARKUP, span, &rest.text);
            }
            if !rest.text.is_empty() {
                parts.push(Part::Words { text: rest.text, emphasis: rest.emphasis, span });
            }
        }
        self.speak(paragraph, parts);
    }

    fn add_song(&mut self, paragraph: &Paragraph) {
        let span = paragraph.span;
        if self.speech.is_none() {
            self.push(span, ElementKind::Lyric { text: one_line(paragraph.whole()) });
            self.add_notes(paragraph);
            return;
        }
        let lines = paragraph.lines();
        let parts = lines.into_iter().map(|line| Part::Sung { text: line.text, span }).collect();
        self.speak(paragraph, parts);
    }

    /// Adds parts to the open speech; without one, what was to be spoken is action and doubted.
    fn speak(&mut self, paragraph: &Paragraph, parts: Vec<Part>) {
        if let Some(element) = &mut self.speech {
            element.span.end = element.span.end.max(paragraph.span.end);
        }
        if let Some(speech) = self.open() {
            speech.parts.extend(parts);
        } else {
            self.doubts.add(&kinds::NO_SPEAKER, paragraph.span, paragraph.whole());
            let text = paragraph.whole().to_owned();
            self.push(paragraph.span, ElementKind::Action { text });
        }
        self.add_notes(paragraph);
    }

    fn add_structure(&mut self, paragraph: &Paragraph, kind: Kind) {
        self.close();
        if paragraph.has_break {
            self.push(paragraph.span, ElementKind::PageBreak);
        }
        let text = paragraph.whole().to_owned();
        let kind = match kind {
            Kind::SceneHeading => ElementKind::SceneHeading {
                text: one_line(&text),
                number: paragraph.number.clone(),
            },
            Kind::Transition => ElementKind::Transition { text: one_line(&text) },
            Kind::Section(level) => ElementKind::Section { level, text: one_line(&text) },
            Kind::Synopsis => ElementKind::Synopsis { text: one_line(&text) },
            Kind::Centered => ElementKind::Centered { text },
            _ if paragraph.is_centered => ElementKind::Centered { text },
            _ => ElementKind::Action { text },
        };
        self.push(paragraph.span, kind);
        let summary = one_line(&paragraph.summary);
        if !summary.is_empty() {
            self.push(paragraph.span, ElementKind::Synopsis { text: summary });
        }
        self.add_notes(paragraph);
    }

    /// Writers' remarks belong to the open speech, else they stand for themselves.
    fn add_notes(&mut self, paragraph: &Paragraph) {
        let notes = paragraph.notes.iter().map(|note| inline::trim(note).to_owned());
        for note in notes.filter(|note| !note.is_empty()) {
            match self.open() {
                Some(speech) => speech.notes.push(note),
                None => self.push(paragraph.span, ElementKind::Note { text: note }),
            }
        }
    }

    fn open(&mut self) -> Option<&mut Speech> {
        match &mut self.speech.as_mut()?.kind {
            ElementKind::Speech(speech) => Some(speech),
            _ => None,
        }
    }

    /// Ends the open speech.
    fn close(&mut self) {
        self.has_more = false;
        let Some(element) = self.speech.take() else { return };
        if let ElementKind::Speech(speech) = &element.kind
            && speech.spoken().text.is_empty()
        {
            self.doubts.add(&kinds::NO_WORDS, speech.cue, &speech.speaker);
        }
        self.elements.push(element);
    }

    fn push(&mut self, span: Span, kind: ElementKind) {
        self.elements.push(Element { span, kind });
    }

    fn finish(mut self, listed_characters: Vec<String>) -> Script {
        self.close();
        for index in dual::pair(&mut self.elements, &self.marks) {
            if let ElementKind::Speech(speech) = &self.elements[index].kind {
                self.doubts.add(&kinds::UNPAIRED, speech.cue, &speech.speaker);
            }
        }
        Script {
            format: Format::Fdx,
            title_page: Vec::new(),
            elements: self.elements,
            doubts: self.doubts.finish(),
            listed_characters,
        }
    }
}

/// `text` with line ends and runs of space as single spaces.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split(inline::is_space).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}
