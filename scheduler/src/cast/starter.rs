//! A first cast for a script, to be edited.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::names::{is_group, most_alike};
use crate::plan::{Line, NARRATION, Place};

/// Beyond this many characters no aliases are guessed: comparing all with all would take minutes.
const GUESSES: usize = 1_000;

/// One character of the script.
struct Entry<'a> {
    name: &'a str,
    key: &'a str,
    lines: u64,
    words: usize,
    first: Place,
    is_group: bool,
    extensions: BTreeSet<String>,
}

/// Writes a cast file for a script: every character, none with a voice yet, most lines first.
///
/// Comments say how much each has to say and where it first speaks. Names that may be one
/// character's are pointed out but kept apart; cues that call several at once are skipped until
/// somebody gives them a voice. The file reads back and casts the script as it stands.
///
/// # Panics
/// Never: writing to a `String` cannot fail.
#[must_use]
pub fn starter_cast(lines: &[Line], title: &str, language: &str) -> String {
    let entries = entries(lines);
    let mut text = format!(
        "# Every character has a scratch voice of its own until you give it one:\n\
         #   [voices.NAME] with scratch, preset, clone or design, and voice = \"NAME\" below.\n\
         title = {}\nlanguage = {}\n",
        quoted(title),
        quoted(language),
    );
    for entry in &entries {
        write_entry(&mut text, entry, &entries).expect("writing to a String cannot fail");
    }
    text
}

fn entries(lines: &[Line]) -> Vec<Entry<'_>> {
    let mut by_key: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.speaker_key != NARRATION) {
        let entry = by_key.entry(&line.speaker_key).or_insert_with(|| Entry {
            name: &line.character,
            key: &line.speaker_key,
            lines: 0,
            words: 0,
            first: line.place,
            is_group: false,
            extensions: BTreeSet::new(),
        });
        entry.lines += 1;
        entry.words += line.text.split_whitespace().count();
        entry.is_group |= is_group(line);
        entry.extensions.extend(line.extensions.iter().cloned().map(String::from));
    }
    let mut entries: Vec<_> = by_key.into_values().collect();
    entries.sort_by_key(|entry| (std::cmp::Reverse(entry.lines), entry.first));
    entries
}

fn write_entry(text: &mut String, entry: &Entry<'_>, all: &[Entry<'_>]) -> std::fmt::Result {
    let Entry { name, lines, words, first, .. } = entry;
    writeln!(text, "\n# Lines: {lines}. Words: {words}. First at {first}.")?;
    if !entry.extensions.is_empty() {
        let extensions: Vec<_> = entry.extensions.iter().map(|e| one_line(e)).collect();
        writeln!(text, "# Heard as: {}.", extensions.join(", "))?;
    }
    if let Some(other) = alias_of(entry, all) {
        let other = one_line(other);
        writeln!(
            text,
            "# Perhaps {other}: then delete this table and add the name to its aliases."
        )?;
    }
    if entry.is_group {
        text.push_str("# Calls several at once: give it one voice and delete `skip`.\n");
    }
    writeln!(text, "[characters.{}]", quoted(name))?;
    if entry.is_group { writeln!(text, "skip = true") } else { Ok(()) }
}

/// Who of those with more lines it may be.
fn alias_of<'a>(entry: &Entry<'_>, all: &[Entry<'a>]) -> Option<&'a str> {
    if all.len() > GUESSES || entry.is_group {
        return None;
    }
    let bigger = all.iter().take_while(|other| other.key != entry.key);
    let single = bigger.filter(|other| !other.is_group);
    let alike = most_alike(entry.key, single.map(|other| other.key))?;
    all.iter().find(|other| other.key == alike).map(|other| other.name)
}

/// A TOML basic string, on one line whatever is in it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                quoted.push_str("\\u00");
                // Controls end at U+009F: two digits.
                quoted.push_str(&schemas::hex(&[u8::try_from(u32::from(c)).unwrap_or(b' ')]));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Fit for a comment, which must not end early.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
