//! How a line moves: the one table of what may follow what.

use schemas::{LineState, Stage};

/// Where a line stands: its stage, and its state in that stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) stage: Stage,
    pub(crate) state: LineState,
}

impl Place {
    pub(crate) const fn new(stage: Stage, state: LineState) -> Self {
        Self { stage, state }
    }
}

/// What can happen to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Move {
    /// A worker takes it.
    Claim,
    /// It comes back untouched: released, expired with attempts left, or its worker quit.
    Return,
    /// Its take is in the store.
    Speak,
    /// Its delivery is in the store.
    Master,
    /// It failed and is to be tried again after a back-off.
    Delay,
    /// Its back-off has passed.
    Fall,
    /// It is given up on.
    Fail,
    /// No line of its voice is still to be spoken.
    Gate,
    /// It is not wanted any more.
    Cancel,
    /// A person, or the same submission again, sets it going.
    Revive,
    /// A line of its voice is to be spoken after all, so that its gain may differ.
    Hold,
}

/// A move that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IllegalMove;

impl Place {
    /// Returns where a line stands after `step`; `LineState` has the picture.
    ///
    /// # Errors
    /// [`IllegalMove`] for every pair not listed.
    pub(crate) fn after(self, step: Move) -> Result<Self, IllegalMove> {
        use {LineState as S, Move as M, Stage as G};
        let Self { stage, state } = self;
        let to = |state| Ok(Self::new(stage, state));
        match (stage, state, step) {
            (_, S::Waiting, M::Claim) => to(S::Leased),
            (_, S::Leased, M::Return) => to(S::Waiting),
            (G::Speak, S::Leased, M::Speak) => Ok(Self::new(G::Master, S::Held)),
            (G::Master, S::Leased, M::Master) => to(S::Done),
            (_, S::Leased, M::Delay) => to(S::Delayed),
            (_, S::Leased, M::Fail) => to(S::Failed),
            (_, S::Delayed, M::Fall) => to(S::Waiting),
            (G::Master, S::Held, M::Gate) => to(S::Waiting),
            (_, S::Waiting | S::Leased | S::Delayed | S::Held, M::Cancel) => to(S::Cancelled),
            (G::Speak, S::Failed | S::Cancelled, M::Revive) => to(S::Waiting),
            (G::Master, S::Failed | S::Cancelled, M::Revive) => to(S::Held),
            (G::Master, S::Waiting | S::Leased | S::Delayed | S::Done, M::Hold) => to(S::Held),
            _ => Err(IllegalMove),
        }
    }
}

/// How long a line rests after its `attempts`-th attempt failed, in milliseconds: 1 s, doubling to
/// 5 min.
pub(crate) fn backoff_ms(attempts: u32) -> u64 {
    (1_000u64 << attempts.saturating_sub(1).min(16)).min(300_000)
}

/// As much of a failure's sentence as an event tells: its first 600 bytes, so that a story stays short
/// whatever a worker says. The line's own record has all of it.
pub(crate) fn shortened(sentence: &str) -> &str {
    let end = (0..=sentence.len().min(600)).rev().find(|at| sentence.is_char_boundary(*at));
    &sentence[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use LineState as S;

    const STATES: [S; 7] =
        [S::Waiting, S::Leased, S::Delayed, S::Held, S::Done, S::Failed, S::Cancelled];
    const MOVES: [Move; 11] = [
        Move::Claim,
        Move::Return,
        Move::Speak,
        Move::Master,
        Move::Delay,
        Move::Fall,
        Move::Fail,
        Move::Gate,
        Move::Cancel,
        Move::Revive,
        Move::Hold,
    ];

    #[test]
    fn a_line_leaves_a_final_state_only_by_hand_or_for_its_voice() {
        for stage in [Stage::Speak, Stage::Master] {
            for state in STATES.into_iter().filter(|state| state.is_final()) {
                for step in MOVES {
                    let may = matches!(step, Move::Revive) && state != S::Done
                        || (matches!(step, Move::Hold)
                            && state == S::Done
                            && stage == Stage::Master);
                    let after = Place::new(stage, state).after(step);
                    assert_eq!(after.is_ok(), may, "{stage:?} {state:?} {step:?}");
                }
            }
        }
    }

    #[test]
    fn a_line_never_goes_back_to_be_spoken_once_it_is() {
        for state in STATES {
            for step in MOVES {
                if let Ok(after) = Place::new(Stage::Master, state).after(step) {
                    assert_eq!(after.stage, Stage::Master, "{state:?} {step:?}");
                }
            }
        }
    }

    #[test]
    fn only_a_leased_line_is_settled() {
        for state in STATES.into_iter().filter(|state| *state != S::Leased) {
            for step in [Move::Speak, Move::Master, Move::Delay, Move::Fail, Move::Return] {
                for stage in [Stage::Speak, Stage::Master] {
                    assert_eq!(Place::new(stage, state).after(step), Err(IllegalMove));
                }
            }
        }
        let spoken = Place::new(Stage::Speak, S::Leased).after(Move::Speak);
        assert_eq!(spoken, Ok(Place::new(Stage::Master, S::Held)));
        assert!(Place::new(Stage::Speak, S::Leased).after(Move::Master).is_err());
        assert!(Place::new(Stage::Master, S::Leased).after(Move::Speak).is_err());
    }

    #[test]
    fn the_back_off_doubles_from_one_second_to_five_minutes() {
        let waits: Vec<_> = (1..=10).map(backoff_ms).collect();
        let doubled = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map(|s| s * 1_000);
        assert_eq!(waits, doubled);
        assert_eq!((backoff_ms(0), backoff_ms(u32::MAX)), (1_000, 300_000));
    }
}
