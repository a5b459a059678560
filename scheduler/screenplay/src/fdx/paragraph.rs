//! A paragraph as the file has it: runs of text joined, what is not to be read taken out.

use crate::{
    inline::{self, offset},
    script::{Emphasis, Span},
};

/// A paragraph of the script.
#[derive(Debug)]
pub(super) struct Paragraph {
    /// From `<Paragraph` to behind `</Paragraph>`.
    pub(super) span: Span,
    /// Its type as written; `Action` where none is.
    pub(super) type_name: String,
    /// Its runs joined without spaces: revision marks split words. Struck and hidden text is out.
    pub(super) text: String,
    /// Emphasised stretches of `text`.
    pub(super) emphasis: Vec<Emphasis>,
    /// Text that was struck out or hidden.
    pub(super) unread: String,
    /// The scene's number.
    pub(super) number: Option<String>,
    /// What its scene is about.
    pub(super) summary: String,
    /// Writers' remarks, in order.
    pub(super) notes: Vec<String>,
    /// Which block of speeches spoken at once it stands in.
    pub(super) block: Option<usize>,
    /// Whether it is marked as spoken together with its neighbour, by attribute.
    pub(super) is_dual: bool,
    /// Whether it starts a new page.
    pub(super) has_break: bool,
    /// Whether it stands in the middle of the page.
    pub(super) is_centered: bool,
}

/// How a run of text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "styles are independent of one another")]
pub(super) struct Style {
    is_italic: bool,
    is_bold: bool,
    is_underlined: bool,
    is_unread: bool,
}

impl Style {
    /// Reads the `+`-joined words of a `Style` attribute.
    pub(super) fn parse(text: &str) -> Self {
        let mut style = Self::default();
        for word in text.split('+') {
            match word.trim() {
                "Italic" => style.is_italic = true,
                "Bold" => style.is_bold = true,
                "Underline" => style.is_underlined = true,
                "Strikeout" | "HiddenText" => style.is_unread = true,
                _ => {}
            }
        }
        style
    }

    fn is_plain(self) -> bool {
        self == Self::default()
    }
}

impl Paragraph {
    pub(super) fn new(span: Span) -> Self {
        Self {
            span,
            type_name: "Action".to_owned(),
            text: String::new(),
            emphasis: Vec::new(),
            unread: String::new(),
            number: None,
            summary: String::new(),
            notes: Vec::new(),
            block: None,
            is_dual: false,
            has_break: false,
            is_centered: false,
        }
    }

    /// Adds text of a run.
    pub(super) fn push(&mut self, text: &str, style: Style) {
        if style.is_unread {
            self.unread.push_str(text);
            return;
        }
        let start = offset(self.text.len());
        self.text.push_str(self.without_double_space(text));
        let end = offset(self.text.len());
        if style.is_plain() || start == end {
            return;
        }
        let next = Emphasis {
            start,
            end,
            is_italic: style.is_italic,
            is_bold: style.is_bold,
            is_underlined: style.is_underlined,
        };
        match self.emphasis.last_mut() {
            Some(last) if *last == (Emphasis { start: last.start, end: start, ..next }) => {
                last.end = end;
            }
            _ => self.emphasis.push(next),
        }
    }

    /// Taking a word out leaves the spaces of both its sides: one is enough.
    fn without_double_space<'t>(&self, text: &'t str) -> &'t str {
        if !self.unread.is_empty() && self.text.ends_with(' ') {
            text.strip_prefix(' ').unwrap_or(text)
        } else {
            text
        }
    }

    /// The whole text, without space at either end.
    pub(super) fn whole(&self) -> &str {
        inline::trim(&self.text)
    }

    /// Its lines in order, none empty, each without space at either end.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut from = 0;
        for text in self.text.split(['\n', '\r', '\u{b}', '\u{2028}']) {
            let line = Line::cut(&self.text, &self.emphasis, from, from + text.len());
            if !line.text.is_empty() {
                lines.push(line);
            }
            // Every separator but U+2028 is one byte long.
            let end = from + text.len();
            from = end + self.text[end..].chars().next().map_or(0, char::len_utf8);
        }
        lines
    }
}

/// A line of text and its emphasised stretches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Without space at either end.
    pub(super) text: String,
    /// Stretches of `text`, in order.
    pub(super) emphasis: Vec<Emphasis>,
}

impl Line {
    /// Cuts `start..end` out of `text`.
    fn cut(text: &str, emphasis: &[Emphasis], start: usize, end: usize) -> Self {
        let inner = inline::trim(&text[start..end]);
        let start = start + (inner.as_ptr().addr() - text[start..end].as_ptr().addr());
        let (from, to) = (offset(start), offset(start + inner.len()));
        // Stretches are in order, so those of one line stand together.
        let first = emphasis.partition_point(|stretch| stretch.end <= from);
        let touching = emphasis[first..].iter().take_while(|stretch| stretch.start < to);
        let emphasis = touching.map(|stretch| Emphasis {
            start: stretch.start.max(from) - from,
            end: stretch.end.min(to) - from,
            ..*stretch
        });
        Self { text: inner.to_owned(), emphasis: emphasis.collect() }
    }

    /// Takes directions in brackets off the front, e.g. `(laughing) Hello.`
    ///
    /// Gives the directions without their brackets, and what follows them. A bracket that does
    /// not close is no direction.
    pub(super) fn split_directions(self) -> (Vec<String>, Self) {
        let mut directions = Vec::new();
        let mut rest = self.text.as_str();
        while let Some(close) = closing_bracket(rest) {
            directions.push(inline::trim(&rest[1..close]).to_owned());
            rest = inline::trim(&rest[close + 1..]);
        }
        if directions.is_empty() {
            return (directions, self);
        }
        let start = self.text.len() - rest.len();
        let line = Self::cut(&self.text, &self.emphasis, start, self.text.len());
        (directions, line)
    }
}

/// Where the bracket that `text` starts with closes, counting nested ones.
pub(super) fn closing_bracket(text: &str) -> Option<usize> {
    if !text.starts_with('(') {
        return None;
    }
    let mut depth = 0_usize;
    text.bytes().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}
