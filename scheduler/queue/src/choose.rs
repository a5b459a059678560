//! Which group a claim takes from: the order of preference, as one pure function.

use std::cmp::Reverse;

use schemas::{GroupKey, Stage};

/// How long a group may be passed over before it goes first, in milliseconds.
pub(crate) const PASSED_OVER_MS: u64 = 60_000;

/// Lines of one group, submission and stage that can be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The queue's own number of the group in the submission.
    pub(crate) number: i64,
    /// What may be warm.
    pub(crate) key: GroupKey,
    pub(crate) stage: Stage,
    /// Of the submission; higher goes first.
    pub(crate) priority: u8,
    /// When lines of it were last handed out, or began to wait; Unix milliseconds.
    pub(crate) since_ms: u64,
    /// Estimated audio that waits, in milliseconds.
    pub(crate) waiting_ms: u64,
    /// Whether another worker holds a lease on lines of the group to be spoken.
    pub(crate) is_held: bool,
}

/// Puts what is to be taken first in front. `warm` is the worker's, preferred first in front.
///
/// Priority decides before all else. Among equals the older submission goes first, by `number`.
pub(crate) fn rank(candidates: &mut [Candidate], warm: &[GroupKey], now_ms: u64) {
    candidates.sort_by_cached_key(|one| {
        (
            Reverse(one.priority),
            preference(one, warm, now_ms),
            one.number,
            one.stage == Stage::Speak,
        )
    });
}

/// Smaller is taken first.
fn preference(one: &Candidate, warm: &[GroupKey], now_ms: u64) -> (u8, u64) {
    if now_ms.saturating_sub(one.since_ms) >= PASSED_OVER_MS {
        return (0, one.since_ms);
    }
    let largest_first = u64::MAX - one.waiting_ms;
    if one.stage == Stage::Master {
        return (1, largest_first);
    }
    match warm.iter().position(|key| *key == one.key) {
        Some(position) => (2, position as u64),
        None if one.is_held => (4, largest_first),
        None => (3, largest_first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: char) -> GroupKey {
        GroupKey::parse(letter.to_string().repeat(64)).unwrap()
    }

    fn one(letter: char, waiting_ms: u64) -> Candidate {
        Candidate {
            number: i64::from(u32::from(letter)),
            key: key(letter),
            stage: Stage::Speak,
            priority: 5,
            since_ms: 100_000,
            waiting_ms,
            is_held: false,
        }
    }

    fn order(mut candidates: Vec<Candidate>, warm: &[GroupKey]) -> String {
        rank(&mut candidates, warm, 159_999);
        candidates.iter().map(|one| &one.key.as_str()[..1]).collect()
    }

    #[test]
    fn a_warm_group_goes_before_the_largest_and_a_held_one_last() {
        let held = Candidate { is_held: true, ..one('c', 900) };
        let all = vec![one('a', 10), one('b', 500), held, one('d', 20)];
        assert_eq!(order(all.clone(), &[]), "bdac");
        assert_eq!(order(all.clone(), &[key('d'), key('a')]), "dabc");
        assert_eq!(order(all, &[key('c')]), "cbda", "held by others, but warm here");
    }

    #[test]
    fn mastering_goes_before_speaking_and_priority_before_both() {
        let master = Candidate { stage: Stage::Master, ..one('b', 1) };
        let urgent = Candidate { priority: 6, ..one('c', 1) };
        assert_eq!(order(vec![one('a', 10), master, urgent], &[key('a')]), "cba");
    }

    #[test]
    fn a_group_passed_over_for_a_minute_goes_first_within_its_priority() {
        let old = Candidate { since_ms: 99_999, ..one('b', 1) };
        let older = Candidate { since_ms: 99_998, ..one('c', 1) };
        let urgent = Candidate { priority: 6, ..one('d', 1) };
        assert_eq!(order(vec![one('a', 10), old, older, urgent], &[key('a')]), "dcba");
        let young = Candidate { since_ms: 100_000, ..one('b', 1) };
        assert_eq!(order(vec![one('a', 10), young], &[key('a')]), "ab");
    }
}
