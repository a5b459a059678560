//! The title page: `Key: value` lines at the very top, up to the first blank line.

use super::body::Reader;
use super::kinds::{TITLE_PAGE_WITHOUT_BLANK, UNLIKELY_TITLE_PAGE};
use super::lines::Content;
use super::shapes::split_key;
use crate::inline::{plain, trim};
use crate::script::TitleField;

/// Keys of which one alone, on the first line, makes a title page.
const KNOWN_KEYS: [&str; 34] = [
    "title",
    "subtitle",
    "credit",
    "author",
    "authors",
    "author(s)",
    "written by",
    "source",
    "draft",
    "draft date",
    "date",
    "contact",
    "contact info",
    "copyright",
    "notes",
    "revision",
    "episode",
    "episode title",
    "season",
    "series",
    "series title",
    "show",
    "language",
    "format",
    "font",
    "project",
    "production",
    "company",
    "version",
    "genre",
    "logline",
    "header",
    "footer",
    "production draft",
];

/// Whether title pages have this key.
pub(super) fn is_known_key(key: &str) -> bool {
    KNOWN_KEYS.contains(&trim(key).to_lowercase().as_str())
}

/// Whether a line continues the field above it.
fn is_indented(line: &str) -> bool {
    line.starts_with('\t') || line.starts_with("   ")
}

impl Reader<'_, '_> {
    /// Reads the title page, if the text starts with one, and steps behind it.
    ///
    /// It is one if its first key is known or it has two keys; anything else would make a first
    /// line such as `BOB: Hello` vanish.
    pub(super) fn title_page(&mut self) -> Vec<TitleField> {
        let is_empty = |content| matches!(content, Content::Blank | Content::Spaced);
        let first = (0..self.lines.len())
            .find(|&line| self.lines[line].content == Content::Text)
            .unwrap_or(self.lines.len());
        let (fields, behind) = self.fields(first);
        let Some(field) = fields.first() else { return fields };
        if !is_known_key(&field.key) && fields.len() < 2 {
            return Vec::new();
        }
        if !fields.iter().any(|field| is_known_key(&field.key)) {
            self.doubts.add(&UNLIKELY_TITLE_PAGE, field.span, &field.key);
        }
        if self.lines.get(behind).is_some_and(|line| !is_empty(line.content)) {
            let span = self.line_span(behind);
            self.doubts.add(&TITLE_PAGE_WITHOUT_BLANK, span, self.trimmed(behind));
        }
        self.next = behind;
        fields
    }

    /// The fields from line `from` on, and the first line that is none of theirs.
    fn fields(&self, from: usize) -> (Vec<TitleField>, usize) {
        let mut fields: Vec<TitleField> = Vec::new();
        for line in from..self.lines.len() {
            match self.lines[line].content {
                Content::Blank | Content::Spaced => return (fields, line),
                Content::Hollow => continue,
                Content::Text => {}
            }
            let text = self.text(line);
            match (split_key(text), fields.last_mut()) {
                (_, Some(field)) if is_indented(text) => {
                    field.value += if field.value.is_empty() { "" } else { "\n" };
                    field.value += &plain(text);
                }
                (Some((key, value)), _) => fields.push(TitleField {
                    key: trim(key).to_owned(),
                    value: plain(value),
                    span: self.key_span(line, key),
                }),
                (None, _) => return (fields, line),
            }
        }
        (fields, self.lines.len())
    }
}
