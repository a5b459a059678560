//! How words are spoken that no synthesiser would get right.

use std::collections::BTreeMap;
use std::ops::Range;

use schemas::Pause;
use serde::Deserialize;
use toml::Spanned;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark, is_nfc};

use crate::cast::{BadFile, TomlFile, is_language};

/// What words are spoken as.
///
/// Entries match whole words. Where several match, the longest does, then the one for the narrower
/// language, then the first of the file. What was replaced is not looked at again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lexicon {
    entries: Vec<Entry>,
    /// Indices of entries by their first character in lower case, best first.
    by_first: BTreeMap<char, Vec<usize>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    written: String,
    spoken: String,
    language: Option<String>,
    case: Case,
    /// `written` as it is compared.
    pattern: Vec<char>,
}

/// Whether capitals matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Case {
    /// They do not.
    #[default]
    Any,
    /// They must be as written.
    Exact,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LexiconFile {
    #[serde(default)]
    entry: Vec<EntryTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryTable {
    written: Spanned<String>,
    spoken: Spanned<String>,
    language: Option<Spanned<String>>,
    #[serde(default)]
    case: Case,
}

/// A text as it is to be spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respelt {
    /// The text; unchanged, byte for byte, when nothing matched.
    pub text: String,
    /// The pauses, moved along; one inside a replaced word comes before it.
    pub pauses: Vec<Pause>,
    /// What matched, as the lexicon writes it, each once, by first appearance.
    pub matched: Vec<String>,
}

impl Lexicon {
    /// Reads a lexicon file; `name` is what errors call it.
    ///
    /// # Errors
    /// [`BadFile`] at the first mistake: TOML that is none, unknown fields, nothing to match or to
    /// speak, languages that are none, and entries that no text could ever reach.
    pub fn read(name: &str, text: &str) -> Result<Self, BadFile> {
        let file = TomlFile { name, text };
        let parsed: LexiconFile = file.read()?;
        let mut first: BTreeMap<(Vec<char>, Option<String>, Case), Range<usize>> = BTreeMap::new();
        let mut entries = Vec::with_capacity(parsed.entry.len());
        for table in parsed.entry {
            let at = table.written.span();
            let entry = Entry::new(file, table)?;
            let meant = (entry.pattern.clone(), entry.language.clone(), entry.case);
            if let Some(before) = first.insert(meant, at.clone()) {
                let line = file.bad(&before, "", "").line;
                let message = format!("`{}` is written on line {line} already", entry.written);
                return Err(file.bad(&at, message, "keep one of the two"));
            }
            entries.push(entry);
        }
        Ok(Self::of(entries))
    }

    fn of(entries: Vec<Entry>) -> Self {
        let mut by_first: BTreeMap<char, Vec<usize>> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let first = lower(entry.pattern[0]).next().unwrap_or(entry.pattern[0]);
            by_first.entry(first).or_default().push(index);
        }
        for indices in by_first.values_mut() {
            indices.sort_by_key(|&index| {
                let entry = &entries[index];
                let narrow = entry.language.as_ref().map_or(0, String::len);
                std::cmp::Reverse((entry.pattern.len(), narrow, entry.case))
            });
        }
        Self { entries, by_first }
    }

    /// Returns `text` with every matching word replaced, for a line in `language`.
    ///
    /// Composed and decomposed letters match each other. Takes time linear in the text.
    #[must_use]
    pub fn respell(&self, text: &str, language: &str, pauses: &[Pause]) -> Respelt {
        let unchanged =
            || Respelt { text: text.to_owned(), pauses: pauses.to_vec(), matched: Vec::new() };
        if self.entries.is_empty() {
            return unchanged();
        }
        if is_nfc(text) {
            return self.replace(text, language, pauses).unwrap_or_else(unchanged);
        }
        let composed: String = text.nfc().collect();
        let moved: Vec<Pause> = pauses.iter().map(|pause| composed_pause(text, *pause)).collect();
        self.replace(&composed, language, &moved).unwrap_or_else(unchanged)
    }

    /// `None` when nothing matches.
    fn replace(&self, text: &str, language: &str, pauses: &[Pause]) -> Option<Respelt> {
        let mut edit = Edit { out: String::new(), pauses, moved: Vec::new(), matched: Vec::new() };
        let mut copied = 0;
        let mut before = None;
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            if let Some((entry, end)) = self.find(text, at, before, language) {
                edit.copy(text, copied..at);
                edit.replace(entry, at..end);
                copied = end;
                at = end;
                before = text[..end].chars().next_back();
            } else {
                at += c.len_utf8();
                before = Some(c);
            }
        }
        if edit.matched.is_empty() {
            return None;
        }
        edit.copy(text, copied..text.len());
        Some(edit.finish())
    }

    fn find(
        &self,
        text: &str,
        at: usize,
        before: Option<char>,
        language: &str,
    ) -> Option<(&Entry, usize)> {
        let first = text[at..].chars().next()?;
        let candidates = self.by_first.get(&lower(first).next()?)?;
        candidates.iter().map(|&index| &self.entries[index]).find_map(|entry| {
            let end = at + entry.matches(&text[at..])?;
            let is_whole = is_boundary(before, Some(first))
                && is_boundary(text[..end].chars().next_back(), text[end..].chars().next());
            (is_whole && entry.covers(language)).then_some((entry, end))
        })
    }
}

/// A text being rewritten from left to right.
struct Edit<'a> {
    out: String,
    /// Those not yet moved.
    pauses: &'a [Pause],
    moved: Vec<Pause>,
    matched: Vec<String>,
}

impl Edit<'_> {
    fn copy(&mut self, text: &str, range: Range<usize>) {
        let (start, base) = (range.start, self.out.len());
        self.move_pauses(range.end, |at| base + (at - start));
        self.out.push_str(&text[range]);
    }

    fn replace(&mut self, entry: &Entry, range: Range<usize>) {
        let base = self.out.len();
        self.move_pauses(range.end, |_| base);
        self.out.push_str(&entry.spoken);
        if !self.matched.contains(&entry.written) {
            self.matched.push(entry.written.clone());
        }
    }

    /// Moves the pauses before `end`.
    fn move_pauses(&mut self, end: usize, to: impl Fn(usize) -> usize) {
        while let Some((pause, rest)) = self.pauses.split_first()
            && (pause.at as usize) < end
        {
            self.moved.push(Pause { at: offset(to(pause.at as usize)), ms: pause.ms });
            self.pauses = rest;
        }
    }

    fn finish(mut self) -> Respelt {
        let end = offset(self.out.len());
        let last = self.pauses.iter().map(|pause| Pause { at: end, ms: pause.ms });
        self.moved.extend(last);
        Respelt { text: self.out, pauses: self.moved, matched: self.matched }
    }
}

impl Entry {
    fn new(file: TomlFile<'_>, table: EntryTable) -> Result<Self, BadFile> {
        let written = table.written.get_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        let spoken = table.spoken.get_ref().trim();
        if written.is_empty() {
            let advice = "write the word as the script has it";
            return Err(file.bad(&table.written.span(), "there is nothing to match", advice));
        }
        if !spoken.contains(char::is_alphanumeric) {
            let advice = "write at least one letter or digit";
            return Err(file.bad(&table.spoken.span(), "there is nothing to speak", advice));
        }
        if let Some(tag) = table.language.as_ref().filter(|tag| !is_language(tag.get_ref())) {
            let message = format!("`{}` is no language", tag.get_ref());
            return Err(file.bad(&tag.span(), message, "write it like `en` or `en-GB`"));
        }
        let fold = |c| folded(c, table.case);
        let pattern = written.nfc().flat_map(fold).collect();
        let language = table.language.map(Spanned::into_inner);
        Ok(Self { written, spoken: spoken.to_owned(), language, case: table.case, pattern })
    }

    /// Length in bytes of what it matches at the start of `text`.
    fn matches(&self, text: &str) -> Option<usize> {
        let mut pattern = self.pattern.iter();
        for (at, c) in text.char_indices() {
            if pattern.as_slice().is_empty() {
                return Some(at);
            }
            for c in folded(c, self.case) {
                if pattern.next() != Some(&c) {
                    return None;
                }
            }
        }
        pattern.as_slice().is_empty().then_some(text.len())
    }

    /// `en` covers `en` and `en-GB`; no language covers all.
    fn covers(&self, language: &str) -> bool {
        let Some(prefix) = &self.language else { return true };
        let Some((head, rest)) = language.split_at_checked(prefix.len()) else { return false };
        head.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('-'))
    }
}

/// As characters are compared: one apostrophe, one space, and one case unless case matters.
fn folded(c: char, case: Case) -> impl Iterator<Item = char> {
    let plain = match c {
        '’' | 'ʼ' => '\'',
        c if c.is_whitespace() => ' ',
        c => c,
    };
    let (exact, any) = match case {
        Case::Exact => (Some(plain), None),
        Case::Any => (None, Some(lower(plain))),
    };
    exact.into_iter().chain(any.into_iter().flatten())
}

fn lower(c: char) -> std::char::ToLowercase {
    match c {
        '’' | 'ʼ' => '\'',
        c => c,
    }
    .to_lowercase()
}

/// Whether a word may begin or end between the two.
fn is_boundary(before: Option<char>, after: Option<char>) -> bool {
    let joins = |c: Option<char>| c.is_some_and(is_word);
    !(joins(before) && joins(after))
}

/// Whether a character holds on to its neighbours. Scripts without spaces between words do not:
/// in them a word ends wherever the lexicon says.
fn is_word(c: char) -> bool {
    let is_spaceless = matches!(
        u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF
            | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF
    );
    !is_spaceless && (c.is_alphanumeric() || is_combining_mark(c) || c == '_')
}

/// The pause in the composed text.
fn composed_pause(text: &str, pause: Pause) -> Pause {
    let before = text.get(..pause.at as usize).unwrap_or(text);
    Pause { at: offset(before.nfc().map(char::len_utf8).sum()), ms: pause.ms }
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEXICON: &str = r#"
[[entry]]
written = "Siobhán"
spoken = "Shivawn"
language = "en"
case = "exact"
[[entry]]
written = "St"
spoken = "Saint"
[[entry]]
written = "St John"
spoken = "Sinjin"
language = "en-GB"
[[entry]]
written = "fo'c'sle"
spoken = "foke-sull"
[[entry]]
written = "雪"
spoken = "ゆき"
"#;

    fn lexicon() -> Lexicon {
        Lexicon::read("lexicon.toml", LEXICON).unwrap()
    }

    fn spoken(text: &str, language: &str) -> String {
        lexicon().respell(text, language, &[]).text
    }

    #[test]
    fn only_whole_words_match_and_the_longest_wins() {
        assert_eq!(spoken("St John is no Stalwart, st.", "en-GB"), "Sinjin is no Stalwart, Saint.");
        assert_eq!(spoken("St John", "en-US"), "Saint John");
        assert_eq!(spoken("In the Fo’c’sle!", "de"), "In the foke-sull!");
        assert_eq!(spoken("白い雪が降る", "ja"), "白いゆきが降る");
    }

    #[test]
    fn case_and_language_are_kept_to() {
        assert_eq!(spoken("Siobhán's, not siobhán's", "en-GB"), "Shivawn's, not siobhán's");
        assert_eq!(spoken("Siobhán", "ga"), "Siobhán");
        assert_eq!(spoken("Siobhán", "eng"), "Siobhán");
        assert_eq!(spoken("Siobha\u{301}n", "en"), "Shivawn");
    }

    #[test]
    fn pauses_move_with_the_words_around_them() {
        let pause = |at| Pause { at, ms: 500 };
        let respelt = lexicon().respell("St. Oh, St. Ah", "en", &[pause(0), pause(8), pause(14)]);
        assert_eq!(respelt.text, "Saint. Oh, Saint. Ah");
        assert_eq!(respelt.pauses, [pause(0), pause(11), pause(20)]);
        assert_eq!(respelt.matched, ["St"]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let error = |text: &str| Lexicon::read("l.toml", text).unwrap_err().to_string();
        insta::assert_snapshot!(
            error("[[entry]]\nwritten = \"St\"\nspoken = \"…\"\n"),
            @"l.toml:3:10: there is nothing to speak; write at least one letter or digit"
        );
        insta::assert_snapshot!(
            error("[[entry]]\nwritten = \"a\"\nspoken = \"b\"\n[[entry]]\nwritten = \"A\"\nspoken = \"c\"\n"),
            @"l.toml:5:11: `A` is written on line 2 already; keep one of the two"
        );
        assert!(error("[[entry]]\nwriten = \"a\"\n").starts_with("l.toml:2:1: unknown field"));
    }

    proptest! {
        #[test]
        fn a_text_without_a_match_stays_byte_for_byte(text in "[A-RT-Z a-rt-z.,'e\u{301}]{0,60}") {
            let pauses = [Pause { at: 0, ms: 300 }];
            let respelt = lexicon().respell(&text, "en-GB", &pauses);
            prop_assert_eq!(respelt, Respelt { text, pauses: pauses.to_vec(), matched: vec![] });
        }

        #[test]
        fn pauses_stay_in_order_and_on_character_boundaries(
            text in "([Ss]t|John|Siobhán|é|雪|[ ,.]){0,20}",
            places in prop::collection::vec(0usize..200, 0..5),
        ) {
            let mut places: Vec<usize> =
                places.into_iter().filter(|&at| text.is_char_boundary(at)).collect();
            places.sort_unstable();
            let pauses: Vec<_> = places.iter().map(|&at| Pause { at: offset(at), ms: 1 }).collect();
            let respelt = lexicon().respell(&text, "en", &pauses);
            prop_assert_eq!(respelt.pauses.len(), pauses.len());
            prop_assert!(respelt.pauses.is_sorted_by_key(|pause| pause.at));
            for pause in &respelt.pauses {
                prop_assert!(respelt.text.is_char_boundary(pause.at as usize));
            }
        }
    }
}
