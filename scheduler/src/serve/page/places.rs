//! A submission's lines as they follow each other: scenes, and where each line stands in time.

use std::ops::Range;

use schemas::LineRecord;

use crate::export::{Cue, Gaps, Place, place};

/// One scene: a stretch of lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scene<'a> {
    /// Counts from 1; 0 before the first heading.
    pub(super) number: u32,
    pub(super) heading: &'a str,
    /// Which lines, by their order.
    pub(super) lines: Range<usize>,
}

/// The scenes of a script, in order.
pub(super) fn scenes(records: &[LineRecord]) -> Vec<Scene<'_>> {
    let mut scenes: Vec<Scene<'_>> = Vec::new();
    for (i, record) in records.iter().enumerate() {
        let (number, heading) = (record.job.scene_number, record.job.scene.as_str());
        match scenes.last_mut() {
            Some(scene) if scene.number == number => scene.lines.end = i + 1,
            Some(_) | None => scenes.push(Scene { number, heading, lines: i..i + 1 }),
        }
    }
    scenes
}

/// Where each line stands in the episode, as an export places it; lines without audio take the time
/// that they are expected to.
pub(super) fn places(records: &[LineRecord]) -> Vec<Place> {
    let cue = |record: &LineRecord| Cue {
        scene: record.job.scene_number,
        is_with_previous: record.job.is_with_previous,
        text: record.job.text.clone(),
        length_ms: record
            .delivery
            .as_ref()
            .map_or(u64::from(record.job.estimated_ms), schemas::DeliveryFacts::duration_ms),
    };
    let cues: Vec<_> = records.iter().map(cue).collect();
    place(&cues, &Gaps::default())
}

/// The characters, in order of their first line.
pub(super) fn characters(records: &[LineRecord]) -> Vec<&str> {
    let mut seen = std::collections::BTreeSet::new();
    let names = records.iter().map(|record| record.job.character.as_str());
    names.filter(|name| seen.insert(*name)).collect()
}
