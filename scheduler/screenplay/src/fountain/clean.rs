//! The text without boneyards and notes, and the way back to where every character stood.

use std::borrow::Cow;

use super::kinds::{UNCLOSED_BONEYARD, UNCLOSED_NOTE};
use super::lines::{is_blank, is_spaced, line_end_bytes};
use super::places::{BYTE_ORDER_MARK, Places};
use crate::doubts::Doubts;
use crate::inline::{offset, trim};
use crate::script::Span;

/// A text from which stretches were removed.
pub(super) struct Removed<'t> {
    /// What is left.
    pub(super) text: Cow<'t, str>,
    /// Where each stretch that is left begins: (offset in `text`, offset in the source); ascending.
    pieces: Vec<(u32, u32)>,
    /// Offsets in `text` at which something was removed, ascending.
    pub(super) cuts: Vec<u32>,
}

/// A note and where it was.
pub(super) struct Note {
    /// Between the brackets, lines joined by `\n`, without space at either end.
    pub(super) text: String,
    /// Offset in the cleaned text at which it was removed.
    pub(super) at: u32,
    /// In the source, brackets included.
    pub(super) span: Span,
}

/// The text by which lines are read.
pub(super) struct Clean<'t> {
    /// Without byte order mark, boneyards and notes.
    pub(super) removed: Removed<'t>,
    /// In order.
    pub(super) notes: Vec<Note>,
}

impl<'t> Clean<'t> {
    /// Removes boneyards first and then notes, so that a note may hold a boneyard.
    pub(super) fn of(source: &'t str, places: &Places<'_>, doubts: &mut Doubts) -> Self {
        let text = source.strip_prefix(BYTE_ORDER_MARK).unwrap_or(source);
        let whole = Removed {
            text: Cow::Borrowed(text),
            pieces: vec![(0, offset(source.len() - text.len()))],
            cuts: Vec::new(),
        };
        let (boneyards, unclosed) = find_boneyards(&whole.text);
        if let Some(at) = unclosed {
            doubts.add(&UNCLOSED_BONEYARD, whole.span(places, at, at + 2), first_line(&text[at..]));
        }
        let (boned, _) = whole.without(&boneyards);
        let (stretches, unclosed) = find_notes(&boned.text);
        for at in unclosed {
            let about = first_line(&boned.text[at..]);
            doubts.add(&UNCLOSED_NOTE, boned.span(places, at, at + 2), about);
        }
        let mut notes: Vec<_> = stretches
            .iter()
            .map(|&(start, end)| Note {
                text: note_text(&boned.text[start + 2..end - 2]),
                at: 0,
                span: boned.span(places, start, end),
            })
            .collect();
        let (removed, positions) = boned.without(&stretches);
        for (note, at) in notes.iter_mut().zip(positions) {
            note.at = at;
        }
        Self { removed, notes }
    }
}

impl Removed<'_> {
    /// Removes more: stretches in order that do not overlap. Of two spaces that come to stand side
    /// by side one goes too. Says also at which offset of the new text each stretch was.
    fn without(self, stretches: &[(usize, usize)]) -> (Self, Vec<u32>) {
        if stretches.is_empty() {
            return (self, Vec::new());
        }
        let mut left = Removed {
            text: Cow::Owned(String::with_capacity(self.text.len())),
            pieces: Vec::new(),
            cuts: Vec::with_capacity(self.cuts.len() + stretches.len()),
        };
        let mut copy = Copier { whole: &self, next_piece: 0, next_cut: 0 };
        let mut positions = Vec::with_capacity(stretches.len());
        let mut from = 0;
        for &(start, end) in stretches {
            copy.append(&mut left, from, start.max(from));
            positions.push(offset(left.text.len()));
            left.cuts.push(offset(left.text.len()));
            let is_after_space =
                left.text.is_empty() || left.text.ends_with([' ', '\t', '\n', '\r']);
            from = if is_after_space && self.text[end..].starts_with(' ') { end + 1 } else { end };
        }
        copy.append(&mut left, from, self.text.len());
        (left, positions)
    }

    /// Where in the source the byte at `at` stood.
    pub(super) fn source(&self, at: u32) -> u32 {
        let behind = self.pieces.partition_point(|&(start, _)| start <= at);
        match behind.checked_sub(1).and_then(|piece| self.pieces.get(piece)) {
            Some(&(start, source)) => source + (at - start),
            None => 0,
        }
    }

    /// The place in the source of a stretch of the text, from its first to its last character.
    pub(super) fn span(&self, places: &Places<'_>, start: usize, end: usize) -> Span {
        let first = self.source(offset(start));
        let behind = if end > start { self.source(offset(end - 1)) + 1 } else { first };
        places.span(first, behind)
    }
}

/// Copies what is left of a text, in order.
struct Copier<'a, 't> {
    whole: &'a Removed<'t>,
    next_piece: usize,
    next_cut: usize,
}

impl Copier<'_, '_> {
    /// Copies one stretch, with the pieces it consists of and the cuts up to its end.
    fn append(&mut self, left: &mut Removed<'_>, from: usize, to: usize) {
        let at = left.text.len();
        while let Some(&cut) = self.whole.cuts.get(self.next_cut)
            && cut as usize <= to
        {
            left.cuts.push(offset(at + (cut as usize).saturating_sub(from)));
            self.next_cut += 1;
        }
        if from >= to {
            return;
        }
        left.pieces.push((offset(at), self.whole.source(offset(from))));
        while let Some(&(piece, source)) = self.whole.pieces.get(self.next_piece)
            && (piece as usize) < to
        {
            if piece as usize > from {
                left.pieces.push((offset(at + piece as usize - from), source));
            }
            self.next_piece += 1;
        }
        left.text.to_mut().push_str(&self.whole.text[from..to]);
    }
}

/// Where boneyards begin and end, and where one begins that never ends.
fn find_boneyards(text: &str) -> (Vec<(usize, usize)>, Option<usize>) {
    let mut boneyards = Vec::new();
    let mut from = 0;
    while let Some(open) = find(text, "/*", from) {
        let Some(close) = find(text, "*/", open + 2) else { return (boneyards, Some(open)) };
        from = close + 2;
        boneyards.push((open, from));
    }
    (boneyards, None)
}

/// Where notes begin and end, and where the first of each run of unclosed ones begins.
///
/// A blank line breaks a note, so a note is closed when the next `]]` comes before the next such
/// line. Both only move forward: each byte is looked at once, however many notes are open.
fn find_notes(text: &str) -> (Vec<(usize, usize)>, Vec<usize>) {
    let (mut notes, mut unclosed) = (Vec::new(), Vec::new());
    let mut breaks = Breaks { text, from: 0, next: None };
    let (mut from, mut close) = (0, Some(0));
    while let Some(open) = find(text, "[[", from) {
        close = match close {
            Some(at) if at < open + 2 => find(text, "]]", open + 2),
            known => known,
        };
        let Some(end) = close else {
            unclosed.push(open);
            break;
        };
        let broken = breaks.after(open);
        if end < broken {
            let extra = text[end + 2..].bytes().take_while(|&byte| byte == b']').count();
            from = end + 2 + extra;
            notes.push((open, from));
        } else {
            unclosed.push(open);
            from = broken;
        }
    }
    (notes, unclosed)
}

fn find(text: &str, what: &str, from: usize) -> Option<usize> {
    text.get(from..)?.find(what).map(|at| from + at)
}

/// The blank lines of a text that break a note, in order.
struct Breaks<'t> {
    text: &'t str,
    /// Where the line begins that is looked at next.
    from: usize,
    /// Where the last line that was found begins.
    next: Option<usize>,
}

impl Breaks<'_> {
    /// Where the first breaking line behind `at` begins; the end of the text when there is none.
    fn after(&mut self, at: usize) -> usize {
        while self.next.is_none_or(|next| next <= at) {
            let rest = &self.text[self.from..];
            if rest.is_empty() {
                return self.text.len();
            }
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            let is_breaking = is_blank(&rest[..length]) && !is_spaced(&rest[..length]);
            // The line that `at` itself is on has begun before it.
            if is_breaking {
                self.next = Some(self.from);
            }
            self.from += length + line_end_bytes(&rest[length..]);
        }
        self.next.unwrap_or(self.text.len())
    }
}

/// The text of a note: line ends as `\n`, no space at either end.
fn note_text(inside: &str) -> String {
    trim(inside).replace("\r\n", "\n").replace('\r', "\n")
}

/// The text up to its first line end.
pub(super) fn first_line(text: &str) -> &str {
    &text[..text.find(['\n', '\r']).unwrap_or(text.len())]
}
