//! What a queue tells of workers: how they are, and what they did.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemas::{WorkerId, WorkerReport};
use serde::{Deserialize, Serialize};

/// One hour in milliseconds.
pub(crate) const HOUR_MS: u64 = 3_600_000;

/// For how long is kept what workers did, in milliseconds: 36 days, so that a month can be looked back on.
pub(crate) const WORK_KEPT_MS: u64 = 36 * 24 * HOUR_MS;

/// A worker as the queue last heard of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerCard {
    /// Who.
    pub worker: WorkerId,
    /// When it last claimed, renewed, settled or reported; Unix milliseconds by the queue's clock.
    pub seen_at_ms: u64,
    /// Lines it holds now.
    pub lines_held: u64,
    /// What it last said of itself, within the last hour.
    pub report: Option<WorkerReport>,
    /// Whether it was told to finish what it holds and end.
    pub is_ordered_to_drain: bool,
}

/// What one worker did in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerHour {
    /// When the hour began: Unix milliseconds by the queue's clock, a multiple of 3 600 000.
    pub hour_ms: u64,
    /// Who.
    pub worker: WorkerId,
    /// Time in which it held at least one lease, in milliseconds; up to the lease's end when it fell
    /// silent. Several leases at once count once, so it is what the machine was taken for.
    pub busy_ms: u64,
    /// Lines it spoke. A take that it found in the store is not counted: nothing was rendered.
    pub spoken: u64,
    /// Length of what it spoke, in milliseconds.
    pub audio_ms: u64,
    /// Lines it mastered.
    pub mastered: u64,
    /// Attempts that came to nothing, in either stage: lines that failed and lines it fell silent with.
    pub failed: u64,
}

impl WorkerHour {
    pub(crate) fn new(hour_ms: u64, worker: WorkerId) -> Self {
        Self { hour_ms, worker, busy_ms: 0, spoken: 0, audio_ms: 0, mastered: 0, failed: 0 }
    }
}

/// The hours from `since_ms` to `until_ms`, each with how many milliseconds of it lie between.
pub(crate) fn by_hour(since_ms: u64, until_ms: u64) -> impl Iterator<Item = (u64, u64)> {
    let mut from_ms = since_ms.max(until_ms.saturating_sub(WORK_KEPT_MS));
    std::iter::from_fn(move || {
        let hour_ms = from_ms - from_ms % HOUR_MS;
        let ms = (hour_ms + HOUR_MS).min(until_ms).checked_sub(from_ms)?;
        from_ms += ms;
        (ms > 0).then_some((hour_ms, ms))
    })
}

/// Adds what is going on: workers that hold a lease since some time. Hours before `since_ms` are left
/// out; the result is ordered as [`crate::Queue::worked`] tells it.
pub(crate) fn with_open(
    told: Vec<WorkerHour>,
    open: Vec<(WorkerId, u64)>,
    since_ms: u64,
    now_ms: u64,
) -> Vec<WorkerHour> {
    let first_ms = since_ms - since_ms % HOUR_MS;
    let of = |hour: &WorkerHour| (hour.hour_ms, hour.worker.clone());
    let mut hours: BTreeMap<_, _> = told.into_iter().map(|hour| (of(&hour), hour)).collect();
    for (worker, busy_since_ms) in open {
        for (hour_ms, ms) in by_hour(busy_since_ms, now_ms) {
            let hour = hours
                .entry((hour_ms, worker.clone()))
                .or_insert_with(|| WorkerHour::new(hour_ms, worker.clone()));
            hour.busy_ms += ms;
        }
    }
    hours.into_values().filter(|hour| hour.hour_ms >= first_ms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_split_at_full_hours() {
        let hours = |since, until| by_hour(since, until).collect::<Vec<_>>();
        assert_eq!(hours(HOUR_MS - 5, HOUR_MS - 2), [(0, 3)]);
        assert_eq!(hours(HOUR_MS - 5, HOUR_MS), [(0, 5)]);
        let over = [(0, 5), (HOUR_MS, HOUR_MS), (2 * HOUR_MS, 7)];
        assert_eq!(hours(HOUR_MS - 5, 2 * HOUR_MS + 7), over);
        assert_eq!(hours(9, 9), []);
        assert_eq!(hours(9, 8), [], "a clock that was set back");
        let years = by_hour(0, 10 * WORK_KEPT_MS).map(|(_, ms)| ms).sum::<u64>();
        assert_eq!(years, WORK_KEPT_MS);
    }
}
