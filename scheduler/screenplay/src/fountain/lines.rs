//! The lines of a cleaned text, and which of them are blank.

use super::clean::{Note, Removed};
use crate::inline::{is_space, offset};

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or white space.
    Blank,
    /// White space with two spaces or more: inside a speech an empty line that is meant.
    Spaced,
    /// Nothing any more: all it held was a boneyard or a note. Neither blank nor text, so that
    /// taking something out never splits what it stood in.
    Hollow,
    /// Something.
    Text,
}

/// One line of a cleaned text, without its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Byte offset of its first character in the cleaned text.
    pub(super) start: u32,
    /// Byte offset behind its last character.
    pub(super) end: u32,
    /// What it holds.
    pub(super) content: Content,
    /// Whether a note was taken out of it.
    pub(super) had_note: bool,
}

/// Whether a line holds nothing that can be seen.
pub(super) fn is_blank(line: &str) -> bool {
    line.chars().all(is_space)
}

/// Whether a blank line holds the two spaces that make it one that is meant.
pub(super) fn is_spaced(line: &str) -> bool {
    line.bytes().filter(|&byte| byte == b' ').count() >= 2
}

/// How many bytes the line end is that `text` starts with; 0 for none.
pub(super) fn line_end_bytes(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { usize::from(text.starts_with(['\n', '\r'])) }
}

/// Cuts a cleaned text into lines.
pub(super) fn lines(removed: &Removed<'_>, notes: &[Note]) -> Vec<Line> {
    let text = &*removed.text;
    let mut lines = Vec::new();
    let (mut cuts, mut notes) = (removed.cuts.iter().copied(), notes.iter().map(|note| note.at));
    let (mut next_cut, mut next_note) = (cuts.next(), notes.next());
    let mut from = 0;
    while from < text.len() || next_cut.is_some() {
        let length = text[from..].find(['\n', '\r']).unwrap_or(text.len() - from);
        let (start, end) = (offset(from), offset(from + length));
        let was_cut = passes(&mut next_cut, &mut cuts, end);
        let had_note = passes(&mut next_note, &mut notes, end);
        let line = &text[from..from + length];
        let content = match (is_blank(line), was_cut) {
            (false, _) => Content::Text,
            (true, true) => Content::Hollow,
            (true, false) if is_spaced(line) => Content::Spaced,
            (true, false) => Content::Blank,
        };
        lines.push(Line { start, end, content, had_note });
        from += length + line_end_bytes(&text[from + length..]);
    }
    lines
}

/// Whether the next position lies before `end` or at it; steps behind all that do.
fn passes(next: &mut Option<u32>, positions: &mut impl Iterator<Item = u32>, end: u32) -> bool {
    let mut is_any = false;
    while next.is_some_and(|at| at <= end) {
        is_any = true;
        *next = positions.next();
    }
    is_any
}
