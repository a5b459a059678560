//! Names: finding a character by what stands in a cue.

use screenplay::{Extension, speaker_key};

use crate::plan::Line;

/// Words that call several people at once.
const GROUP_WORDS: &[&str] = &["ALL", "BOTH", "CROWD", "EVERYBODY", "EVERYONE", "OTHERS", "CHORUS"];

/// Extensions that say the same of any name.
const GROUP_EXTENSIONS: &[&str] = &["VARIOUS", "TOGETHER", "IN UNISON", "BOTH", "ALL"];

/// What a character or alias of the cast is found by.
///
/// `MIRA (YOUNG)` is the name `MIRA` with the extension `YOUNG`: only cues that carry it are meant.
pub(super) fn cast_key(name: &str) -> String {
    let Some((base, rest)) = name.split_once('(') else { return speaker_key(name) };
    let extension = rest.split_once(')').map_or(rest, |(inside, _)| inside);
    if speaker_key(base).is_empty() { speaker_key(name) } else { extended_key(base, extension) }
}

/// The keys to look a line's speaker up by, the most particular first.
pub(super) fn keys_of(line: &Line) -> impl Iterator<Item = String> {
    let extended = line.extensions.iter().map(|extension| {
        let text: String = Extension::clone(extension).into();
        extended_key(&line.speaker_key, &text)
    });
    extended.chain([line.speaker_key.clone()])
}

fn extended_key(name: &str, extension: &str) -> String {
    format!("{} ({})", speaker_key(name), speaker_key(extension))
}

/// Whether a cue calls several people at once: `BOB & ANN`, `BOB/ANN`, `ALL`, `CROWD (VARIOUS)`.
pub(super) fn is_group(line: &Line) -> bool {
    let key = &line.speaker_key;
    let mut words = key.split(' ');
    key.contains(['&', '/', '+', ','])
        || words.any(|word| word == "AND")
        || GROUP_WORDS.contains(&key.as_str())
        || line.extensions.iter().any(|extension| {
            let text: String = Extension::clone(extension).into();
            GROUP_EXTENSIONS.contains(&text.to_uppercase().as_str())
        })
}

/// Returns the name most like `name`, if any is like enough to be a slip of the pen.
pub(super) fn most_alike<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|other| (likeness(name, other), other))
        .filter(|(likeness, _)| *likeness >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, other)| other)
}

/// From 0 to 1; a name that is a whole word of the other counts 0.9, e.g. `TAM` and `OLD TAM`.
fn likeness(name: &str, other: &str) -> f64 {
    let is_part = |short: &str, long: &str| {
        !short.is_empty() && long.split([' ', '-', '\'', '’']).any(|word| word == short)
    };
    let spelt = strsim::normalized_damerau_levenshtein(name, other);
    if is_part(name, other) || is_part(other, name) { spelt.max(0.9) } else { spelt }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_and_a_part_of_a_name_are_alike_and_strangers_are_not() {
        let known = ["MIRA", "OLD TAM", "COASTGUARD"];
        assert_eq!(most_alike("MRIA", known), Some("MIRA"));
        assert_eq!(most_alike("TAM", known), Some("OLD TAM"));
        assert_eq!(most_alike("YOUNG MIRA", known), Some("MIRA"));
        assert_eq!(most_alike("BRANDT", known), None);
    }

    #[test]
    fn an_alias_may_ask_for_an_extension() {
        assert_eq!(cast_key("Mira  (young)"), "MIRA (YOUNG)");
        assert_eq!(cast_key("old tam"), "OLD TAM");
    }
}
