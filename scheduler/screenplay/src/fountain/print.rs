//! A script as Fountain again.

use super::shapes::{
    forced, is_cue_shaped, is_heading_shaped, is_sentence, is_transition_shaped, split_key,
};
use crate::inline::{escape, mark_up};
use crate::names::parse_cue;
use crate::script::{Dual, Element, ElementKind, Part, Script, Speech, TitleField};

/// Writes a script as Fountain text that reads back as the same script, up to spans.
///
/// Spellings become one: markers appear only where the text would be read as something else
/// without them, a blank line stands between elements, notes of a speech stand under its cue, and
/// extensions are spelled as [`Extension`](crate::Extension) spells them. Fountain has no escape
/// for words that begin with `~` or `(`, nor for `[[` and `]]`: words such as these, which a
/// Fountain text cannot have held but other formats can, are written as they are.
#[must_use]
pub fn print_fountain(script: &Script) -> String {
    let mut printed = String::new();
    for field in &script.title_page {
        printed += &title_field(field);
    }
    for element in &script.elements {
        if !printed.is_empty() {
            printed.push('\n');
        }
        printed += &block(element);
        printed.push('\n');
    }
    printed
}

fn title_field(TitleField { key, value, .. }: &TitleField) -> String {
    if value.contains('\n') {
        format!("{key}:\n    {}\n", escape(value).replace('\n', "\n    "))
    } else if value.is_empty() {
        format!("{key}:\n")
    } else {
        format!("{key}: {}\n", escape(value))
    }
}

fn block(element: &Element) -> String {
    match &element.kind {
        ElementKind::Section { level, text } => {
            format!("{} {}", "#".repeat(usize::from(*level)), escape(text)).trim_end().to_owned()
        }
        ElementKind::Synopsis { text } => format!("= {}", escape(text)).trim_end().to_owned(),
        ElementKind::SceneHeading { text, number } => scene_heading(text, number.as_deref()),
        ElementKind::Action { text } => action(text),
        ElementKind::Speech(spoken) => speech(spoken),
        ElementKind::Lyric { text } => format!("~{}", escape(text)),
        ElementKind::Transition { text } if is_plain_transition(text) => escape(text),
        ElementKind::Transition { text } => format!("> {}", escape(text)).trim_end().to_owned(),
        ElementKind::Centered { text } => format!("> {} <", escape(text)),
        ElementKind::PageBreak => "===".to_owned(),
        ElementKind::Note { text } => format!("[[{text}]]"),
    }
}

fn scene_heading(text: &str, number: Option<&str>) -> String {
    let marker = if is_heading_shaped(text) { "" } else { "." };
    let number = number.map(|number| format!(" #{number}#")).unwrap_or_default();
    format!("{marker}{}{number}", escape(text))
}

fn is_plain_transition(text: &str) -> bool {
    is_transition_shaped(text) && forced(text).is_none() && !is_heading_shaped(text)
}

/// Writes each line of action, with `!` where it would be read as something else.
fn action(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').collect();
    let last = lines.len() - 1;
    let printed = lines.iter().enumerate().map(|(index, line)| match *line {
        "" if (1..last).contains(&index) => String::new(),
        line if is_plain_action(line) => escape(line),
        line => format!("!{}", escape(line)),
    });
    printed.collect::<Vec<_>>().join("\n")
}

/// Whether a line is action wherever it stands.
fn is_plain_action(line: &str) -> bool {
    let visible = line.trim_start();
    visible.starts_with(|char: char| char.is_alphanumeric() || "\"'“‘(*_-–—…".contains(char))
        && !is_heading_shaped(visible)
        && !is_cue_shaped(&escape(visible))
        && !is_cue_shaped(visible)
        && !is_transition_shaped(visible)
        && split_key(visible).is_none()
}

fn speech(speech: &Speech) -> String {
    let mut lines = vec![cue(speech)];
    lines.extend(speech.notes.iter().map(|note| format!("[[{note}]]")));
    if speech.parts.is_empty() {
        // A cue needs something behind it, and this is the one thing that is dropped again.
        lines.push("(MORE)".to_owned());
    }
    lines.extend(speech.parts.iter().map(|part| match part {
        Part::Words { text, emphasis, .. } => mark_up(text, emphasis),
        Part::Sung { text, .. } => format!("~{}", escape(text)),
        Part::Parenthetical { text, .. } => format!("({})", escape(text)),
        Part::EmptyLine => "  ".to_owned(),
    }));
    lines.join("\n")
}

fn cue(speech: &Speech) -> String {
    let name = escape(&speech.speaker);
    let marker = if is_plain_cue(&name) { "" } else { "@" };
    let extensions = speech.extensions.iter().cloned().map(String::from);
    let extensions: Vec<_> = extensions.map(|text| format!(" ({})", escape(&text))).collect();
    let caret = if speech.dual == Some(Dual::Right) { " ^" } else { "" };
    format!("{marker}{name}{}{caret}", extensions.concat())
}

/// Whether a name is a cue without `@`, and no doubt about it.
fn is_plain_cue(name: &str) -> bool {
    is_cue_shaped(name)
        && forced(name).is_none()
        && !name.starts_with('@')
        && !is_heading_shaped(name)
        && !is_transition_shaped(name)
        && !name.ends_with(':')
        && (name.ends_with('.') || !is_sentence(name))
        && parse_cue(name).speaker == crate::inline::plain(name)
}
