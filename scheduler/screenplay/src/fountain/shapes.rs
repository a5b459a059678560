//! What a single line looks like, whatever stands around it.

use crate::inline::{plain, trim};

/// What a line is by its first characters alone: an element that needs no blank lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forced<'t> {
    PageBreak,
    Section { level: u8, text: &'t str },
    Synopsis(&'t str),
    Action,
    SceneHeading(&'t str),
    Lyric(&'t str),
    Centered(&'t str),
    Transition(&'t str),
}

/// Reads the markers of a trimmed line. `@` is not among them: a cue needs what follows it.
pub(super) fn forced(line: &str) -> Option<Forced<'_>> {
    let rest = line.get(1..)?;
    match line.as_bytes()[0] {
        b'=' if line.len() >= 3 && line.bytes().all(|byte| byte == b'=') => Some(Forced::PageBreak),
        b'=' if !rest.starts_with('=') => Some(Forced::Synopsis(trim(rest))),
        b'#' => section(line),
        b'!' => Some(Forced::Action),
        b'.' if rest.starts_with(char::is_alphanumeric) => Some(Forced::SceneHeading(rest)),
        b'~' => Some(Forced::Lyric(trim(rest))),
        b'>' => Some(match rest.strip_suffix('<') {
            Some(inside) => Forced::Centered(trim(inside)),
            None => Forced::Transition(trim(rest)),
        }),
        _ => None,
    }
}

fn section(line: &str) -> Option<Forced<'_>> {
    let text = line.trim_start_matches('#');
    let level = u8::try_from(line.len() - text.len()).ok().filter(|level| *level <= 6)?;
    Some(Forced::Section { level, text: trim(text) })
}

/// Whether a line that is forced to be something else ends the speech it stands in.
///
/// Words may begin like a marker: a `#1 fan` and a `.45` are spoken.
pub(super) fn ends_speech(line: &str) -> bool {
    match forced(line) {
        Some(Forced::Section { text, .. }) => {
            let marker = line.trim_start_matches('#');
            text.is_empty() || marker.starts_with(char::is_whitespace)
        }
        Some(Forced::SceneHeading(text)) => text.starts_with(char::is_alphabetic),
        Some(
            Forced::PageBreak
            | Forced::Synopsis(_)
            | Forced::Action
            | Forced::Centered(_)
            | Forced::Transition(_),
        ) => true,
        Some(Forced::Lyric(_)) | None => false,
    }
}

/// What a scene heading starts with, before a `.` or a space.
const HEADING_STARTS: [&str; 8] =
    ["INT./EXT", "EXT./INT", "INT/EXT", "EXT/INT", "INT", "EXT", "EST", "I/E"];

/// Whether a trimmed line starts as scene headings do; emphasis in front is no matter.
pub(super) fn is_heading_shaped(line: &str) -> bool {
    let line = line.trim_start_matches(['*', '_']);
    HEADING_STARTS.iter().any(|start| {
        line.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
            && line[start.len()..].starts_with(['.', ' ', '\t'])
    })
}

/// Whether a heading-shaped line could hardly be anything else: capitals, or `INT.`.
pub(super) fn is_surely_heading(line: &str) -> bool {
    let bare = line.trim_start_matches(['*', '_']);
    let word = bare.split([' ', '\t']).next().unwrap_or_default();
    is_heading_shaped(line) && (word.contains('.') || !line.contains(char::is_lowercase))
}

/// Takes a heading apart into its text and its number.
pub(super) fn split_heading(line: &str) -> (String, Option<String>) {
    let text = plain(line);
    let split = || {
        let (rest, number) = text.strip_suffix('#')?.rsplit_once('#')?;
        let is_number = !number.is_empty()
            && number.chars().all(|char| char.is_alphanumeric() || matches!(char, '-' | '.'));
        is_number.then(|| (trim(rest).to_owned(), Some(number.to_owned())))
    };
    split().unwrap_or((text.clone(), None))
}

/// Whether a trimmed line is in capitals and ends as transitions do.
pub(super) fn is_transition_shaped(line: &str) -> bool {
    line.ends_with("TO:") && !line.starts_with('@') && !line.contains(char::is_lowercase)
}

/// Whether a trimmed line could be a cue without `@`: a name in capitals, at most followed by
/// brackets, in which any case goes, and `^`.
pub(super) fn is_cue_shaped(line: &str) -> bool {
    let name = &line[..line.find('(').unwrap_or(line.len())];
    if name.contains(char::is_lowercase) || !name.contains(char::is_uppercase) {
        return false;
    }
    is_brackets(&line[name.len()..]) && !(is_emphasised(line) && is_sentence(&plain(line)))
}

/// Whether nothing but brackets, `^` and markup is there. The last bracket may be left open.
fn is_brackets(tail: &str) -> bool {
    let mut depth = 0_usize;
    tail.chars().all(|char| {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth > 0 || char.is_whitespace() || matches!(char, '^' | '*' | '_'),
        }
        true
    })
}

/// Whether a whole line is emphasised, as directions such as `**END OF SCENE.**` are.
fn is_emphasised(line: &str) -> bool {
    line.starts_with(['*', '_']) && line.ends_with(['*', '_'])
}

/// Whether a text in capitals reads as a sentence or a stage term rather than as a name.
pub(super) fn is_sentence(text: &str) -> bool {
    text.ends_with(['.', '!', '?', ':', ',', ';', '…', '-', '–', '—', '"', '”'])
        || has_stage_word(text)
        || words(text).count() > 3
        || text.chars().nth(MOST_NAME_CHARS).is_some()
}

/// Most characters of what is still taken for a name without knowing it.
const MOST_NAME_CHARS: usize = 30;

/// Words in capitals that scripts are full of and names are not.
const STAGE_WORDS: [&str; 69] = [
    "A",
    "ACT",
    "AN",
    "ANGLE",
    "AND",
    "AT",
    "BACK",
    "BEGIN",
    "BLACK",
    "BLACKNESS",
    "BLACKOUT",
    "CAPTION",
    "CARD",
    "CHYRON",
    "CLOSE",
    "COLD",
    "CONTINUED",
    "CONTINUOUS",
    "CREDITS",
    "CUT",
    "DARKNESS",
    "DATE",
    "DAY",
    "DISSOLVE",
    "DREAM",
    "END",
    "ENDS",
    "EPILOGUE",
    "EPISODE",
    "FADE",
    "FIN",
    "FLASHBACK",
    "IN",
    "INSERT",
    "INTERCUT",
    "INTO",
    "IS",
    "LATER",
    "MATCH",
    "MONTAGE",
    "MORNING",
    "MUSIC",
    "NIGHT",
    "NOTE",
    "OF",
    "ON",
    "OPEN",
    "OUT",
    "OVER",
    "POV",
    "PROLOGUE",
    "RESUME",
    "SCENE",
    "SCREEN",
    "SERIES",
    "SFX",
    "SHOT",
    "SILENCE",
    "SMASH",
    "SOUND",
    "SUPER",
    "SUPERIMPOSE",
    "TAG",
    "TEASER",
    "THE",
    "TITLE",
    "TITLES",
    "TO",
    "WIDE",
];

/// Whether any word is a stage term.
pub(super) fn has_stage_word(text: &str) -> bool {
    words(text).any(|word| STAGE_WORDS.contains(&word))
}

/// The words of a text, without the marks around them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|char: char| !char.is_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// The key of a `Key:` or `Key: value` line, and what follows the colon.
pub(super) fn split_key(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key_char = |char: char| char.is_alphanumeric() || " -_/'’()".contains(char);
    let is_key = key.starts_with(char::is_alphabetic)
        && key.len() <= MOST_KEY_BYTES
        && key.chars().all(is_key_char);
    is_key.then_some((key, value))
}

/// Longest key of a title page.
const MOST_KEY_BYTES: usize = 60;
