//! From where lines stand to what is told of their submission.

use schemas::{Counts, LineState, Stage, Standing, SubmissionState};

/// What a submission's state follows from besides its lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flags {
    pub(crate) is_paused: bool,
    pub(crate) is_cancelled: bool,
}

/// The counter that a line standing there belongs to.
pub(crate) fn counter(counts: &mut Counts, stage: Stage, state: LineState) -> &mut u64 {
    counts.of_mut(Standing::of(stage, state))
}

/// Where a submission stands as a whole.
pub(crate) fn state_of(lines: &Counts, flags: Flags) -> SubmissionState {
    if lines.open() > 0 {
        if flags.is_paused { SubmissionState::Paused } else { SubmissionState::Active }
    } else if flags.is_cancelled {
        SubmissionState::Cancelled
    } else if lines.failed > 0 {
        SubmissionState::Failed
    } else if lines.cancelled > 0 {
        SubmissionState::Cancelled
    } else {
        SubmissionState::Done
    }
}
