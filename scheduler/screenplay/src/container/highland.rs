//! Highland's own marks, taken out of Fountain.

use std::ops::Range;

use crate::{
    cursor::{Cursor, move_spans},
    doubts::{Doubts, Kind},
    fountain, inline,
    read::as_format,
    script::{Format, Script},
};

const INCLUDE: Kind = Kind::error(
    "include_not_read",
    "another file is to be included here, but is not read",
    "submit that file too, or export both as one",
);

const UNKNOWN_COMMAND: Kind = Kind::warning(
    "unknown_command",
    "a command that is not known is taken out",
    "write the words that are to be spoken",
);

const UNCLOSED_COMMAND: Kind = Kind::warning(
    "unclosed_command",
    "`{{` is never closed on its line, so it is read as text",
    "close it with `}}`",
);

/// Commands for the page alone.
const PAGE_COMMANDS: [&str; 7] =
    ["header", "footer", "toc", "title", "page", "watermark", "pagebreak"];

/// Longest key of a term list, in characters; a longer one is a sentence.
const KEY_CHARS: usize = 40;

/// Reads Highland's Fountain: `{{commands}}`, `Key :: Value` lists and the `+` around highlighted
/// words are taken out; the words themselves stay. Spans are places in `text`.
pub(crate) fn parse(text: &str) -> Script {
    let marks = find(text);
    let (bare, kept) = without(text, &marks.removed);
    let mut script = fountain::parse(&bare);
    move_spans(&mut script, text, |at, is_end| moved(&kept, at, is_end));
    let mut cursor = Cursor::new(text);
    let mut doubts = Doubts::default();
    for (kind, range) in marks.doubted {
        let span = cursor.span(range.start, range.end);
        doubts.add(kind, span, &text[range]);
    }
    script.doubts.extend(doubts.finish());
    script.doubts.sort_by_key(|doubt| (doubt.span, doubt.code));
    as_format(script, Format::Highland)
}

/// What is Highland's own in a text.
#[derive(Default)]
struct Marks {
    /// What is taken out, in order, never overlapping.
    removed: Vec<Range<usize>>,
    /// What is doubted, in order.
    doubted: Vec<(&'static Kind, Range<usize>)>,
}

fn find(text: &str) -> Marks {
    let mut marks = Marks::default();
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let body = line.trim_end_matches(['\n', '\r']);
        if is_term(body) {
            marks.removed.push(start..start + body.len());
        } else if body.contains(['{', '+']) {
            marks.find_in(body, start);
        }
        start += line.len();
    }
    marks
}

/// Whether a line is one of a term list, e.g. `Location :: a bakery`.
fn is_term(line: &str) -> bool {
    line.split_once(" :: ").is_some_and(|(key, value)| {
        let key = inline::trim(key);
        key.starts_with(char::is_alphabetic)
            && key.chars().nth(KEY_CHARS).is_none()
            && !inline::trim(value).is_empty()
    })
}

impl Marks {
    /// Finds commands and highlights in the line that starts at byte `start`.
    fn find_in(&mut self, line: &str, start: usize) {
        let (mut at, mut pieces) = (0, Vec::new());
        let first = self.removed.len();
        while let Some(open) = line[at..].find("{{").map(|open| at + open) {
            let Some(close) = line[open..].find("}}").map(|close| open + close + 2) else {
                self.doubted.push((&UNCLOSED_COMMAND, start + open..start + line.len()));
                break;
            };
            self.doubt_command(&line[open..close], start + open);
            pieces.push(at..open);
            self.removed.push(start + open..start + close);
            at = close;
        }
        pieces.push(at..line.len());
        // What is left of a line of commands is a blank line, not one kept by its spaces.
        if at > 0 && pieces.iter().all(|piece| inline::trim(&line[piece.clone()]).is_empty()) {
            self.removed.truncate(first);
            self.removed.push(start..start + line.len());
            return;
        }
        for piece in pieces {
            self.find_highlights(&line[piece.clone()], start + piece.start);
        }
        self.removed[first..].sort_by_key(|range| range.start);
    }

    fn doubt_command(&mut self, command: &str, start: usize) {
        let inside = inline::trim(command.trim_matches(['{', '}']));
        let name = inside.split(':').next().unwrap_or_default().trim_end().to_lowercase();
        let kind = match name.as_str() {
            "include" => &INCLUDE,
            page if page.starts_with('%') || PAGE_COMMANDS.contains(&page) => return,
            _ => &UNKNOWN_COMMAND,
        };
        self.doubted.push((kind, start..start + command.len()));
    }

    /// A highlight starts at a word's start and ends at a word's end, on one line.
    fn find_highlights(&mut self, text: &str, start: usize) {
        let mut open = None;
        for (at, _) in text.match_indices('+') {
            let before = text[..at].chars().next_back();
            let after = text[at + 1..].chars().next();
            let is_word =
                |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '+');
            let is_gap =
                |char: Option<char>| char.is_none_or(|char| inline::is_space(char) || char == '+');
            match open {
                Some(from) if !is_gap(before) && !is_word(after) => {
                    self.removed.push(start + from..start + from + 1);
                    self.removed.push(start + at..start + at + 1);
                    open = None;
                }
                _ if !is_word(before) && !is_gap(after) => open = Some(at),
                _ => {}
            }
        }
    }
}

/// A stretch that stayed: where it starts without the marks, and where in the text.
type Kept = (usize, usize);

fn without(text: &str, removed: &[Range<usize>]) -> (String, Vec<Kept>) {
    let mut bare = String::with_capacity(text.len());
    let mut kept = vec![(0, 0)];
    let mut from = 0;
    for range in removed {
        bare.push_str(&text[from..range.start]);
        kept.push((bare.len(), range.end));
        from = range.end;
    }
    bare.push_str(&text[from..]);
    (bare, kept)
}

/// Where byte `at` of the bare text stands in the text. Where a mark stood between, an end is in
/// front of it and a start behind it.
fn moved(kept: &[Kept], at: usize, is_end: bool) -> usize {
    let next = kept.partition_point(|(bare, _)| if is_end { *bare < at } else { *bare <= at });
    let (bare, whole) = kept[next.saturating_sub(1)];
    whole + (at - bare)
}
