//! Which bytes of an object a request is about: RFC 9110, sections 13 and 14.

use std::ops::Range;

/// What to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The client has it already.
    NotModified,
    /// All of it.
    Whole,
    /// Some of it; never empty.
    Part(Range<u64>),
    /// Nothing of what was asked for is there.
    Unsatisfiable,
}

/// What a request says of the bytes it wants, by its headers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions<'a> {
    /// `Range`.
    pub(super) range: Option<&'a str>,
    /// `If-Range`.
    pub(super) if_range: Option<&'a str>,
    /// `If-None-Match`.
    pub(super) if_none_match: Option<&'a str>,
}

impl Conditions<'_> {
    /// Chooses what to answer with; `etag` comes with its quotes, `len` is the object's, in bytes.
    ///
    /// A range that is none, of another unit or of several pieces counts as not given, as does one
    /// for another version of the object.
    pub(super) fn choose(&self, etag: &str, len: u64) -> Choice {
        let is_this = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == etag;
        if self.if_none_match.is_some_and(|tags| tags.split(',').map(str::trim).any(is_this)) {
            return Choice::NotModified;
        }
        if self.if_range.is_some_and(|tag| tag != etag) {
            return Choice::Whole;
        }
        match self.range.and_then(read) {
            None => Choice::Whole,
            Some(Asked::FromTo(first, last)) if first < len => {
                Choice::Part(first..last.min(len - 1) + 1)
            }
            Some(Asked::Last(count)) if count > 0 && len > 0 => {
                Choice::Part(len - count.min(len)..len)
            }
            Some(Asked::FromTo(..) | Asked::Last(_)) => Choice::Unsatisfiable,
        }
    }
}

enum Asked {
    /// First and last byte, both included.
    FromTo(u64, u64),
    /// So many bytes at the end.
    Last(u64),
}

fn read(range: &str) -> Option<Asked> {
    let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    match (first, last) {
        ("", count) => number(count).map(Asked::Last),
        (first, "") => number(first).map(|first| Asked::FromTo(first, u64::MAX - 1)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?.min(u64::MAX - 1));
            (first <= last).then_some(Asked::FromTo(first, last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> Choice {
        Conditions { range: Some(range), ..Conditions::default() }.choose("\"a\"", 100)
    }

    #[test]
    fn a_range_is_answered_with_what_there_is_of_it() {
        for (range, choice) in [
            ("bytes=0-0", Choice::Part(0..1)),
            ("bytes=0-99", Choice::Part(0..100)),
            ("bytes=90-", Choice::Part(90..100)),
            ("bytes=90-1000", Choice::Part(90..100)),
            ("bytes=-10", Choice::Part(90..100)),
            ("bytes=-1000", Choice::Part(0..100)),
            ("bytes=0-99999999999999999999999", Choice::Part(0..100)),
            ("bytes=100-", Choice::Unsatisfiable),
            ("bytes=99999999999999999999999-", Choice::Unsatisfiable),
            ("bytes=-0", Choice::Unsatisfiable),
            ("bytes=5-4", Choice::Whole),
            ("bytes=0-1,5-6", Choice::Whole),
            ("bytes=a-b", Choice::Whole),
            ("bytes=+1-2", Choice::Whole),
            ("bytes=-", Choice::Whole),
            ("lines=0-1", Choice::Whole),
            ("", Choice::Whole),
        ] {
            assert_eq!(asked(range), choice, "{range}");
        }
        let nothing = Conditions { range: Some("bytes=0-"), ..Conditions::default() };
        assert_eq!(nothing.choose("\"a\"", 0), Choice::Unsatisfiable);
    }

    #[test]
    fn a_version_that_the_client_has_is_not_sent_again_and_another_is_sent_whole() {
        let conditions = |if_none_match, if_range| Conditions {
            range: Some("bytes=0-1"),
            if_range,
            if_none_match,
        };
        for (tags, choice) in [
            (Some("\"a\""), Choice::NotModified),
            (Some("\"x\", W/\"a\""), Choice::NotModified),
            (Some("*"), Choice::NotModified),
            (Some("\"x\""), Choice::Part(0..2)),
            (None, Choice::Part(0..2)),
        ] {
            assert_eq!(conditions(tags, None).choose("\"a\"", 100), choice, "{tags:?}");
        }
        assert_eq!(conditions(None, Some("\"x\"")).choose("\"a\"", 100), Choice::Whole);
        assert_eq!(conditions(None, Some("\"a\"")).choose("\"a\"", 100), Choice::Part(0..2));
    }
}
