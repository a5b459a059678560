//! How long the stages of lines take inside an engine, which reads no clock itself.

use std::collections::HashMap;
use std::time::Instant;

use engine::{PromptCounts, Watch, Work};
use telemetry::metrics::{ENGINE_FRAMES, ENGINE_STEPS, PROMPTS};
use telemetry::trace::Lap;

/// The stages of the lines that one speaker has.
#[derive(Debug)]
pub(crate) struct Laps {
    engine: String,
    /// When the work that is under way began.
    began: Instant,
    lines: HashMap<u64, Stages>,
}

/// From when to when; of a line in several parts from the first to the last.
type Span = Option<(Instant, Instant)>;

/// The stages of one line.
#[derive(Debug, Clone, Copy, Default)]
struct Stages {
    prefill: Span,
    decode: Span,
    vocode: Span,
}

impl Laps {
    /// Nothing was watched yet of the engine of that name.
    pub(crate) fn of(engine: &str) -> Self {
        Self { engine: engine.to_owned(), began: Instant::now(), lines: HashMap::new() }
    }

    /// What was seen of a line that was seated at `since`, and forgets it. A line of a speaker that
    /// tells nothing counts as decoded from then on.
    pub(crate) fn take(&mut self, tag: u64, since: Instant) -> Vec<Lap> {
        let Some(Stages { prefill, decode, vocode }) = self.lines.remove(&tag) else {
            return vec![Lap::between("decode", since, Instant::now())];
        };
        let stages = [("prefill", prefill), ("decode", decode), ("vocode", vocode)];
        let seen = stages.into_iter().filter_map(|(stage, span)| Some((stage, span?)));
        seen.map(|(stage, (began, ended))| Lap::between(stage, began, ended)).collect()
    }

    /// Forgets lines that `is_seated` does not know: they were cancelled.
    pub(crate) fn keep(&mut self, is_seated: impl Fn(u64) -> bool) {
        self.lines.retain(|tag, _| is_seated(*tag));
    }
}

/// Counts what was asked of an engine's prompts since `before`, which becomes `now`.
pub(crate) fn note_prompts(engine: &str, before: &mut PromptCounts, now: PromptCounts) {
    let hits = now.hits.saturating_sub(before.hits);
    let recalled = now.recalled.saturating_sub(before.recalled);
    let misses = now.misses.saturating_sub(before.misses);
    let counts = [("hit", hits), ("recalled", recalled), ("made", misses.saturating_sub(recalled))];
    for (outcome, count) in counts {
        if count > 0 {
            PROMPTS.add(f64::from(u32::try_from(count).unwrap_or(u32::MAX)), [engine, outcome]);
        }
    }
    *before = now;
}

impl Watch for Laps {
    fn begins(&mut self, _: Work, _: &[u64]) {
        self.began = Instant::now();
    }

    fn ends(&mut self, work: Work, lines: &[u64]) {
        let (began, ended) = (self.began, Instant::now());
        for tag in lines {
            let stages = self.lines.entry(*tag).or_default();
            let span = match work {
                Work::Prefill => &mut stages.prefill,
                Work::Decode => &mut stages.decode,
                Work::Vocode => &mut stages.vocode,
            };
            *span = Some((span.map_or(began, |(first, _)| first), ended));
        }
        if work == Work::Decode {
            let frames = u32::try_from(lines.len()).unwrap_or(u32::MAX);
            ENGINE_FRAMES.add(f64::from(frames), [&self.engine]);
            ENGINE_STEPS.count([&self.engine]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_parts_takes_from_the_first_to_the_last_and_is_then_forgotten() {
        let mut laps = Laps::of("test/1");
        let since = Instant::now();
        for work in [Work::Prefill, Work::Prefill, Work::Decode, Work::Decode, Work::Vocode] {
            laps.begins(work, &[1, 2]);
            laps.ends(work, &[1, 2]);
        }
        let told = format!("{:?}", laps.take(1, since));
        for stage in ["prefill", "decode", "vocode"] {
            assert_eq!(told.matches(stage).count(), 1, "{told}");
        }
        // Told nothing of it any more.
        assert_eq!(laps.take(1, since).len(), 1);
        laps.keep(|tag| tag != 2);
        assert!(laps.lines.is_empty());
    }
}
