//! What an upload changed.

use std::collections::BTreeMap;

use schemas::{Edits, LineId, SynthKey, TakeFacts};

use super::Ledger;
use crate::plan::Plan;

/// Counts what `plan` changed against the last import; `takes` are those in the store.
///
/// A line that was left out and is spoken now is changed; one that is left out now is neither
/// changed nor removed.
#[must_use]
pub fn edits(plan: &Plan, before: &Ledger, takes: &BTreeMap<SynthKey, TakeFacts>) -> Edits {
    let mut gone: BTreeMap<&LineId, Option<&SynthKey>> = before.synth_keys();
    let mut edits = Edits::default();
    for (job, planned_key) in plan.lines.iter().map(|line| (&line.job, &line.planned_key)) {
        match gone.remove(&job.id) {
            None => edits.new += 1,
            Some(key) if key != Some(planned_key) => edits.changed += 1,
            Some(_) => {}
        }
        edits.reused += u64::from(takes.contains_key(&job.synth_key));
    }
    for line in &plan.skipped {
        gone.remove(&line.id);
    }
    edits.removed = gone.len() as u64;
    edits
}
