//! Lines and columns of byte offsets that only grow.

use crate::{
    inline::offset,
    script::{ElementKind, Part, Script, Span},
};

/// Walks a text once and says on which line and column an offset stands.
///
/// LF, CR and CRLF end a line; columns count characters; a byte order mark has no width. Asking
/// for growing offsets makes all answers together cost one pass, whatever the lines' lengths.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text: text.as_bytes(), at, line: 1, column: 1 }
    }

    /// Line and column of byte `offset`, both from 1. An offset behind the last one answered
    /// gives the last answer.
    pub(crate) fn place(&mut self, offset: usize) -> (u32, u32) {
        while self.at < offset.min(self.text.len()) {
            self.step();
        }
        (self.line, self.column)
    }

    /// The span of bytes `start..end`.
    pub(crate) fn span(&mut self, start: usize, end: usize) -> Span {
        let (line, column) = self.place(start);
        Span { line, column, start: offset(start), end: offset(end) }
    }

    fn step(&mut self) {
        let byte = self.text[self.at];
        self.at += 1;
        match byte {
            b'\r' if self.text.get(self.at) == Some(&b'\n') => {}
            b'\n' | b'\r' => {
                self.line += 1;
                self.column = 1;
            }
            // Bytes that continue a character have no column of their own.
            0x80..=0xbf => {}
            _ => self.column += 1,
        }
    }
}

/// Moves every span of `script` by `moved`, and finds the lines and columns anew in `text`.
///
/// `moved` maps a byte offset of the text that was parsed to one of `text`, and is told whether it
/// ends a span.
pub(crate) fn move_spans(script: &mut Script, text: &str, moved: impl Fn(usize, bool) -> usize) {
    let mut spans = spans(script);
    spans.sort_by_key(|span| span.start);
    let mut cursor = Cursor::new(text);
    for span in spans {
        let start = moved(span.start as usize, false);
        let end = moved(span.end as usize, true);
        *span = cursor.span(start, end.max(start));
    }
}

/// Every place that `script` names.
fn spans(script: &mut Script) -> Vec<&mut Span> {
    let mut spans: Vec<&mut Span> = Vec::with_capacity(script.elements.len() * 2);
    spans.extend(script.title_page.iter_mut().map(|field| &mut field.span));
    spans.extend(script.doubts.iter_mut().map(|doubt| &mut doubt.span));
    for element in &mut script.elements {
        spans.push(&mut element.span);
        if let ElementKind::Speech(speech) = &mut element.kind {
            spans.push(&mut speech.cue);
            spans.extend(speech.parts.iter_mut().filter_map(|part| match part {
                Part::Words { span, .. }
                | Part::Sung { span, .. }
                | Part::Parenthetical { span, .. } => Some(span),
                Part::EmptyLine => None,
            }));
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_counts_once_and_a_byte_order_mark_not_at_all() {
        let text = "\u{feff}é1\r\n2\r3\n4";
        let mut cursor = Cursor::new(text);
        let places: Vec<_> = text
            .char_indices()
            .filter(|(_, c)| c.is_ascii_digit())
            .map(|(at, _)| cursor.place(at))
            .collect();
        assert_eq!(places, [(1, 2), (2, 1), (3, 1), (4, 1)]);
    }
}
