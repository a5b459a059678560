//! How much this worker holds, and what more it asks for.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use engine::Caps;
use queue::Want;
use schemas::{Batch, GroupKey, Stage};

use crate::Settings;

/// Groups remembered as warm: as many voices as a scene usually has.
const WARM_GROUPS: usize = 8;

/// Lines held in each stage, against how many there is room for.
///
/// Lines to be spoken are asked for when half of what fits is free, so that batches stay worth their
/// claim and seats never drain to empty. Lines to be mastered go by first, and are asked for alone
/// while there is no room to speak.
#[derive(Debug)]
pub(crate) struct Room {
    speaking: AtomicUsize,
    mastering: AtomicUsize,
    /// Most recent first.
    warm: Mutex<VecDeque<GroupKey>>,
    models: BTreeSet<String>,
    speaking_fits: usize,
    mastering_fits: usize,
    settings: Settings,
}

impl Room {
    pub(crate) fn new(settings: &Settings, caps: &Caps) -> Self {
        Self {
            speaking: AtomicUsize::new(0),
            mastering: AtomicUsize::new(0),
            warm: Mutex::default(),
            models: caps.models.iter().cloned().collect(),
            speaking_fits: caps.slots + settings.look_ahead,
            mastering_fits: settings.mastering.max(1) * 8 + settings.look_ahead,
            settings: settings.clone(),
        }
    }

    /// What to claim now; `None` while there is no room.
    pub(crate) fn want(&self) -> Option<Want> {
        if is_half_full(self.held(Stage::Master), self.mastering_fits) {
            return None;
        }
        let speaking = self.held(Stage::Speak);
        let (models, free) = if is_half_full(speaking, self.speaking_fits) {
            (BTreeSet::new(), self.mastering_fits / 2)
        } else {
            (self.models.clone(), self.speaking_fits - speaking)
        };
        Some(Want {
            worker: self.settings.worker.clone(),
            warm: self
                .warm
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .cloned()
                .collect(),
            models,
            max_lines: free.min(self.settings.max_lines).max(1),
            max_audio_ms: self.settings.max_audio_ms,
            lease_ms: self.settings.lease_ms,
        })
    }

    /// Whether no line is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.held(Stage::Speak) == 0 && self.held(Stage::Master) == 0
    }

    /// Counts the lines of a batch in; each is counted out by [`Place::leave`] or the drop of what this
    /// returns.
    pub(crate) fn enter(&self, batch: &Batch) -> Place<'_> {
        if batch.stage == Stage::Speak {
            let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
            warm.retain(|group| *group != batch.group);
            warm.push_front(batch.group.clone());
            warm.truncate(WARM_GROUPS);
        }
        let counter = self.counter(batch.stage);
        counter.fetch_add(batch.lines.len(), Ordering::AcqRel);
        Place { counter, left: AtomicUsize::new(batch.lines.len()) }
    }

    fn held(&self, stage: Stage) -> usize {
        self.counter(stage).load(Ordering::Acquire)
    }

    fn counter(&self, stage: Stage) -> &AtomicUsize {
        match stage {
            Stage::Speak => &self.speaking,
            Stage::Master => &self.mastering,
        }
    }
}

fn is_half_full(held: usize, fits: usize) -> bool {
    held * 2 >= fits.max(2)
}

/// The lines of one batch that still take room.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    counter: &'a AtomicUsize,
    left: AtomicUsize,
}

impl Place<'_> {
    /// One line is through.
    pub(crate) fn leave(&self) {
        self.left.fetch_sub(1, Ordering::AcqRel);
        self.counter.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(*self.left.get_mut(), Ordering::AcqRel);
    }
}
