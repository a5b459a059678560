//! From where lines stand to what is told of their submission.

use schemas::{Counts, LineState, Stage, SubmissionState};

/// What a submission's state follows from besides its lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flags {
    pub(crate) is_paused: bool,
    pub(crate) is_cancelled: bool,
}

/// The counter that a line standing there belongs to.
pub(crate) fn counter(counts: &mut Counts, stage: Stage, state: LineState) -> &mut u64 {
    match (state, stage) {
        (LineState::Waiting, Stage::Speak) => &mut counts.waiting,
        (LineState::Leased, Stage::Speak) => &mut counts.speaking,
        (LineState::Delayed, Stage::Speak | Stage::Master) => &mut counts.delayed,
        (LineState::Waiting, Stage::Master) => &mut counts.spoken,
        (LineState::Held, Stage::Speak | Stage::Master) => &mut counts.spoken,
        (LineState::Leased, Stage::Master) => &mut counts.mastering,
        (LineState::Done, Stage::Speak | Stage::Master) => &mut counts.done,
        (LineState::Failed, Stage::Speak | Stage::Master) => &mut counts.failed,
        (LineState::Cancelled, Stage::Speak | Stage::Master) => &mut counts.cancelled,
    }
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
