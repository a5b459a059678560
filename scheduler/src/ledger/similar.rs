//! How much two texts have in common.

use unicode_normalization::UnicodeNormalization;

/// Texts longer than this, in bytes, are compared by their pairs of letters: linear, where counting
/// edits is quadratic.
const LONG: usize = 256;

/// Likeness of two normalised texts, from 0 to 1; 0 as soon as it must be below `least`.
pub(super) fn likeness(a: &str, b: &str, least: f64) -> f64 {
    if a.len() > LONG || b.len() > LONG {
        return strsim::sorensen_dice(a, b);
    }
    let (a_length, b_length) = (a.chars().count(), b.chars().count());
    let (short, long) = (a_length.min(b_length), a_length.max(b_length).max(1));
    #[expect(clippy::cast_precision_loss, reason = "both are at most 256")]
    let best_possible = short as f64 / long as f64;
    if best_possible < least { 0.0 } else { strsim::normalized_levenshtein(a, b) }
}

/// What of a text decides whether it is the same: letters and digits in lower case, with single
/// spaces for all between. A comma more is no other line.
pub(super) fn normalised(text: &str) -> String {
    let mut normalised = String::with_capacity(text.len());
    let mut is_apart = false;
    for c in text.nfc() {
        // An apostrophe is inside its word, straight or not: `don't`, `don’t`, `dont`.
        if matches!(c, '\'' | '’') {
            continue;
        }
        if !c.is_alphanumeric() {
            is_apart = !normalised.is_empty();
            continue;
        }
        if std::mem::take(&mut is_apart) {
            normalised.push(' ');
        }
        normalised.extend(c.to_lowercase());
    }
    normalised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_and_capitals_make_no_other_line() {
        assert_eq!(normalised("  Don’t -- you DARE!"), "dont you dare");
        assert_eq!(normalised("don't you, dare?"), "dont you dare");
    }

    #[test]
    fn a_word_more_is_alike_and_another_sentence_is_not() {
        assert!(likeness("we sail at dawn", "we sail at dawn tom", 0.6) >= 0.6);
        assert!(likeness("we sail at dawn", "never said so", 0.6) < 0.6);
        assert!(likeness(&"ab ".repeat(200), &"ab ".repeat(190), 0.6) > 0.9);
    }
}
