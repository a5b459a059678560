//! Emphasis inside one line: `*italic*`, `**bold**`, `***both***`, `_underlined_`.

use crate::script::Emphasis;

const ITALIC: u8 = 1;
const BOLD: u8 = 2;
const UNDERLINE: u8 = 4;

/// A line without its markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inline {
    /// No leading or trailing space, no markers, escapes resolved.
    pub(crate) text: String,
    /// Stretches of `text` that are emphasised, in order, none empty, none overlapping.
    pub(crate) emphasis: Vec<Emphasis>,
}

/// A run of markers: `*`, `**`, `***` or `_`.
struct Mark {
    /// Byte offset of its first marker.
    at: usize,
    /// Number of markers.
    length: usize,
    /// What it could switch on or off.
    bits: u8,
    /// What of that found its counterpart; the rest of the markers is literal.
    paired: u8,
    can_open: bool,
    can_close: bool,
}

/// Whether a character is invisible at the edge of a line: white space and zero-width marks.
pub(crate) fn is_space(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// `text` without what [`is_space`] at either end.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// An offset as spans hold it.
///
/// # Panics
/// Beyond 4 GB; files are limited to far less before they come here.
pub(crate) fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("files are limited to 256 MB")
}

/// Removes the markup from one line, in one pass whatever it holds.
///
/// A marker between spaces is literal, so is one without counterpart on the line, and `\*` and
/// `\_` are the characters themselves.
pub(crate) fn strip(line: &str) -> Inline {
    let line = trim(line);
    if !line.contains(['*', '_']) {
        return Inline { text: line.to_owned(), emphasis: Vec::new() };
    }
    let mut marks = find_marks(line);
    pair(&mut marks);
    trimmed(render(line, &marks))
}

/// The text of [`strip`] alone.
pub(crate) fn plain(line: &str) -> String {
    strip(line).text
}

/// The text of [`strip`] behind the spaces the line starts with; a tab is four spaces.
pub(crate) fn plain_indented(line: &str) -> String {
    let visible = line.trim_start_matches(is_space);
    let indent =
        line[..line.len() - visible.len()].replace(['\u{200b}', '\u{2060}', '\u{feff}'], "");
    (indent + &plain(line)).replace('\t', "    ")
}

fn find_marks(line: &str) -> Vec<Mark> {
    let bytes = line.as_bytes();
    let mut marks = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'\\' if is_escape(bytes, at) => 2,
            b'*' | b'_' => {
                let length = bytes[at..].iter().take_while(|&&next| next == byte).count();
                marks.extend(mark(line, at, length));
                length
            }
            _ => 1,
        };
    }
    marks
}

fn is_escape(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at + 1), Some(b'*' | b'_'))
}

fn mark(line: &str, at: usize, length: usize) -> Option<Mark> {
    let bits = match (line.as_bytes()[at], length) {
        (b'_', 1) => UNDERLINE,
        (b'*', 1) => ITALIC,
        (b'*', 2) => BOLD,
        (b'*', 3) => ITALIC | BOLD,
        _ => return None,
    };
    let before = line[..at].chars().next_back();
    let after = line[at + length..].chars().next();
    let can_close = before.is_some_and(|char| !is_space(char));
    let can_open = after.is_some_and(|char| !is_space(char));
    Some(Mark { at, length, bits, paired: 0, can_open, can_close })
}

/// Finds every marker's counterpart. Each of the three styles is on or off, so that one open
/// marker per style is all there is to remember.
fn pair(marks: &mut [Mark]) {
    let mut open: [Option<usize>; 3] = [None; 3];
    for index in 0..marks.len() {
        for (slot, bit) in open.iter_mut().zip([ITALIC, BOLD, UNDERLINE]) {
            let mark = &marks[index];
            if mark.bits & bit == 0 {
                continue;
            }
            match *slot {
                Some(opener) if mark.can_close => {
                    marks[opener].paired |= bit;
                    marks[index].paired |= bit;
                    *slot = None;
                }
                _ if mark.can_open => *slot = Some(index),
                _ => {}
            }
        }
    }
}

fn render(line: &str, marks: &[Mark]) -> Inline {
    let mut inline = Inline { text: String::with_capacity(line.len()), emphasis: Vec::new() };
    let (mut style, mut from) = (0, 0);
    for mark in marks {
        inline.push(&unescape(&line[from..mark.at]), style);
        let literal = literal_markers(mark);
        let is_closing = style & mark.paired != 0;
        if is_closing {
            style ^= mark.paired;
        }
        inline.push(literal, style);
        if !is_closing {
            style ^= mark.paired;
        }
        from = mark.at + mark.length;
    }
    inline.push(&unescape(&line[from..]), style);
    inline
}

/// The markers of a run that found no counterpart.
fn literal_markers(mark: &Mark) -> &'static str {
    match mark.bits & !mark.paired {
        0 => "",
        ITALIC => "*",
        BOLD => "**",
        UNDERLINE => "_",
        _ => "***",
    }
}

fn unescape(text: &str) -> String {
    if text.contains('\\') { text.replace("\\*", "*").replace("\\_", "_") } else { text.to_owned() }
}

impl Inline {
    fn push(&mut self, text: &str, style: u8) {
        if text.is_empty() {
            return;
        }
        let start = offset(self.text.len());
        self.text.push_str(text);
        let end = offset(self.text.len());
        if style == 0 {
            return;
        }
        match self.emphasis.last_mut() {
            Some(last) if last.end == start && style_of(*last) == style => last.end = end,
            _ => self.emphasis.push(emphasis(start, end, style)),
        }
    }
}

fn emphasis(start: u32, end: u32, style: u8) -> Emphasis {
    Emphasis {
        start,
        end,
        is_italic: style & ITALIC != 0,
        is_bold: style & BOLD != 0,
        is_underlined: style & UNDERLINE != 0,
    }
}

fn style_of(emphasis: Emphasis) -> u8 {
    (if emphasis.is_italic { ITALIC } else { 0 })
        | (if emphasis.is_bold { BOLD } else { 0 })
        | (if emphasis.is_underlined { UNDERLINE } else { 0 })
}

/// Removing markers can bare a space at an end.
fn trimmed(inline: Inline) -> Inline {
    let text = trim(&inline.text);
    if text.len() == inline.text.len() {
        return inline;
    }
    let shift = offset(inline.text.len() - inline.text.trim_start_matches(is_space).len());
    let length = offset(text.len());
    let clip = |at: u32| at.saturating_sub(shift).min(length);
    let kept = inline.emphasis.iter().map(|stretch| Emphasis {
        start: clip(stretch.start),
        end: clip(stretch.end),
        ..*stretch
    });
    Inline {
        text: text.to_owned(),
        emphasis: kept.filter(|stretch| stretch.start < stretch.end).collect(),
    }
}

/// Writes `text` so that [`strip`] gives it back.
pub(crate) fn escape(text: &str) -> String {
    text.replace('*', "\\*").replace('_', "\\_")
}

/// Writes `text` with markers around its emphasised stretches; the inverse of [`strip`].
pub(crate) fn mark_up(text: &str, stretches: &[Emphasis]) -> String {
    let mut marked = String::with_capacity(text.len());
    let (mut style, mut from) = (0, 0);
    for stretch in stretches {
        let (start, end) = (stretch.start as usize, stretch.end as usize);
        let (Some(between), Some(inside)) = (text.get(from..start), text.get(start..end)) else {
            continue;
        };
        if !between.is_empty() {
            switch(&mut marked, &mut style, 0);
            marked.push_str(&escape(between));
        }
        switch(&mut marked, &mut style, style_of(*stretch));
        marked.push_str(&escape(inside));
        from = end;
    }
    switch(&mut marked, &mut style, 0);
    marked.push_str(&escape(&text[from..]));
    marked
}

/// Writes the markers that lead from one style to another.
fn switch(marked: &mut String, style: &mut u8, to: u8) {
    let changed = *style ^ to;
    let stars = match changed & (ITALIC | BOLD) {
        0 => "",
        ITALIC => "*",
        BOLD => "**",
        _ => "***",
    };
    marked.push_str(stars);
    if changed & UNDERLINE != 0 {
        marked.push('_');
    }
    *style = to;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with `<i…>`, `<b…>`, `<u…>` around its stretches.
    fn show(line: &str) -> String {
        let inline = strip(line);
        let mut shown = String::new();
        let mut from = 0;
        for stretch in &inline.emphasis {
            let (start, end) = (stretch.start as usize, stretch.end as usize);
            shown += &inline.text[from..start];
            shown += "<";
            shown += if stretch.is_italic { "i" } else { "" };
            shown += if stretch.is_bold { "b" } else { "" };
            shown += if stretch.is_underlined { "u" } else { "" };
            shown += " ";
            shown += &inline.text[start..end];
            shown += ">";
            from = end;
        }
        shown + &inline.text[from..]
    }

    #[test]
    fn markers_become_stretches() {
        assert_eq!(show("a *b* c"), "a <i b> c");
        assert_eq!(show("**b**"), "<b b>");
        assert_eq!(show("***b***!"), "<ib b>!");
        assert_eq!(show("_b_"), "<u b>");
    }

    #[test]
    fn markers_nest() {
        assert_eq!(show("*a **b** c*"), "<i a ><ib b><i  c>");
        assert_eq!(show("_a *b*_"), "<u a ><iu b>");
        assert_eq!(show("***a** b*"), "<ib a><i  b>");
        assert_eq!(show("**a *b***"), "<b a ><ib b>");
        assert_eq!(show("*a***b**"), "<i a><b b>");
    }

    #[test]
    fn a_marker_between_spaces_is_literal() {
        assert_eq!(show("5 * 3 * 2"), "5 * 3 * 2");
        assert_eq!(show("a _ b _ c"), "a _ b _ c");
    }

    #[test]
    fn a_marker_without_counterpart_is_literal() {
        assert_eq!(show("2*3"), "2*3");
        assert_eq!(show("***a*"), "**<i a>");
        assert_eq!(show("*a***"), "<i a>**");
        assert_eq!(show("****"), "****");
        assert_eq!(show("fill in: ____"), "fill in: ____");
    }

    #[test]
    fn a_backslash_makes_a_marker_literal() {
        assert_eq!(show(r"\*a\* *b*"), "*a* <i b>");
        assert_eq!(show(r"snake\_case\_name"), "snake_case_name");
        assert_eq!(show(r"C:\dir"), r"C:\dir");
    }

    #[test]
    fn no_space_is_left_at_an_end() {
        assert_eq!(show("_*_* x"), "x");
        assert_eq!(show(" \u{feff}*x*\u{200b} "), "<i x>");
    }

    #[test]
    fn marking_up_is_the_inverse_of_stripping() {
        for line in ["a *b* c", "*a **b** c*", "_a *b*_", "*a***b**", "5 * 3", r"\*a\*", "a_b *c*"]
        {
            let inline = strip(line);
            assert_eq!(strip(&mark_up(&inline.text, &inline.emphasis)), inline, "{line}");
        }
    }
}
