//! How long a line may become, and how one is noticed that has gone astray.
//!
//! A model now and then never ends a line: it falls silent, or says the same over and over. Such a
//! line must not keep its seat until the model's own limit of ten minutes.

use std::collections::VecDeque;

use super::Frame;
use crate::estimate_ms;

/// Milliseconds of a frame.
pub(crate) const FRAME_MS: u32 = 80;

/// How many times slower than usual a line may be spoken: acted, whispered, in dialect.
const SLOWEST: u32 = 4;

/// What a line may take on top of that, in milliseconds: breath, laughter, silence at either end.
const SPARE_MS: u32 = 8_000;

/// Frames that a line of `text` may have; one with more is lost. `language` is BCP 47.
pub(crate) fn most_frames(text: &str, language: &str) -> u32 {
    let most_ms = estimate_ms(text, language, 1.0).saturating_mul(SLOWEST);
    most_ms.saturating_add(SPARE_MS) / FRAME_MS
}

/// Frames that are looked back upon: 10 seconds.
const WINDOW: usize = 125;

/// First codes, of 2048, that speech of that length has more of: a few words have dozens.
const FEWEST: usize = 4;

/// Notices a line that is stuck in silence or in one sound.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// First codes of the last frames, the latest last.
    recent: VecDeque<u16>,
}

impl Watch {
    /// Takes the next frame and says whether the line is stuck.
    pub(crate) fn is_stuck_after(&mut self, frame: &Frame) -> bool {
        self.recent.push_back(frame[0]);
        if self.recent.len() <= WINDOW {
            return false;
        }
        self.recent.pop_front();
        let mut different: Vec<_> = self.recent.iter().collect();
        different.sort_unstable();
        different.dedup();
        different.len() <= FEWEST
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::qwen3_tts::config::CODES;

    /// After how many frames a line with these first codes is stuck.
    fn stuck_after(codes: impl Iterator<Item = u16>) -> Option<usize> {
        let mut watch = Watch::default();
        codes.take(1_000).position(|code| watch.is_stuck_after(&[code; CODES]))
    }

    #[test]
    fn ten_seconds_of_few_sounds_are_a_line_that_is_stuck() {
        assert_eq!(stuck_after(std::iter::repeat(7)), Some(WINDOW));
        assert_eq!(stuck_after((0..4).cycle()), Some(WINDOW));
        assert_eq!(stuck_after((0..80).chain(std::iter::repeat(7))), Some(80 + WINDOW - FEWEST));
    }

    #[test]
    fn speech_and_short_silences_go_on() {
        assert_eq!(stuck_after((0..40).cycle()), None);
        let pausing = (0..20).chain(std::iter::repeat_n(7, 100)).cycle();
        assert_eq!(stuck_after(pausing), None);
    }

    /// A few words: sounds that are held for up to 0.6 s each and do not come again, then silence of
    /// up to 4 s.
    fn phrase() -> impl Strategy<Value = Vec<u16>> {
        let sounds = prop::collection::hash_set(1_u16..2048, 8..40);
        let held = prop::collection::vec(1_usize..=8, 40);
        (sounds, held, 0_usize..=50).prop_map(|(sounds, held, silent)| {
            let sounds = sounds.into_iter().zip(held);
            let spoken = sounds.flat_map(|(code, frames)| std::iter::repeat_n(code, frames));
            spoken.chain(std::iter::repeat_n(0, silent)).collect()
        })
    }

    proptest! {
        /// However slowly it is spoken and however long it pauses.
        #[test]
        fn speech_is_never_taken_for_stuck(phrases in prop::collection::vec(phrase(), 1..12)) {
            prop_assert_eq!(stuck_after(phrases.concat().into_iter()), None);
        }

        /// Whatever was said before, a line that stays in few sounds is ended within ten seconds.
        #[test]
        fn a_line_that_stops_speaking_is_ended(
            phrases in prop::collection::vec(phrase(), 0..2),
            sounds in prop::collection::vec(0_u16..2048, 1..=FEWEST),
        ) {
            let said = phrases.concat();
            let most = said.len() + WINDOW;
            let ended = stuck_after(said.into_iter().chain(sounds.into_iter().cycle()));
            prop_assert!(ended.is_some_and(|frames| frames <= most), "{:?} of {}", ended, most);
        }
    }

    #[test]
    fn a_line_may_take_several_times_its_usual_length() {
        let text = "Who's there? Nay, answer me. Stand and unfold yourself.";
        let usual = estimate_ms(text, "en", 1.0) / FRAME_MS;
        assert!(most_frames(text, "en") > 4 * usual);
        assert!((100..250).contains(&most_frames("No.", "en")));
        assert!(most_frames(&"word ".repeat(2_000), "en") > 3_000);
    }
}
