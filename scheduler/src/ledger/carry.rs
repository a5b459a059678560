//! Carrying ids over from the last import.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use schemas::LineId;
use serde::Serialize;

use super::scenes::{SceneView, pair_scenes};
use super::similar::{likeness, normalised};
use super::{Ledger, LedgerLine, diff};
use crate::plan::{Line, Minter};

/// How alike a changed line must be to keep its id: first the clear cases, then the rest.
const LEAST_ALIKE: [f64; 2] = [0.85, 0.6];

/// How many lines of a speaker, before and after where a changed line is expected, it is compared
/// with. Bounds the search, so that a script rewritten throughout costs no more than eight
/// comparisons a line.
const NEIGHBOURS: usize = 4;

/// How a line came by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    /// The script gives it.
    Explicit,
    /// It stands where it stood, and says what it said.
    Same,
    /// It says what it said, elsewhere.
    Moved,
    /// It was removed before and is back.
    Returned,
    /// It says something like what it said.
    Reworded,
    /// The id is new.
    New,
}

/// What [`carry_ids`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched {
    /// How each line came by its id, in script order.
    pub carried: Vec<Carried>,
    /// Which time it was that a line's speaker said this, for lines whose text is the same to the
    /// letter: keeps their seeds when another line of the same words comes or goes.
    pub repeats: BTreeMap<LineId, u32>,
}

/// Gives every line the id it had at the last import, and lines that are new an id that was never
/// used.
///
/// In this order, each for the lines and ids that are left: the id the script gives; the same
/// speaker and text in the same scene, told apart by the lines around; the same anywhere else; the
/// same among removed lines; a like text by the same speaker, near where it is expected. Texts are
/// compared by letters and digits only. O(n log n) in the lines of both imports.
pub fn carry_ids(lines: &mut [Line], ledger: &Ledger) -> Matched {
    let mut tokens = Tokens::default();
    let new: Vec<Known> = lines.iter().map(|line| tokens.known(&line.into())).collect();
    let old: Vec<Known> = all(ledger).map(|line| tokens.known(&line.into())).collect();
    let mut carry = Carry {
        from: vec![None; new.len()],
        is_taken: vec![false; old.len()],
        standing: ledger.lines.len(),
        texts: tokens.texts,
        old,
        new,
    };
    carry.explicit(lines, ledger);
    let scenes = carry.scenes(lines, ledger);
    carry.same(&scenes);
    carry.elsewhere();
    for least in LEAST_ALIKE {
        carry.reworded(&scenes, least);
    }
    let from = carry.from;
    give(lines, ledger, &from)
}

fn all(ledger: &Ledger) -> impl Iterator<Item = &LedgerLine> {
    ledger.lines.iter().chain(&ledger.removed)
}

/// What is compared of a line of either import.
struct Words<'a> {
    scene: u32,
    speaker_key: &'a str,
    text: &'a str,
}

impl<'a> From<&'a Line> for Words<'a> {
    fn from(line: &'a Line) -> Self {
        Self { scene: line.scene.number, speaker_key: &line.speaker_key, text: &line.text }
    }
}

impl<'a> From<&'a LedgerLine> for Words<'a> {
    fn from(line: &'a LedgerLine) -> Self {
        Self { scene: line.scene, speaker_key: &line.speaker_key, text: &line.text }
    }
}

/// A line as numbers.
#[derive(Clone, Copy)]
struct Known {
    scene: u32,
    speaker: u32,
    /// The same for the same words by the same speaker.
    token: u32,
}

/// Gives numbers to speakers and to what they say, by first appearance.
#[derive(Default)]
struct Tokens {
    speakers: BTreeMap<String, u32>,
    by_words: BTreeMap<(u32, String), u32>,
    /// Normalised text by token.
    texts: Vec<String>,
}

impl Tokens {
    fn known(&mut self, words: &Words<'_>) -> Known {
        let next = number(self.speakers.len());
        let speaker = match self.speakers.get(words.speaker_key) {
            Some(&speaker) => speaker,
            None => *self.speakers.entry(words.speaker_key.to_owned()).or_insert(next),
        };
        let text = normalised(words.text);
        let next = number(self.by_words.len());
        let token = *self.by_words.entry((speaker, text.clone())).or_insert(next);
        if token == next {
            self.texts.push(text);
        }
        Known { scene: words.scene, speaker, token }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("scripts and their ledgers hold fewer than 2^32 lines")
}

/// A search for the old line of every new one.
struct Carry {
    new: Vec<Known>,
    /// Lines of the last import, then those removed before.
    old: Vec<Known>,
    /// How many of `old` are of the last import.
    standing: usize,
    /// Index into `old` of each new line, once found, and how.
    from: Vec<Option<(usize, Carried)>>,
    is_taken: Vec<bool>,
    texts: Vec<String>,
}

impl Carry {
    fn take(&mut self, new: usize, old: usize, how: Carried) {
        if !self.is_taken[old] && self.from[new].is_none() {
            self.from[new] = Some((old, how));
            self.is_taken[old] = true;
        }
    }

    fn explicit(&mut self, lines: &[Line], ledger: &Ledger) {
        // Ids become file names, and not every file system tells `A` from `a`.
        let folded = |id: &LineId| id.as_str().to_ascii_lowercase();
        let by_id: BTreeMap<String, usize> =
            all(ledger).enumerate().map(|(index, line)| (folded(&line.id), index)).collect();
        for (index, line) in lines.iter().enumerate() {
            if let Some(&old) = line.explicit_id.as_ref().and_then(|id| by_id.get(&folded(id))) {
                self.take(index, old, Carried::Explicit);
            }
        }
    }

    fn scenes(&self, lines: &[Line], ledger: &Ledger) -> BTreeMap<u32, u32> {
        let tokens = |known: &[Known]| known.iter().map(|known| known.token).collect::<Vec<_>>();
        let (old, new) = (tokens(&self.old[..self.standing]), tokens(&self.new));
        let old_scenes =
            ledger.lines.iter().map(|line| (line.scene, line.heading.as_str())).collect();
        let new_scenes =
            lines.iter().map(|line| (line.scene.number, line.scene.heading.as_str())).collect();
        pair_scenes(
            &SceneView { scenes: old_scenes, tokens: &old },
            &SceneView { scenes: new_scenes, tokens: &new },
        )
    }

    /// The same words in the same scene.
    fn same(&mut self, scenes: &BTreeMap<u32, u32>) {
        let mut old_by_scene: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for index in (0..self.standing).filter(|&index| !self.is_taken[index]) {
            old_by_scene.entry(self.old[index].scene).or_default().push(index);
        }
        let mut new_by_scene: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for index in (0..self.new.len()).filter(|&index| self.from[index].is_none()) {
            new_by_scene.entry(self.new[index].scene).or_default().push(index);
        }
        for (scene, new) in new_by_scene {
            let Some(old) = scenes.get(&scene).and_then(|scene| old_by_scene.get(scene)) else {
                continue;
            };
            let old_tokens: Vec<u32> = old.iter().map(|&index| self.old[index].token).collect();
            let new_tokens: Vec<u32> = new.iter().map(|&index| self.new[index].token).collect();
            for (a, b) in diff::pairs(&old_tokens, &new_tokens) {
                self.take(new[b], old[a], Carried::Same);
            }
        }
    }

    /// The same words anywhere: lines of the last import come before removed ones.
    fn elsewhere(&mut self) {
        let mut waiting: BTreeMap<u32, VecDeque<usize>> = BTreeMap::new();
        for index in (0..self.old.len()).filter(|&index| !self.is_taken[index]) {
            waiting.entry(self.old[index].token).or_default().push_back(index);
        }
        for index in 0..self.new.len() {
            if self.from[index].is_some() {
                continue;
            }
            let queue = waiting.get_mut(&self.new[index].token);
            if let Some(old) = queue.and_then(VecDeque::pop_front) {
                let is_standing = old < self.standing;
                self.take(index, old, if is_standing { Carried::Moved } else { Carried::Returned });
            }
        }
    }

    /// Like words by the same speaker, near where the line is expected.
    fn reworded(&mut self, scenes: &BTreeMap<u32, u32>, least: f64) {
        let mut left: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        for index in (0..self.standing).filter(|&index| !self.is_taken[index]) {
            left.entry(self.old[index].speaker).or_default().insert(index);
        }
        let first_of_scene = self.first_of_scene();
        let mut expected = 0;
        let mut scene = None;
        for index in 0..self.new.len() {
            let pair = scenes.get(&self.new[index].scene).copied();
            if scene.replace(self.new[index].scene) != Some(self.new[index].scene) {
                expected =
                    pair.and_then(|old| first_of_scene.get(&old).copied()).unwrap_or(expected);
            }
            if self.from[index].is_none()
                && let Some(mine) = left.get_mut(&self.new[index].speaker)
                && let Some(old) = self.most_alike(index, mine, &Aim { expected, pair, least })
            {
                mine.remove(&old);
                self.take(index, old, Carried::Reworded);
            }
            if let Some((old, _)) = self.from[index].filter(|(old, _)| *old < self.standing) {
                expected = old + 1;
            }
        }
    }

    fn first_of_scene(&self) -> BTreeMap<u32, usize> {
        let mut first = BTreeMap::new();
        for (index, known) in self.old[..self.standing].iter().enumerate() {
            first.entry(known.scene).or_insert(index);
        }
        first
    }

    /// Among the neighbours, one of the same scene before others, then the most alike.
    fn most_alike(&self, new: usize, mine: &BTreeSet<usize>, aim: &Aim) -> Option<usize> {
        let after = mine.range(aim.expected..).take(NEIGHBOURS);
        let before = mine.range(..aim.expected).rev().take(NEIGHBOURS);
        let text = &self.texts[self.new[new].token as usize];
        after
            .chain(before)
            .map(|&old| {
                let other = &self.texts[self.old[old].token as usize];
                (Some(self.old[old].scene) == aim.pair, likeness(text, other, aim.least), old)
            })
            .filter(|(_, likeness, _)| *likeness >= aim.least)
            .max_by(|a, b| (a.0.cmp(&b.0)).then(a.1.total_cmp(&b.1)).then(b.2.cmp(&a.2)))
            .map(|(_, _, old)| old)
    }
}

/// Where a line is looked for.
struct Aim {
    /// Index of the old line that should follow.
    expected: usize,
    /// The old scene that its scene was.
    pair: Option<u32>,
    /// How alike it must be.
    least: f64,
}

/// Writes the ids that were found into the lines and mints the others.
fn give(lines: &mut [Line], ledger: &Ledger, from: &[Option<(usize, Carried)>]) -> Matched {
    let old: Vec<&LedgerLine> = all(ledger).collect();
    let mut minter = Minter::default();
    for line in &old {
        minter.reserve(&line.id);
    }
    for id in lines.iter().filter_map(|line| line.explicit_id.as_ref()) {
        minter.reserve(id);
    }
    let mut matched = Matched::default();
    for (line, from) in lines.iter_mut().zip(from) {
        let found = from.map(|(index, how)| (old[index], how));
        let how = match (&line.explicit_id, found) {
            (Some(id), _) => {
                line.id = id.clone();
                Carried::Explicit
            }
            (None, Some((old, how))) => {
                line.id = old.id.clone();
                how
            }
            (None, None) => {
                line.id = minter.mint(line.scene.number);
                Carried::New
            }
        };
        let same_words = found.filter(|(old, _)| old.text == line.text);
        if let Some(repeat) = same_words.and_then(|(old, _)| old.repeat) {
            matched.repeats.insert(line.id.clone(), repeat);
        }
        matched.carried.push(how);
    }
    matched
}
