//! Seeds: the same line by the same speaker always draws the same numbers.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

/// Returns the seed of the `repeat`-th time that a speaker says a text; `repeat` counts from 0.
///
/// It is the first eight bytes, big-endian, of a SHA-256 over speaker, text, repeat and take 0. No
/// line id is in it, so a script that is imported without its ledger still finds every take.
#[must_use]
pub fn seed(speaker_key: &str, text: &str, repeat: u32) -> u64 {
    const TAKE: u32 = 0;
    let mut hasher = Sha256::new();
    hasher.update(b"seed/1\0");
    hasher.update(speaker_key.as_bytes());
    hasher.update([0]);
    hasher.update(text.as_bytes());
    hasher.update([0]);
    hasher.update(repeat.to_be_bytes());
    hasher.update(TAKE.to_be_bytes());
    let hash = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

/// A line as far as its repeat is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// Who.
    pub(super) speaker_key: &'a str,
    /// What, after the lexicon.
    pub(super) text: &'a str,
    /// The repeat it had at the last import, when it still says the same.
    pub(super) before: Option<u32>,
}

/// Numbers the lines that sound alike, each from 0.
///
/// A line keeps the number it had before, so that cutting the first of three `Yes.` leaves the
/// takes of the other two alone; the rest get the lowest numbers that are free, in script order.
pub(super) fn repeats(said: &[Said<'_>]) -> Vec<u32> {
    let mut taken: BTreeMap<(&str, &str), Numbers> = BTreeMap::new();
    let mut repeats: Vec<Option<u32>> = Vec::with_capacity(said.len());
    for line in said {
        let numbers = taken.entry((line.speaker_key, line.text)).or_default();
        repeats.push(line.before.filter(|number| numbers.taken.insert(*number)));
    }
    for (line, repeat) in said.iter().zip(&mut repeats) {
        if repeat.is_none() {
            let numbers = taken.entry((line.speaker_key, line.text)).or_default();
            *repeat = Some(numbers.lowest_free());
        }
    }
    repeats.into_iter().flatten().collect()
}

#[derive(Default)]
struct Numbers {
    taken: BTreeSet<u32>,
    next: u32,
}

impl Numbers {
    fn lowest_free(&mut self) -> u32 {
        while !self.taken.insert(self.next) {
            self.next += 1;
        }
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, before: Option<u32>) -> Said<'_> {
        Said { speaker_key: "MIRA", text, before }
    }

    /// A changed seed would re-render every production's back catalogue: change it knowingly.
    #[test]
    fn seeds_are_the_same_in_every_build() {
        assert_eq!(seed("MIRA", "Yes.", 0), 672_322_017_677_115_622);
        assert_ne!(seed("MIRA", "Yes.", 0), seed("MIRA", "Yes.", 1));
        assert_ne!(seed("MIRA", "Yes.", 0), seed("OTTO", "Yes.", 0));
    }

    #[test]
    fn the_same_words_are_counted_through() {
        let lines = [said("Yes.", None), said("No.", None), said("Yes.", None)];
        assert_eq!(repeats(&lines), [0, 0, 1]);
    }

    #[test]
    fn a_line_keeps_its_number_when_an_earlier_one_is_cut() {
        let lines = [said("Yes.", Some(1)), said("Yes.", None), said("Yes.", Some(2))];
        assert_eq!(repeats(&lines), [1, 0, 2]);
    }

    #[test]
    fn two_lines_never_share_a_number() {
        let lines = [said("Yes.", Some(1)), said("Yes.", Some(1)), said("Yes.", None)];
        assert_eq!(repeats(&lines), [1, 0, 2]);
    }
}
