//! `tableread status --cost`: what machines were taken for, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use queue::{Queue, WorkerHour};
use schemars::JsonSchema;
use serde::Serialize;

use super::moment::moment;
use super::output::{duration, json_pretty, line, table, times_real_time};
use crate::pace;

/// What workers did since some hour began.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Cost {
    /// From when on: Unix milliseconds, the beginning of an hour.
    since_ms: u64,
    /// Until when: Unix milliseconds.
    until_ms: u64,
    /// All workers together; machine time is added up.
    total: Work,
    /// Every worker that held lines, by name.
    workers: BTreeMap<String, Work>,
}

/// What was done, and for how long a machine was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
struct Work {
    /// Time in which a worker held at least one lease, in milliseconds.
    busy_ms: u64,
    /// Lines spoken; those whose take was in the store already are not counted.
    spoken: u64,
    /// Audio of these, in milliseconds.
    audio_ms: u64,
    /// Lines mastered.
    mastered: u64,
    /// Attempts that came to nothing.
    failed: u64,
}

impl Work {
    fn add(&mut self, hour: &WorkerHour) {
        self.busy_ms += hour.busy_ms;
        self.spoken += hour.spoken;
        self.audio_ms += hour.audio_ms;
        self.mastered += hour.mastered;
        self.failed += hour.failed;
    }
}

/// Shows what workers did since so long ago, counted from the full hour before.
pub(super) async fn show(queue: &dyn Queue, ago: Duration, is_json: bool) -> anyhow::Result<()> {
    let until_ms = pace::now_ms();
    let ago_ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
    let since_ms = until_ms.saturating_sub(ago_ms);
    let hours = queue.worked(since_ms).await?;
    let cost = cost(&hours, since_ms - since_ms % 3_600_000, until_ms);
    if is_json {
        return json_pretty(&cost);
    }
    line(shown(&cost))
}

fn cost(hours: &[WorkerHour], since_ms: u64, until_ms: u64) -> Cost {
    let mut cost = Cost { since_ms, until_ms, total: Work::default(), workers: BTreeMap::new() };
    for hour in hours {
        cost.total.add(hour);
        cost.workers.entry(hour.worker.to_string()).or_default().add(hour);
    }
    cost
}

fn shown(cost: &Cost) -> String {
    let since = moment(cost.since_ms);
    let since = since.strip_suffix(":00").unwrap_or(&since);
    if cost.workers.is_empty() {
        return format!("No worker held a line since {since} UTC.");
    }
    let numbers = ["machine time", "spoken", "audio", "× real time", "mastered", "failed"];
    let header = ["worker", numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]];
    let mut rows = table(&header, &numbers);
    let mut by_time: Vec<_> = cost.workers.iter().collect();
    by_time.sort_by_key(|(_, work)| std::cmp::Reverse(work.busy_ms));
    for (worker, work) in by_time {
        rows.add_row(row(worker, work));
    }
    if cost.workers.len() > 1 {
        rows.add_row(row("all", &cost.total));
    }
    let Work { busy_ms, audio_ms, .. } = cost.total;
    format!(
        "{rows}\nSince {since} UTC: {} of machine time for {} of audio.\nMachine time is when a worker \
         held lines, waiting for its store and making voices ready included.",
        hours_and_minutes(busy_ms),
        hours_and_minutes(audio_ms)
    )
}

fn row(name: &str, work: &Work) -> [String; 7] {
    [
        name.to_owned(),
        duration(work.busy_ms),
        work.spoken.to_string(),
        duration(work.audio_ms),
        times_real_time(work.audio_ms, work.busy_ms),
        work.mastered.to_string(),
        work.failed.to_string(),
    ]
}

/// `5 h 12 min`, or as [`duration`] when it is less than an hour.
fn hours_and_minutes(ms: u64) -> String {
    let minutes = ms / 60_000;
    if minutes < 60 {
        return duration(ms);
    }
    format!("{} h {:02} min", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use schemas::WorkerId;

    use super::*;

    fn hour(hour_ms: u64, worker: &str, busy_ms: u64, audio_ms: u64) -> WorkerHour {
        let worker = WorkerId::parse(worker).unwrap();
        WorkerHour { hour_ms, worker, busy_ms, spoken: 2, audio_ms, mastered: 1, failed: 1 }
    }

    #[test]
    fn a_night_is_added_up_by_worker_the_longest_taken_first() {
        let hours = [
            hour(0, "mini-2", 3_600_000, 7_200_000),
            hour(0, "mini-1", 600_000, 3_000_000),
            hour(3_600_000, "mini-2", 1_800_000, 3_600_000),
        ];
        let cost = cost(&hours, 0, 7_200_000);
        let told: Vec<_> = shown(&cost).lines().map(|line| line.trim_end().to_owned()).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
         worker   machine time   spoken     audio   × real time   mastered   failed
        ────────────────────────────────────────────────────────────────────────────
         mini-2        1:30:00        4   3:00:00         2.0 ×          2        2
         mini-1          10:00        2     50:00         5.0 ×          1        1
         all           1:40:00        6   3:50:00         2.3 ×          3        3
        ────────────────────────────────────────────────────────────────────────────
        Since 1970-01-01 00:00 UTC: 1 h 40 min of machine time for 3 h 50 min of audio.
        Machine time is when a worker held lines, waiting for its store and making voices ready included.
        ");
    }

    #[test]
    fn a_night_without_work_says_so() {
        let told = shown(&cost(&[], 1_800_000_000_000, 1_800_000_100_000));
        assert_eq!(told, "No worker held a line since 2027-01-15 08:00 UTC.");
    }
}
