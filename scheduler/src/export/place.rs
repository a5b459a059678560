//! Where each line stands in the episode: pure arithmetic over lengths.

/// What placing needs to know of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// Counts scenes; a change of it is a change of scene.
    pub scene: u32,
    /// Whether it starts together with the line before: the right half of a dual dialogue.
    pub is_with_previous: bool,
    /// What is said; only its ending matters, where a cut-off or trailing off changes the gap.
    pub text: String,
    /// Length in milliseconds: of the delivery, or estimated when there is none.
    pub length_ms: u64,
}

/// Silences between lines, in milliseconds, on top of the head and tail inside each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaps {
    /// Before the first line.
    pub lead_in_ms: u64,
    /// Between two lines of a scene.
    pub between_lines_ms: u64,
    /// After a line that is cut off (`--` or `—`): the next one bursts in.
    pub after_cut_off_ms: u64,
    /// After a line that trails off (`…` or `...`).
    pub after_trailing_off_ms: u64,
    /// Between two scenes.
    pub between_scenes_ms: u64,
}

impl Default for Gaps {
    /// The pace of a table read: 0.2 s between lines, none after a cut-off, 0.6 s after trailing
    /// off, 1.5 s between scenes.
    fn default() -> Self {
        Self {
            lead_in_ms: 300,
            between_lines_ms: 200,
            after_cut_off_ms: 0,
            after_trailing_off_ms: 600,
            between_scenes_ms: 1_500,
        }
    }
}

/// Where a line stands, in milliseconds from the start of the episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its first sample.
    pub start_ms: u64,
    /// Behind its last sample.
    pub end_ms: u64,
}

/// Places lines one after the other, halves of a dual dialogue together.
#[must_use]
pub fn place(cues: &[Cue], gaps: &Gaps) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::with_capacity(cues.len());
    let mut free_from = gaps.lead_in_ms;
    for (i, cue) in cues.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| (&cues[i], places[i]));
        let start_ms = match before {
            None => free_from,
            Some((_, place)) if cue.is_with_previous => place.start_ms,
            Some((previous, _)) => free_from + gap_ms(previous, cue, gaps),
        };
        let end_ms = start_ms + cue.length_ms;
        free_from = free_from.max(end_ms);
        places.push(Place { start_ms, end_ms });
    }
    places
}

fn gap_ms(previous: &Cue, cue: &Cue, gaps: &Gaps) -> u64 {
    let ending = previous.text.trim_end_matches(['"', '”', '’', '\'', ' ']);
    if previous.scene != cue.scene {
        gaps.between_scenes_ms
    } else if ending.ends_with("--") || ending.ends_with(['—', '–']) {
        gaps.after_cut_off_ms
    } else if ending.ends_with("...") || ending.ends_with('…') {
        gaps.after_trailing_off_ms
    } else {
        gaps.between_lines_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(scene: u32, text: &str, length_ms: u64) -> Cue {
        Cue { scene, is_with_previous: false, text: text.into(), length_ms }
    }

    fn starts(cues: &[Cue]) -> Vec<u64> {
        place(cues, &Gaps::default()).iter().map(|place| place.start_ms).collect()
    }

    #[test]
    fn the_ending_of_a_line_decides_how_soon_the_next_one_comes() {
        let cues = [
            cue(1, "Who's there?", 1_000),
            cue(1, "It's only --", 500),
            cue(1, "Stop! “Wait—”", 400),
            cue(1, "I thought...", 800),
            cue(2, "Morning.", 600),
        ];
        assert_eq!(starts(&cues), [300, 1_500, 2_000, 2_400, 4_700]);
    }

    #[test]
    fn dual_lines_start_together_and_the_next_waits_for_the_longer() {
        let mut right = cue(1, "No!", 400);
        right.is_with_previous = true;
        let cues = [cue(1, "Yes, of course!", 2_000), right, cue(1, "Oh.", 300)];
        assert_eq!(starts(&cues), [300, 300, 2_500]);
    }
}
