//! What a voice is called.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::VoiceError;

/// Characters a name may have.
const LONGEST: usize = 64;

/// A voice's name in the library, e.g. `mira` or `the-blind-man`.
///
/// 1 to 64 of `a`–`z`, `0`–`9`, `-` and `_`, beginning with a letter or digit: safe in paths, URLs and
/// object keys, and the same on file systems that take `Mira` for `mira`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct VoiceName(String);

impl VoiceName {
    /// Accepts a name as it stands.
    ///
    /// # Errors
    /// [`VoiceError::BadName`] for anything but the above; it says which name would do.
    pub fn parse(name: impl Into<String>) -> Result<Self, VoiceError> {
        let name = name.into();
        if is_usable(&name) {
            return Ok(Self(name));
        }
        let better = Self::from_words(&name).map_or_else(|| "mira".to_owned(), String::from);
        Err(VoiceError::BadName { name, better })
    }

    /// The name that comes closest to what people call a voice: `THE BLIND MAN` is
    /// `the-blind-man`, `José` is `jose`. `None` when nothing of it is left, as of `王`.
    #[must_use]
    pub fn from_words(words: &str) -> Option<Self> {
        let mut name = String::new();
        for c in words.nfkd().flat_map(char::to_lowercase) {
            match c {
                'a'..='z' | '0'..='9' => name.push(c),
                '_' if !name.is_empty() => name.push('_'),
                _ if unicode_normalization::char::is_combining_mark(c) || c == '\'' => {}
                _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
                _ => {}
            }
        }
        name.truncate(LONGEST);
        let name = name.trim_end_matches('-').to_owned();
        is_usable(&name).then_some(Self(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is a name by itself: moods have names too.
pub(crate) fn is_usable(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= LONGEST
        && name.starts_with(is_letter)
        && name.chars().all(|c| is_letter(c) || matches!(c, '-' | '_'))
}

impl TryFrom<String> for VoiceName {
    type Error = VoiceError;

    fn try_from(name: String) -> Result<Self, VoiceError> {
        Self::parse(name)
    }
}

impl From<VoiceName> for String {
    fn from(name: VoiceName) -> Self {
        name.0
    }
}

impl std::str::FromStr for VoiceName {
    type Err = VoiceError;

    fn from_str(name: &str) -> Result<Self, VoiceError> {
        Self::parse(name)
    }
}

impl fmt::Display for VoiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_lower_case_and_nothing_else() {
        for good in ["mira", "mira-2", "9lives", "old_tam"] {
            assert_eq!(VoiceName::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(65);
        for bad in ["", "Mira", "../up", "a/b", "a.b", "-a", "_a", "mïra", "a b", &long] {
            assert!(VoiceName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_people_call_a_voice_becomes_a_name() {
        for (words, name) in [
            ("THE BLIND MAN", "the-blind-man"),
            ("  José d'Arc!", "jose-darc"),
            ("Ünal_2 (young)", "unal_2-young"),
            ("../../etc/passwd", "etc-passwd"),
        ] {
            assert_eq!(VoiceName::from_words(words).unwrap().as_str(), name);
        }
        assert_eq!(VoiceName::from_words("王"), None);
        assert_eq!(VoiceName::from_words(&"x y".repeat(40)).unwrap().as_str().len(), 64);
    }

    #[test]
    fn a_refused_name_comes_with_one_that_would_do() {
        let error = VoiceName::parse("Old Tam").unwrap_err().to_string();
        assert!(error.contains("`old-tam`"), "{error}");
    }
}
