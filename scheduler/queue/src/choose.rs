//! Which group a claim takes from: the order of preference, as one pure function.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemas::{GroupKey, Stage};

/// How long a group may be passed over before it goes first, in milliseconds.
pub(crate) const PASSED_OVER_MS: u64 = 60_000;

/// By how much audio a share a submission may be ahead of others and still be preferred for a warm
/// voice, in milliseconds.
pub(crate) const AHEAD_MS: u64 = 60_000;

/// Lines of one group, submission and stage that can be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The queue's own number of the group in the submission.
    pub(crate) number: i64,
    /// The queue's own number of the submission; older ones have smaller.
    pub(crate) submission: i64,
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
    /// Of the submission, as it was submitted.
    pub(crate) shares: u32,
    /// Estimated audio of the submission's lines under lease, in milliseconds.
    pub(crate) leased_ms: u64,
}

impl Candidate {
    /// What its submission has under lease a share, in thousandths of a millisecond.
    fn load(&self) -> u64 {
        self.leased_ms.saturating_mul(1_000) / u64::from(self.shares.clamp(1, 100))
    }
}

/// Puts what is to be taken first in front. `warm` is the worker's, preferred first in front.
///
/// Priority decides before all else. Among equals the older submission goes first, by `number`.
pub(crate) fn rank(candidates: &mut [Candidate], warm: &[GroupKey], now_ms: u64) {
    let mut least = BTreeMap::new();
    for one in &*candidates {
        let least = least.entry(one.priority).or_insert(u64::MAX);
        *least = one.load().min(*least);
    }
    candidates.sort_by_cached_key(|one| {
        let ahead_from = least[&one.priority].saturating_add(AHEAD_MS * 1_000);
        (
            Reverse(one.priority),
            preference(one, warm, now_ms, ahead_from),
            one.number,
            one.stage == Stage::Speak,
        )
    });
}

/// Smaller is taken first: the rule, then the submission by its load and age, then what the rule
/// goes by.
fn preference(
    one: &Candidate,
    warm: &[GroupKey],
    now_ms: u64,
    ahead_from: u64,
) -> (u8, u64, i64, bool, u64) {
    let load = one.load();
    if now_ms.saturating_sub(one.since_ms) >= PASSED_OVER_MS {
        return (1, load, one.submission, false, one.since_ms);
    }
    let largest_first = u64::MAX - one.waiting_ms;
    if one.stage == Stage::Master {
        return (2, load, one.submission, false, largest_first);
    }
    match warm.iter().position(|key| *key == one.key) {
        Some(position) if load <= ahead_from => (3, 0, 0, false, position as u64),
        Some(_) | None => (4, load, one.submission, one.is_held, largest_first),
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
            submission: 1,
            key: key(letter),
            stage: Stage::Speak,
            priority: 5,
            since_ms: 100_000,
            waiting_ms,
            is_held: false,
            shares: 1,
            leased_ms: 0,
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

    #[test]
    fn the_submission_with_the_least_a_share_goes_first() {
        let busy = |letter, leased_ms, shares| Candidate { shares, leased_ms, ..one(letter, 900) };
        let younger = Candidate { submission: 2, ..one('a', 900) };
        assert_eq!(order(vec![younger, one('b', 1)], &[]), "ba", "of equals the older");
        let all = vec![busy('a', 3_000, 1), busy('b', 6_000, 3), busy('c', 2_001, 1)];
        assert_eq!(order(all, &[]), "bca");
        let held = Candidate { is_held: true, ..one('a', 1) };
        assert_eq!(
            order(vec![busy('b', 1, 1), held], &[]),
            "ab",
            "a share goes before a held voice"
        );
        let old =
            |letter, leased_ms, since_ms| Candidate { since_ms, ..busy(letter, leased_ms, 1) };
        assert_eq!(order(vec![old('a', 1, 1), old('b', 0, 9), one('c', 9)], &[]), "bac");
    }

    #[test]
    fn a_warm_group_is_preferred_until_its_submission_is_ahead() {
        let warm = |leased_ms| Candidate { leased_ms, ..one('a', 1) };
        let other = Candidate { leased_ms: 500, ..one('b', 1) };
        assert_eq!(order(vec![other.clone(), warm(60_500)], &[key('a')]), "ab");
        assert_eq!(order(vec![other, warm(60_501)], &[key('a')]), "ba");
        let urgent = Candidate { priority: 6, ..one('b', 1) };
        let alone = Candidate { leased_ms: 900_000, ..one('c', 1) };
        assert_eq!(order(vec![urgent, one('a', 900), alone], &[key('c')]), "bac");
    }

    #[test]
    fn shares_outside_their_range_count_as_the_nearest() {
        let with = |shares| Candidate { shares, leased_ms: 1_000, ..one('a', 1) }.load();
        assert_eq!(
            (with(0), with(1), with(100), with(u32::MAX)),
            (1_000_000, 1_000_000, 10_000, 10_000)
        );
    }
}
