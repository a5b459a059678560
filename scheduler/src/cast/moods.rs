//! Which recording of a cloned voice a line continues.

use crate::plan::Parenthetical;

/// Words of directions, and the mood they speak of. A mood's own name need not be listed.
const MOODS: &[(&str, &[&str])] = &[
    ("whisper", &["hushed", "sotto", "breathes", "murmurs", "murmuring"]),
    ("shout", &["yells", "yelling", "screams", "screaming", "calling", "calls", "bellows"]),
    ("angry", &["angrily", "furious", "furiously", "snaps", "snapping", "seething", "bitterly"]),
    ("sad", &["sadly", "crying", "weeping", "sobbing", "tearful", "tearfully", "mournful"]),
    ("happy", &["happily", "laughing", "laughs", "smiling", "delighted", "cheerful", "grinning"]),
    ("calm", &["calmly", "softly", "gently", "quietly", "soothing"]),
    ("afraid", &["scared", "frightened", "terrified", "nervous", "nervously", "trembling"]),
];

/// Returns which of `moods` a line's directions ask for, as an index.
///
/// The first direction decides that names a mood: by the mood's own name (`whisper`), by a word that
/// begins with it (`whispering`) or by one of the words listed for it (`sotto`). When none does, the
/// take is the one called `neutral`, else the first.
pub(super) fn choose<'a>(moods: &[&'a str], parentheticals: &'a [Parenthetical]) -> usize {
    parentheticals
        .iter()
        .find_map(|direction| named(moods, &direction.text))
        .or_else(|| moods.iter().position(|mood| mood.eq_ignore_ascii_case("neutral")))
        .unwrap_or(0)
}

/// Which of `moods` one direction names, as an index.
pub(super) fn named(moods: &[&str], direction: &str) -> Option<usize> {
    let lower = direction.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.find_map(|word| moods.iter().position(|mood| speaks_of(word, &mood.to_lowercase())))
}

fn speaks_of(word: &str, mood: &str) -> bool {
    // Short moods only as a whole: `sad` is not in `saddle`.
    let begins = mood.chars().count() >= 4 && word.starts_with(mood);
    let is_listed = || MOODS.iter().any(|(name, words)| *name == mood && words.contains(&word));
    word == mood || begins || is_listed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_direction_that_names_a_mood_chooses_the_take() {
        let moods = ["shout", "neutral", "whisper", "sad"];
        for (directions, take) in [
            (&["beat"][..], 1),
            (&["whispering"], 2),
            (&["to Tam", "SOTTO voce"], 2),
            (&["in the saddle"], 1),
            (&["sadly, then shouting"], 3),
            (&["yelling", "whispering"], 0),
            (&[], 1),
        ] {
            let parentheticals: Vec<_> = directions
                .iter()
                .map(|text| Parenthetical { text: (*text).to_owned(), at: 0 })
                .collect();
            assert_eq!(choose(&moods, &parentheticals), take, "{directions:?}");
        }
    }

    #[test]
    fn without_a_neutral_take_the_first_is_usual() {
        assert_eq!(choose(&["gruff", "sad"], &[]), 0);
    }
}
