//! From byte offsets to the lines and columns a person sees.

use crate::inline::offset;
use crate::script::Span;

/// The byte order mark some editors put in front.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Bytes between two counts of characters: a column costs counting at most this many bytes.
const BLOCK_BYTES: usize = 256;

/// Where the lines of a text begin, and how many characters stand before each block of it.
pub(super) struct Places<'t> {
    bytes: &'t [u8],
    /// Byte offsets, ascending; the first is behind the byte order mark.
    line_starts: Vec<u32>,
    /// Characters before every `BLOCK_BYTES`-th byte.
    chars_before: Vec<u32>,
}

impl<'t> Places<'t> {
    /// Measures `text`; CRLF, CR and LF all end a line.
    pub(super) fn of(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let first = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let mut line_starts = vec![offset(first)];
        let ends_line = |at: usize| match bytes[at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        line_starts.extend((0..bytes.len()).filter(|&at| ends_line(at)).map(|at| offset(at + 1)));
        let counts = bytes.chunks(BLOCK_BYTES).scan(0, |before, block| {
            let here = *before;
            *before += count_chars(block);
            Some(here)
        });
        Self { bytes, line_starts, chars_before: counts.collect() }
    }

    /// The span between two byte offsets of the text.
    pub(super) fn span(&self, start: u32, end: u32) -> Span {
        let line = self.line_starts.partition_point(|&at| at <= start).max(1);
        let line_start = self.line_starts[line - 1];
        let column = self.chars_before(start).saturating_sub(self.chars_before(line_start)) + 1;
        Span { line: offset(line), column, start, end: end.max(start) }
    }

    fn chars_before(&self, at: u32) -> u32 {
        let at = at as usize;
        let block = at / BLOCK_BYTES;
        let Some(&before) = self.chars_before.get(block) else {
            // Only the end of a text that fills its last block lies behind every block.
            return block.checked_sub(1).map_or(0, |last| {
                self.chars_before[last] + count_chars(&self.bytes[last * BLOCK_BYTES..])
            });
        };
        before + count_chars(&self.bytes[block * BLOCK_BYTES..at])
    }
}

/// Counts the characters that begin in `bytes`.
fn count_chars(bytes: &[u8]) -> u32 {
    offset(bytes.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_counts_once() {
        let places = Places::of("a\r\nb\rc\nd");
        let at = |start| {
            let span = places.span(start, start + 1);
            (span.line, span.column)
        };
        assert_eq!([at(0), at(3), at(5), at(7)], [(1, 1), (2, 1), (3, 1), (4, 1)]);
    }

    #[test]
    fn columns_count_characters_and_not_the_byte_order_mark() {
        let places = Places::of("\u{feff}é鈴x");
        assert_eq!(places.span(3, 5).column, 1);
        assert_eq!(places.span(8, 9).column, 3);
    }

    #[test]
    fn columns_far_into_a_line_are_counted_right() {
        let text = "é".repeat(1_024);
        let places = Places::of(&text);
        for at in [0, 127, 128, 500, 1_023, 1_024] {
            assert_eq!(places.span(at * 2, at * 2).column, at + 1);
        }
    }
}
