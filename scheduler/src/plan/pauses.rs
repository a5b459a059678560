//! Silences that directions ask for.

use schemas::Pause;

use super::lines::Parenthetical;

/// What a direction's words mean in milliseconds of silence. Anything else is no pause.
const LENGTHS: &[(&str, u32)] = &[
    ("short beat", 300),
    ("half beat", 300),
    ("short pause", 300),
    ("brief pause", 300),
    ("slight pause", 300),
    ("kurze pause", 300),
    ("beat", 500),
    ("temps", 500),
    ("pause", 800),
    ("pauses", 800),
    ("moment", 800),
    ("two beats", 1_000),
    ("long beat", 1_000),
    ("long pause", 1_500),
    ("long moment", 1_500),
    ("lange pause", 1_500),
    ("silence", 2_000),
    ("stille", 2_000),
    ("long silence", 3_000),
];

/// Returns the pauses among the directions, in order; several in one place become their sum.
///
/// | direction | ms |
/// |---|---|
/// | `short beat`, `short pause`, `brief pause` | 300 |
/// | `beat` | 500 |
/// | `pause`, `moment` | 800 |
/// | `long beat`, `two beats` | 1 000 |
/// | `long pause`, `long moment` | 1 500 |
/// | `silence` | 2 000 |
/// | `long silence` | 3 000 |
///
/// Upper and lower case are one, an article before it is ignored, and a direction of several parts
/// such as `(beat, then softly)` pauses for the parts that are pauses.
#[must_use]
pub fn pauses(parentheticals: &[Parenthetical]) -> Vec<Pause> {
    let mut pauses: Vec<Pause> = Vec::new();
    for Parenthetical { text, at } in parentheticals {
        let ms: u32 = clauses(text).map(|clause| length_ms(&clause)).sum();
        match pauses.last_mut() {
            Some(last) if last.at == *at => last.ms += ms,
            Some(_) | None if ms > 0 => pauses.push(Pause { at: *at, ms }),
            Some(_) | None => {}
        }
    }
    pauses
}

fn clauses(direction: &str) -> impl Iterator<Item = String> {
    let lower = direction.to_lowercase().replace(" then ", ",");
    let parts: Vec<String> = lower.split([',', ';', '.', ':', '–', '—']).map(plain).collect();
    parts.into_iter()
}

/// Spaces collapsed, and the article gone.
fn plain(clause: &str) -> String {
    let words: Vec<&str> = clause.split_whitespace().collect();
    let is_article = |word: &&str| matches!(*word, "a" | "an" | "the" | "another" | "un" | "eine");
    words.strip_prefix(&["then"]).unwrap_or(&words).iter().filter(|w| !is_article(w)).fold(
        String::new(),
        |mut text, word| {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
            text
        },
    )
}

fn length_ms(clause: &str) -> u32 {
    LENGTHS.iter().find(|(words, _)| *words == clause).map_or(0, |(_, ms)| *ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total_ms(direction: &str) -> u32 {
        let parenthetical = Parenthetical { text: direction.to_owned(), at: 3 };
        pauses(&[parenthetical]).iter().map(|pause| pause.ms).sum()
    }

    #[test]
    fn directions_that_are_pauses_have_the_lengths_they_are_documented_with() {
        for (direction, ms) in [
            ("beat", 500),
            ("A BEAT", 500),
            ("beat, then softly", 500),
            ("pause", 800),
            ("a long  pause", 1_500),
            ("silence", 2_000),
            ("beat; another beat", 1_000),
        ] {
            assert_eq!(total_ms(direction), ms, "{direction}");
        }
    }

    #[test]
    fn other_directions_are_no_pauses() {
        for direction in ["beating the drum", "to MIRA", "silently", "", "pausing at the door"] {
            assert_eq!(total_ms(direction), 0, "{direction}");
        }
    }

    #[test]
    fn pauses_in_one_place_are_one_pause() {
        let at = |text: &str, at| Parenthetical { text: text.to_owned(), at };
        let found = pauses(&[at("beat", 4), at("softly", 4), at("pause", 4), at("beat", 9)]);
        assert_eq!(found, [Pause { at: 4, ms: 1_300 }, Pause { at: 9, ms: 500 }]);
    }
}
