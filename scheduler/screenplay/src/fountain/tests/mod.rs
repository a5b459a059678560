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
    let mut shown = speech.speaker.clone();
    for extension in &speech.extensions {
        shown += &format!(" ({})", String::from(extension.clone()));
    }
    shown += match speech.dual {
        Some(Dual::Left) => " left",
        Some(Dual::Right) => " right",
        None => "",
    };
    for note in &speech.notes {
        shown += &format!(" [[{note}]]");
    }
    shown += ":";
    for part in &speech.parts {
        shown += &match part {
            Part::Words { text, .. } => format!(" {text:?}"),
            Part::Sung { text, .. } => format!(" ~{text:?}"),
            Part::Parenthetical { text, .. } => format!(" ({text})"),
            Part::EmptyLine => " /".to_owned(),
        };
    }
    shown
}

/// Where and what each doubt about `text` is.
fn doubts(text: &str) -> Vec<String> {
    let doubts = super::parse(text).doubts;
    doubts
        .iter()
        .map(|doubt| format!("{}:{} {}", doubt.span.line, doubt.span.column, doubt.code))
        .collect()
}
