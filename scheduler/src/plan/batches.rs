//! What one worker would lease at a time.

use schemars::JsonSchema;
use schemas::GroupKey;
use serde::Serialize;

use super::group::Group;
use super::ready::PlannedLine;

/// How much one batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Limits {
    /// Lines; at least 1, and 0 counts as 1.
    pub max_lines: usize,
    /// Estimated audio in milliseconds; a longer line is a batch by itself.
    pub max_audio_ms: u64,
}

impl Default for Limits {
    /// 32 lines and two minutes: long enough to fill a GPU, short enough to lose to a crash.
    fn default() -> Self {
        Self { max_lines: 32, max_audio_ms: 120_000 }
    }
}

/// Lines of one group that a worker could lease together.
///
/// The queue makes its leases by what workers want when they ask; this says how a farm with these
/// limits would split the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedBatch {
    /// Whose lines.
    pub group: GroupKey,
    /// Estimated audio, in milliseconds.
    pub estimated_ms: u64,
    /// [`PlannedLine::order`] of its lines, shortest first. Never empty.
    pub lines: Vec<u32>,
}

/// Splits groups into batches of lines of like length, so that few seats wait for a long line.
///
/// `lines` are all lines of the plan, in order. Every line of a group is in exactly one batch.
#[must_use]
pub fn batches(groups: &[Group], lines: &[PlannedLine], limits: &Limits) -> Vec<PlannedBatch> {
    groups.iter().flat_map(|group| split(group, lines, limits)).collect()
}

fn split(group: &Group, lines: &[PlannedLine], limits: &Limits) -> Vec<PlannedBatch> {
    let length = |order: u32| u64::from(lines[order as usize].job.estimated_ms);
    let mut orders = group.lines.clone();
    orders.sort_by_key(|&order| (length(order), order));
    let mut batches: Vec<PlannedBatch> = Vec::new();
    for order in orders {
        let ms = length(order);
        let fits = |batch: &&mut PlannedBatch| {
            batch.lines.len() < limits.max_lines && batch.estimated_ms + ms <= limits.max_audio_ms
        };
        match batches.last_mut().filter(fits) {
            Some(batch) => {
                batch.estimated_ms += ms;
                batch.lines.push(order);
            }
            None => batches.push(PlannedBatch {
                group: group.key.clone(),
                estimated_ms: ms,
                lines: vec![order],
            }),
        }
    }
    batches
}
