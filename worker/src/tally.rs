//! What a worker did, counted while it does it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use schemas::LineId;

/// What a worker did from start to return.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Lines spoken here whose report was taken.
    pub spoken: u64,
    /// Lines whose take was in the store already.
    pub reused: u64,
    /// Lines mastered whose report was taken.
    pub mastered: u64,
    /// Failures reported: lines given up on and lines to be tried again.
    pub failed: u64,
    /// Lines whose audio was thrown away: cancelled, or the lease had ended.
    pub thrown_away: u64,
    /// Lines given back without being done, when the worker stopped.
    pub given_back: u64,
    /// Voices made ready; a voice that stays ready counts once.
    pub voices: u64,
    /// Audio spoken, in milliseconds.
    pub audio_ms: u64,
    /// Wall time spent speaking it, summed over lines, in milliseconds.
    pub synth_ms: u64,
}

/// One number of a [`Report`], counted by many lines at once.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A [`Report`] in the making.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) spoken: Counter,
    pub(crate) reused: Counter,
    pub(crate) mastered: Counter,
    pub(crate) failed: Counter,
    pub(crate) thrown_away: Counter,
    pub(crate) given_back: Counter,
    pub(crate) audio_ms: Counter,
    pub(crate) synth_ms: Counter,
    last_line: Mutex<Option<LineId>>,
}

impl Tally {
    /// Notes the line that was finished last, in either stage.
    pub(crate) fn finished(&self, line: &LineId) {
        *self.last_line.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.clone());
    }

    pub(crate) fn last_line(&self) -> Option<LineId> {
        self.last_line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            spoken: self.spoken.read(),
            reused: self.reused.read(),
            mastered: self.mastered.read(),
            failed: self.failed.read(),
            thrown_away: self.thrown_away.read(),
            given_back: self.given_back.read(),
            voices: 0,
            audio_ms: self.audio_ms.read(),
            synth_ms: self.synth_ms.read(),
        }
    }
}
