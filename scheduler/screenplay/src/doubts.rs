//! What the readers are not sure of: each kind of doubt once, and the list they collect into.

use std::collections::BTreeMap;

use crate::script::{Doubt, Severity, Span};

/// Most doubts of one kind that are listed; an adversarial file could hold millions.
const LISTED_PER_KIND: u32 = 1_000;

/// Most characters of the text in question that a message repeats.
const EXCERPT_CHARS: usize = 60;

/// One kind of doubt: everything about it but where it arose.
#[derive(Debug)]
pub(crate) struct Kind {
    /// See [`Doubt::code`].
    pub(crate) code: &'static str,
    /// See [`Doubt::severity`].
    pub(crate) severity: Severity,
    /// The message, to which the text in question is appended.
    pub(crate) seen: &'static str,
    /// See [`Doubt::suggestion`].
    pub(crate) suggestion: &'static str,
}

impl Kind {
    /// A doubt about a reading that is probably right.
    pub(crate) const fn warning(
        code: &'static str,
        seen: &'static str,
        suggestion: &'static str,
    ) -> Self {
        Self { code, severity: Severity::Warning, seen, suggestion }
    }

    /// A doubt about a reading that is probably wrong.
    pub(crate) const fn error(
        code: &'static str,
        seen: &'static str,
        suggestion: &'static str,
    ) -> Self {
        Self { code, severity: Severity::Error, seen, suggestion }
    }
}

/// Doubts as they arise; in any order until [`finish`](Self::finish).
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    list: Vec<Doubt>,
    counts: BTreeMap<&'static str, u32>,
}

impl Doubts {
    /// Notes a doubt of `kind` at `span` about the text `about`, which may be empty.
    pub(crate) fn add(&mut self, kind: &Kind, span: Span, about: &str) {
        let count = self.counts.entry(kind.code).or_default();
        *count += 1;
        if *count > LISTED_PER_KIND {
            return;
        }
        let message = match excerpt(about) {
            excerpt if excerpt.is_empty() => kind.seen.to_owned(),
            excerpt => format!("{}: `{excerpt}`", kind.seen),
        };
        self.list.push(Doubt {
            span,
            severity: kind.severity,
            code: kind.code,
            message,
            suggestion: kind.suggestion.to_owned(),
        });
    }

    /// Gives the doubts in the order of the text.
    ///
    /// Of each kind the first 1 000 that were added are listed; the last of these says how many
    /// more there are.
    pub(crate) fn finish(mut self) -> Vec<Doubt> {
        for (code, count) in self.counts {
            let unlisted = count.saturating_sub(LISTED_PER_KIND);
            if unlisted > 0
                && let Some(last) = self.list.iter_mut().rfind(|doubt| doubt.code == code)
            {
                last.message = format!("{}; {unlisted} more like it are not listed", last.message);
            }
        }
        self.list.sort_by_key(|doubt| (doubt.span, doubt.code));
        self.list
    }
}

/// The first characters of `text` on one line, with `…` where more follows.
fn excerpt(text: &str) -> String {
    let mut chars = text.trim().chars();
    let mut excerpt: String = chars
        .by_ref()
        .take(EXCERPT_CHARS)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if chars.next().is_some() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind::warning("odd", "odd", "change it");

    fn at(start: u32) -> Span {
        Span { line: 1, column: start + 1, start, end: start }
    }

    #[test]
    fn doubts_come_in_the_order_of_the_text() {
        let mut doubts = Doubts::default();
        doubts.add(&KIND, at(9), "later");
        doubts.add(&KIND, at(3), "");
        let messages: Vec<_> = doubts.finish().into_iter().map(|doubt| doubt.message).collect();
        assert_eq!(messages, ["odd", "odd: `later`"]);
    }

    #[test]
    fn doubts_beyond_the_listed_are_counted_and_not_lost() {
        let mut doubts = Doubts::default();
        for start in 0..LISTED_PER_KIND + 5 {
            doubts.add(&KIND, at(start), "");
        }
        let doubts = doubts.finish();
        assert_eq!(doubts.len(), 1_000);
        assert_eq!(doubts[999].message, "odd; 5 more like it are not listed");
    }

    #[test]
    fn a_message_repeats_only_the_start_of_a_long_text() {
        assert_eq!(excerpt(&"x".repeat(100)), format!("{}…", "x".repeat(60)));
    }
}
