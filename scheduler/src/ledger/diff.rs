//! Which of two sequences' items are the same item.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// How often the items between anchors are looked at again for anchors of their own.
///
/// Each level costs one pass, so this bounds the whole at `LEVELS` sorts of the input, whatever is
/// in it; scripts need two or three.
const LEVELS: u32 = 12;

/// Two stretches that stand for each other.
struct Gap {
    old: Range<usize>,
    new: Range<usize>,
    level: u32,
}

/// Pairs equal items, as indices into `old` and `new`, rising by the second; each is in at most one
/// pair.
///
/// What both begin and end with is paired first, then items that are unique in both and in the
/// same order, then the same between those. What is left, repeats with nothing unique around them,
/// is paired in order. Never quadratic: O(n log n) in the items.
pub(super) fn pairs(old: &[u32], new: &[u32]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut gaps = vec![Gap { old: 0..old.len(), new: 0..new.len(), level: 0 }];
    while let Some(gap) = gaps.pop() {
        let gap = trim(old, new, gap, &mut pairs);
        if gap.old.is_empty() || gap.new.is_empty() {
            continue;
        }
        let anchors = if gap.level < LEVELS { anchors(old, new, &gap) } else { Vec::new() };
        if anchors.is_empty() {
            pair_in_order(old, new, &gap, &mut pairs);
        } else {
            split(&gap, &anchors, &mut gaps);
            pairs.extend(anchors);
        }
    }
    pairs.sort_unstable_by_key(|&(_, new)| new);
    pairs
}

/// Pairs what both stretches begin and end with, and returns what is between.
fn trim(old: &[u32], new: &[u32], mut gap: Gap, pairs: &mut Vec<(usize, usize)>) -> Gap {
    while !gap.old.is_empty() && !gap.new.is_empty() && old[gap.old.start] == new[gap.new.start] {
        pairs.push((gap.old.start, gap.new.start));
        gap.old.start += 1;
        gap.new.start += 1;
    }
    while !gap.old.is_empty() && !gap.new.is_empty() && old[gap.old.end - 1] == new[gap.new.end - 1]
    {
        gap.old.end -= 1;
        gap.new.end -= 1;
        pairs.push((gap.old.end, gap.new.end));
    }
    gap
}

/// Where an item stands in the two stretches.
#[derive(Default)]
struct Seen {
    old: Option<usize>,
    new: Option<usize>,
    is_repeated: bool,
}

/// Items unique in both stretches, as the longest run of pairs that rises in both.
fn anchors(old: &[u32], new: &[u32], gap: &Gap) -> Vec<(usize, usize)> {
    let mut seen: BTreeMap<u32, Seen> = BTreeMap::new();
    for index in gap.old.clone() {
        let seen = seen.entry(old[index]).or_default();
        seen.is_repeated |= seen.old.replace(index).is_some();
    }
    for index in gap.new.clone() {
        let seen = seen.entry(new[index]).or_default();
        seen.is_repeated |= seen.new.replace(index).is_some();
    }
    let mut unique: Vec<(usize, usize)> = seen
        .into_values()
        .filter(|seen| !seen.is_repeated)
        .filter_map(|seen| seen.old.zip(seen.new))
        .collect();
    unique.sort_unstable_by_key(|&(_, new)| new);
    longest_rise(&unique)
}

/// The longest subsequence whose first halves rise, by patience sorting.
fn longest_rise(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // `tops[n]` is the pair that ends the best run of n + 1; `before[i]` the one before pair i.
    let mut tops: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let pile = tops.partition_point(|&top| pairs[top].0 < pair.0);
        before.push(pile.checked_sub(1).map(|below| tops[below]));
        if pile == tops.len() {
            tops.push(index);
        } else {
            tops[pile] = index;
        }
    }
    let mut run = Vec::with_capacity(tops.len());
    let mut at = tops.last().copied();
    while let Some(index) = at {
        run.push(pairs[index]);
        at = before[index];
    }
    run.reverse();
    run
}

fn split(gap: &Gap, anchors: &[(usize, usize)], gaps: &mut Vec<Gap>) {
    let level = gap.level + 1;
    let (mut old, mut new) = (gap.old.start, gap.new.start);
    for &(anchor_old, anchor_new) in anchors.iter().chain([&(gap.old.end, gap.new.end)]) {
        if old < anchor_old && new < anchor_new {
            gaps.push(Gap { old: old..anchor_old, new: new..anchor_new, level });
        }
        (old, new) = (anchor_old + 1, anchor_new + 1);
    }
}

fn pair_in_order(old: &[u32], new: &[u32], gap: &Gap, pairs: &mut Vec<(usize, usize)>) {
    let mut waiting: BTreeMap<u32, VecDeque<usize>> = BTreeMap::new();
    for index in gap.old.clone() {
        waiting.entry(old[index]).or_default().push_back(index);
    }
    for index in gap.new.clone() {
        if let Some(first) = waiting.get_mut(&new[index]).and_then(VecDeque::pop_front) {
            pairs.push((first, index));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_repeat_is_told_apart_by_what_stands_around_it() {
        // Yes(1) between 7 and 8 stays itself when another is said before 7.
        assert_eq!(pairs(&[7, 1, 8, 1], &[1, 7, 1, 8, 1]), [(0, 1), (1, 2), (2, 3), (3, 4)]);
    }

    #[test]
    fn what_is_the_same_from_the_start_is_never_paired_crosswise() {
        assert_eq!(pairs(&[1, 1, 2], &[1, 1, 3, 2]), [(0, 0), (1, 1), (2, 3)]);
    }

    proptest! {
        #[test]
        fn pairs_are_equal_items_used_once(
            old in prop::collection::vec(0u32..6, 0..40),
            new in prop::collection::vec(0u32..6, 0..40),
        ) {
            let pairs = pairs(&old, &new);
            for &(a, b) in &pairs {
                prop_assert_eq!(old[a], new[b]);
            }
            let mut olds: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
            olds.sort_unstable();
            prop_assert!(olds.windows(2).all(|two| two[0] < two[1]));
            prop_assert!(pairs.windows(2).all(|two| two[0].1 < two[1].1));
        }

        #[test]
        fn unique_items_that_keep_their_order_are_all_paired(
            kept in prop::collection::vec(any::<(bool, bool)>(), 0..60),
        ) {
            let pick = |use_first: bool| -> Vec<u32> {
                let keep = |&(first, second): &(bool, bool)| if use_first { first } else { second };
                (0u32..).zip(&kept).filter(|(_, k)| keep(k)).map(|(n, _)| n).collect()
            };
            let (old, new) = (pick(true), pick(false));
            let both = kept.iter().filter(|(first, second)| *first && *second).count();
            prop_assert_eq!(pairs(&old, &new).len(), both);
        }
    }
}
