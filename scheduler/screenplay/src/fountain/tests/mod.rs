//! The rules, one test each; what other readers get wrong; and what holds for every text.

mod doubts;
mod mistakes;
mod properties;
mod rules;

use crate::script::{Dual, ElementKind, Part, Script, Speech};

/// The title page and elements of `text`, one line each.
fn dump(text: &str) -> String {
    show(&super::parse(text))
}

fn show(script: &Script) -> String {
    let fields = script.title_page.iter().map(|field| format!("{}={:?}", field.key, field.value));
    let elements = script.elements.iter().map(|element| show_element(&element.kind));
    fields.chain(elements).collect::<Vec<_>>().join("\n")
}

fn show_element(kind: &ElementKind) -> String {
    match kind {
        ElementKind::Section { level, text } => format!("section {level} {text:?}"),
        ElementKind::Synopsis { text } => format!("synopsis {text:?}"),
        ElementKind::SceneHeading { text, number: None } => format!("heading {text:?}"),
        ElementKind::SceneHeading { text, number: Some(number) } => {
            format!("heading {text:?} #{number}")
        }
        ElementKind::Action { text } => format!("action {text:?}"),
        ElementKind::Speech(speech) => show_speech(speech),
        ElementKind::Lyric { text } => format!("lyric {text:?}"),
        ElementKind::Transition { text } => format!("transition {text:?}"),
        ElementKind::Centered { text } => format!("centered {text:?}"),
        ElementKind::PageBreak => "page break".to_owned(),
        ElementKind::Note { text } => format!("note {text:?}"),
    }
}

fn show_speech(speech: &Speech) -> String {
    let extensions = speech.extensions.iter().cloned().map(String::from);
    let extensions: String =
        extensions.flat_map(|text| [" (".to_owned(), text, ")".to_owned()]).collect();
    let dual = match speech.dual {
        Some(Dual::Left) => " left",
        Some(Dual::Right) => " right",
        None => "",
    };
    let notes: String = speech.notes.iter().flat_map(|note| [" [[", note, "]]"]).collect();
    let parts = speech.parts.iter().map(|part| match part {
        Part::Words { text, .. } => format!("{text:?}"),
        Part::Sung { text, .. } => format!("~{text:?}"),
        Part::Parenthetical { text, .. } => format!("({text})"),
        Part::EmptyLine => "/".to_owned(),
    });
    let parts = parts.collect::<Vec<_>>().join(" ");
    format!("{}{extensions}{dual}{notes}: {parts}", speech.speaker)
}

/// Where and what each doubt about `text` is.
fn doubts(text: &str) -> Vec<String> {
    let doubts = super::parse(text).doubts;
    doubts
        .iter()
        .map(|doubt| format!("{}:{} {}", doubt.span.line, doubt.span.column, doubt.code))
        .collect()
}
