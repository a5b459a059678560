//! Which lines can be spoken together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemas::{GroupKey, VoiceKey};
use serde::Serialize;

use super::ready::PlannedLine;

/// Lines that share model, voice version, reference take and language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Group {
    /// Names it.
    pub key: GroupKey,
    /// The voice's key.
    pub voice: VoiceKey,
    /// BCP 47.
    pub language: String,
    /// Estimated audio of all its lines, in milliseconds.
    pub estimated_ms: u64,
    /// Characters of all its lines.
    pub characters: u64,
    /// [`PlannedLine::order`] of its lines, rising. Never empty.
    pub lines: Vec<u32>,
}

/// Groups lines by what they must share to be spoken in one batch, by first appearance.
#[must_use]
pub fn group_by_voice(lines: &[PlannedLine]) -> Vec<Group> {
    let mut index: BTreeMap<&GroupKey, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for PlannedLine { order, group, job, .. } in lines {
        let next = groups.len();
        let place = *index.entry(group).or_insert(next);
        if place == next {
            groups.push(Group {
                key: group.clone(),
                voice: job.voice.clone(),
                language: job.language.clone(),
                estimated_ms: 0,
                characters: 0,
                lines: Vec::new(),
            });
        }
        let group = &mut groups[place];
        group.estimated_ms += u64::from(job.estimated_ms);
        group.characters += job.text.chars().count() as u64;
        group.lines.push(*order);
    }
    groups
}
