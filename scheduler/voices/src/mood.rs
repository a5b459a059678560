//! Which words of a direction ask for which mood.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The mood that lines are spoken in whose directions ask for none.
pub const NEUTRAL: &str = "neutral";

/// Words of directions, lower case, and the mood they ask for: `sotto voce` asks for `whisper`.
///
/// A cast may add rules of its own, which win over the lock's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MoodRules(pub BTreeMap<String, String>);

impl MoodRules {
    /// The mood that a direction asks for by these rules, if it does: by the words that come first in
    /// it, and by the most words of those that begin there. Words count whole and in any case.
    #[must_use]
    pub fn mood_of(&self, direction: &str) -> Option<&str> {
        let direction = words(direction);
        let at = |start: usize| {
            let here = &direction[start..];
            let fits = self.0.iter().filter(|(phrase, _)| {
                let phrase = words(phrase);
                !phrase.is_empty() && here.starts_with(&phrase)
            });
            fits.max_by_key(|(phrase, _)| words(phrase).len())
        };
        (0..direction.len()).find_map(at).map(|(_, mood)| mood.as_str())
    }
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_longest_words_decide() {
        let rules = [("sotto voce", "whisper"), ("sotto", "calm"), ("spits", "angry")];
        let rules = MoodRules(rules.map(|(words, mood)| (words.into(), mood.into())).into());
        for (direction, mood) in [
            ("sotto voce", Some("whisper")),
            ("Sotto, to Tam", Some("calm")),
            ("spits, then SOTTO VOCE", Some("angry")),
            ("despits", None),
            ("", None),
        ] {
            assert_eq!(rules.mood_of(direction), mood, "{direction:?}");
        }
        assert_eq!(MoodRules([("--".into(), "sad".into())].into()).mood_of("beat"), None);
    }
}
