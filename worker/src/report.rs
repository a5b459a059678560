//! What failure means, in one table.

use audio::AudioError;
use engine::LineError;
use schemas::{Failure, FailureKind, SynthKey, Verdict};
use store::StoreError;

use crate::outage::with_causes;

/// Why a line was not delivered: the stage it was in, around what went wrong there.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// It was being spoken.
    #[error(transparent)]
    Speak(#[from] LineError),
    /// The device failed under it.
    #[error("the device failed: {0}")]
    Device(String),
    /// Its model could not be loaded.
    #[error("the model cannot be loaded: {0}")]
    Model(String),
    /// Its audio was being measured, finished or encoded.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// Its audio was being stored or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan was made for another engine, or by another version of the key: spoken here, it would
    /// lie under a name that promises other samples. Queues do not hand out such lines.
    #[error(
        "planned for `{engine}`, and what this worker has would not give take {synth_key}; submit the \
         episode again, or use the worker it was planned for"
    )]
    OtherEngine {
        /// What was to speak it.
        engine: String,
        /// What was asked for.
        synth_key: SynthKey,
    },
    /// A line to be mastered came without its take. A bug of the queue.
    #[error("handed out to be mastered without a take; retry the line to have it spoken anew")]
    NoTake,
}

impl RenderError {
    /// Says what should become of the line, and what sort of failure it counts as. The farm's whole
    /// retry policy is this match.
    #[must_use]
    pub fn verdict(&self) -> (Verdict, FailureKind) {
        match self {
            Self::Speak(LineError::Text(_)) => (Verdict::Reject, FailureKind::Text),
            Self::Speak(LineError::Voice(_)) => (Verdict::Reject, FailureKind::Voice),
            Self::Speak(LineError::Failed(_)) => (Verdict::Retry, FailureKind::Device),
            Self::Device(_) | Self::Model(_) => (Verdict::Quit, FailureKind::Device),
            Self::Audio(AudioError::Silent) => (Verdict::Reject, FailureKind::Text),
            Self::Audio(AudioError::Unreadable(_) | AudioError::Encode(_)) => {
                (Verdict::Reject, FailureKind::Audio)
            }
            Self::Store(StoreError::Unavailable { .. }) => (Verdict::Retry, FailureKind::Store),
            Self::Store(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => {
                (Verdict::Reject, FailureKind::Store)
            }
            Self::Store(StoreError::Denied { .. } | StoreError::BadAddress { .. }) => {
                (Verdict::Quit, FailureKind::Store)
            }
            // Another worker may be of the right version; were it not charged, a farm without one would
            // hand it around for ever.
            Self::OtherEngine { .. } => (Verdict::Retry, FailureKind::Voice),
            Self::NoTake => (Verdict::Reject, FailureKind::Audio),
        }
    }

    /// The failure as it is reported.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let (verdict, kind) = self.verdict();
        Failure { verdict, kind, message: with_causes(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> RenderError {
        StoreError::Denied {
            place: "/srv/audio".to_owned(),
            advice: "free space on the disk of /srv/audio".to_owned(),
            source: "no space left on device".into(),
        }
        .into()
    }

    #[test]
    fn a_full_disk_costs_no_line_an_attempt() {
        assert_eq!(denied().verdict(), (Verdict::Quit, FailureKind::Store));
    }

    #[test]
    fn a_failure_says_what_happened_and_what_to_do() {
        assert_eq!(
            denied().failure().message,
            "the store at /srv/audio refuses: free space on the disk of /srv/audio: no space left on \
             device"
        );
    }

    #[test]
    fn a_silent_take_is_the_texts_fault_and_never_tried_again() {
        let silent = RenderError::Audio(AudioError::Silent);
        assert_eq!(silent.verdict(), (Verdict::Reject, FailureKind::Text));
    }
}
