//! A script as Final Draft XML.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use crate::script::{Dual, Element, ElementKind, Emphasis, Part, Script, Speech};

const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n",
    "<FinalDraft DocumentType=\"Script\" Template=\"No\" Version=\"5\">\n<Content>\n",
);

/// Writes `script` as Final Draft XML.
///
/// Reading it again gives the same speakers, words, directions, extensions, halves of dual speech
/// and scene headings. What Final Draft has no paragraph for is written as what comes nearest;
/// the title page, doubts and listed characters are left out, and so are characters that XML
/// cannot hold.
#[must_use]
pub fn print_fdx(script: &Script) -> String {
    let mut printer = Printer { xml: HEAD.to_owned(), has_break: false, is_after_speech: false };
    let mut elements = script.elements.as_slice();
    while let [element, rest @ ..] = elements {
        if let Some((left, between, right)) = other_half(element, rest) {
            rest[..between].iter().for_each(|element| printer.element(element));
            printer.dual(left, right);
            elements = &rest[between + 1..];
        } else {
            printer.element(element);
            elements = rest;
        }
    }
    printer.xml.push_str("</Content>\n</FinalDraft>\n");
    printer.xml
}

/// A left half, how many elements stand between it and the right half, and that.
fn other_half<'s>(
    left: &'s Element,
    rest: &'s [Element],
) -> Option<(&'s Speech, usize, &'s Speech)> {
    let left = speech_of(left).filter(|speech| speech.dual == Some(Dual::Left))?;
    let between = rest.iter().position(|element| speech_of(element).is_some())?;
    let right = speech_of(&rest[between]).filter(|speech| speech.dual == Some(Dual::Right))?;
    Some((left, between, right))
}

fn speech_of(element: &Element) -> Option<&Speech> {
    match &element.kind {
        ElementKind::Speech(speech) => Some(speech),
        _ => None,
    }
}

struct Printer {
    xml: String,
    /// Whether the next paragraph starts a page.
    has_break: bool,
    /// Whether a song that follows would be taken for part of a speech.
    is_after_speech: bool,
}

impl Printer {
    fn element(&mut self, element: &Element) {
        let was_after_speech = self.is_after_speech;
        self.is_after_speech = matches!(element.kind, ElementKind::Speech(_))
            || (was_after_speech
                && matches!(element.kind, ElementKind::PageBreak | ElementKind::Note { .. }));
        match &element.kind {
            ElementKind::Section { level, text } => {
                self.paragraph(&format!("Type=\"Outline {}\"", level.clamp(&1, &4)), text);
            }
            ElementKind::Synopsis { text } => self.paragraph("Type=\"Outline Body\"", text),
            ElementKind::SceneHeading { text, number } => {
                let number =
                    number.as_deref().map(|number| format!(" Number=\"{}\"", clean(number)));
                self.paragraph(
                    &format!("Type=\"Scene Heading\"{}", number.unwrap_or_default()),
                    text,
                );
            }
            ElementKind::Action { text } => self.paragraph("Type=\"Action\"", text),
            ElementKind::Speech(speech) => self.speech(speech),
            ElementKind::Lyric { text } if was_after_speech => {
                self.paragraph("Type=\"General\"", text);
            }
            ElementKind::Lyric { text } => self.paragraph("Type=\"Lyrics\"", text),
            ElementKind::Transition { text } => self.paragraph("Type=\"Transition\"", text),
            ElementKind::Centered { text } => {
                self.paragraph("Type=\"Action\" Alignment=\"Center\"", text);
            }
            ElementKind::PageBreak => self.has_break = true,
            ElementKind::Note { text } => {
                self.open("Type=\"Action\"");
                self.note(text);
                self.xml.push_str("</Paragraph>\n");
            }
        }
    }

    fn dual(&mut self, left: &Speech, right: &Speech) {
        self.open("Type=\"General\"");
        self.xml.push_str("<DualDialogue>\n");
        self.speech(left);
        self.speech(right);
        self.xml.push_str("</DualDialogue></Paragraph>\n");
        self.is_after_speech = true;
    }

    fn speech(&mut self, speech: &Speech) {
        let mut cue = speech.speaker.clone();
        for extension in &speech.extensions {
            cue.push_str(" (");
            cue.push_str(&String::from(extension.clone()));
            cue.push(')');
        }
        self.open("Type=\"Character\"");
        speech.notes.iter().for_each(|note| self.note(note));
        self.run(&cue, "");
        self.xml.push_str("</Paragraph>\n");
        for part in &speech.parts {
            match part {
                Part::Words { text, emphasis, .. } => {
                    self.open("Type=\"Dialogue\"");
                    self.runs(text, emphasis);
                    self.xml.push_str("</Paragraph>\n");
                }
                Part::Sung { text, .. } => self.paragraph("Type=\"Singing\"", text),
                Part::Parenthetical { text, .. } => {
                    self.paragraph("Type=\"Parenthetical\"", &format!("({text})"));
                }
                Part::EmptyLine => self.paragraph("Type=\"Dialogue\"", ""),
            }
        }
    }

    fn paragraph(&mut self, attributes: &str, text: &str) {
        self.open(attributes);
        self.run(text, "");
        self.xml.push_str("</Paragraph>\n");
    }

    fn open(&mut self, attributes: &str) {
        let page = if self.has_break { " StartsNewPage=\"Yes\"" } else { "" };
        self.has_break = false;
        write(&mut self.xml, format_args!("<Paragraph {attributes}{page}>"));
    }

    fn note(&mut self, text: &str) {
        self.xml.push_str("<ScriptNote><Paragraph>");
        self.run(text, "");
        self.xml.push_str("</Paragraph></ScriptNote>");
    }

    /// A line as runs, one for each stretch of one look.
    fn runs(&mut self, text: &str, emphasis: &[Emphasis]) {
        let mut from = 0;
        for stretch in emphasis {
            let (start, end) = (stretch.start as usize, stretch.end as usize);
            if let (Some(before), Some(inside)) = (text.get(from..start), text.get(start..end)) {
                self.run(before, "");
                self.run(inside, &style(*stretch));
                from = end;
            }
        }
        self.run(&text[from..], "");
    }

    fn run(&mut self, text: &str, attributes: &str) {
        if !text.is_empty() {
            write(&mut self.xml, format_args!("<Text{attributes}>{}</Text>", clean(text)));
        }
    }
}

fn write(xml: &mut String, text: std::fmt::Arguments<'_>) {
    xml.write_fmt(text).expect("writing to a string cannot fail");
}

fn style(emphasis: Emphasis) -> String {
    let words = [
        (emphasis.is_bold, "Bold"),
        (emphasis.is_italic, "Italic"),
        (emphasis.is_underlined, "Underline"),
    ];
    let words: Vec<_> = words.iter().filter(|word| word.0).map(|word| word.1).collect();
    if words.is_empty() { String::new() } else { format!(" Style=\"{}\"", words.join("+")) }
}

/// `text` with XML's own characters written as entities, and without those XML cannot hold.
fn clean(text: &str) -> String {
    let is_allowed = |char: char| match char {
        '\t' | '\n' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => char >= ' ',
    };
    if text.chars().all(is_allowed) {
        return escape(text).into_owned();
    }
    escape(text.chars().filter(|char| is_allowed(*char)).collect::<String>()).into_owned()
}
