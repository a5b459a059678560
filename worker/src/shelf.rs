//! Which models are in a device's memory, and which may come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a model that has work keeps its room before another, which does not fit beside it, may
/// ask for it: loading takes seconds, and two models that take turns line by line would do little else.
const TURN: Duration = Duration::from_mins(1);

/// The models of one device, by their place in a list, within its memory.
///
/// A model counts as busy from the claim of its first line to the end of its last. What is loaded never
/// exceeds the budget; a busy model that is not loaded waits until others have made room.
#[derive(Debug)]
pub(crate) struct Shelf {
    budget: u64,
    models: Mutex<Vec<Shelved>>,
}

/// A model's place.
#[derive(Debug, Clone, Copy)]
struct Shelved {
    /// What it needs of the memory.
    bytes: u64,
    /// Lines of it that this worker holds.
    held: usize,
    /// Since when it is in memory, if it is.
    loaded: Option<Instant>,
    /// When it last had work.
    used: Option<Instant>,
}

impl Shelved {
    fn is_busy(&self) -> bool {
        self.held > 0
    }
}

impl Shelf {
    /// A shelf of models that need `bytes` each, none of them loaded.
    pub(crate) fn new(budget: u64, bytes: impl IntoIterator<Item = u64>) -> Self {
        let shelved = |bytes| Shelved { bytes, held: 0, loaded: None, used: None };
        Self { budget, models: Mutex::new(bytes.into_iter().map(shelved).collect()) }
    }

    /// Whether lines of a model may be asked for: it fits beside all that are busy, or nobody waits yet
    /// and those in its way have had their turn.
    pub(crate) fn takes(&self, model: usize, now: Instant) -> bool {
        let models = self.lock();
        let Some(asked) = models.get(model) else { return false };
        let others =
            || models.iter().enumerate().filter(|(at, other)| *at != model && other.is_busy());
        let beside: u64 = others().map(|(_, other)| other.bytes).sum();
        if beside + asked.bytes <= self.budget {
            return true;
        }
        let had_its_turn = |since: Instant| now.saturating_duration_since(since) >= TURN;
        asked.loaded.is_none()
            && asked.bytes <= self.budget
            && others().all(|(_, other)| other.loaded.is_some_and(had_its_turn))
    }

    /// Notes that `lines` of a model were claimed.
    pub(crate) fn enter(&self, model: usize, lines: usize) {
        self.change(model, |shelved| shelved.held += lines);
    }

    /// Notes that `lines` of a model are through.
    pub(crate) fn leave(&self, model: usize, lines: usize, now: Instant) {
        self.change(model, |shelved| {
            shelved.held = shelved.held.saturating_sub(lines);
            shelved.used = Some(now);
        });
    }

    /// The models to be unloaded so that `model` fits, those that are longest without work first;
    /// `None` while those without work are not enough. `is_idle` says whether a loaded model can go.
    pub(crate) fn to_unload(
        &self,
        model: usize,
        is_idle: impl Fn(usize) -> bool,
    ) -> Option<Vec<usize>> {
        let models = self.lock();
        let loaded = || {
            let of_others = models.iter().enumerate().filter(|(at, _)| *at != model);
            of_others.filter(|(_, other)| other.loaded.is_some())
        };
        let mut taken: u64 = loaded().map(|(_, other)| other.bytes).sum();
        let mut idle: Vec<_> =
            loaded().filter(|(at, other)| !other.is_busy() && is_idle(*at)).collect();
        idle.sort_by_key(|(_, other)| other.used);
        let mut idle = idle.into_iter();
        let mut gone = Vec::new();
        while taken + models.get(model)?.bytes > self.budget {
            let (at, other) = idle.next()?;
            taken -= other.bytes;
            gone.push(at);
        }
        Some(gone)
    }

    /// Notes that a model is in memory, or no longer.
    pub(crate) fn set_loaded(&self, model: usize, since: Option<Instant>) {
        self.change(model, |shelved| {
            shelved.loaded = since;
            shelved.used = shelved.used.max(since);
        });
    }

    /// Whether a model is in memory.
    pub(crate) fn is_loaded(&self, model: usize) -> bool {
        self.lock().get(model).is_some_and(|shelved| shelved.loaded.is_some())
    }

    /// What the loaded models take together, and the budget, in bytes.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let models = self.lock();
        let loaded = models.iter().filter(|model| model.loaded.is_some());
        (loaded.map(|model| model.bytes).sum(), self.budget)
    }

    /// What a model needs of the memory, in bytes.
    pub(crate) fn bytes(&self, model: usize) -> u64 {
        self.lock().get(model).map_or(0, |shelved| shelved.bytes)
    }

    /// Since when a loaded model has had no work; `None` while it has some, or is not loaded.
    pub(crate) fn idle_since(&self, model: usize) -> Option<Instant> {
        let models = self.lock();
        models.get(model).filter(|it| it.loaded.is_some() && !it.is_busy())?.used
    }

    fn change(&self, model: usize, how: impl FnOnce(&mut Shelved)) {
        if let Some(shelved) = self.lock().get_mut(model) {
            how(shelved);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Shelved>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two models of 6 in a memory of 10, the first one loaded and busy since `now`.
    fn one_of_two(now: Instant) -> Shelf {
        let shelf = Shelf::new(10, [6, 6]);
        shelf.enter(0, 3);
        shelf.set_loaded(0, Some(now));
        shelf
    }

    #[test]
    fn what_fits_together_is_taken_together() {
        let now = Instant::now();
        let shelf = Shelf::new(12, [6, 6]);
        shelf.enter(0, 1);
        assert!(shelf.takes(0, now) && shelf.takes(1, now));
        assert_eq!(shelf.to_unload(1, |_| true), Some(vec![]));
    }

    #[test]
    fn a_model_waits_for_the_turn_of_one_it_does_not_fit_beside() {
        let now = Instant::now();
        let shelf = one_of_two(now);
        assert!(shelf.takes(0, now));
        assert!(!shelf.takes(1, now), "its turn has only begun");
        assert!(shelf.takes(1, now + TURN));
        shelf.leave(0, 3, now);
        assert!(shelf.takes(1, now), "nobody is busy");
    }

    #[test]
    fn a_model_that_another_waits_for_takes_no_more_lines_and_goes_once_it_is_done() {
        let now = Instant::now();
        let shelf = one_of_two(now);
        shelf.enter(1, 1);
        assert!(!shelf.takes(0, now + TURN));
        assert_eq!(shelf.to_unload(1, |_| true), None, "the first still has lines");
        shelf.leave(0, 3, now);
        assert_eq!(shelf.to_unload(1, |_| false), None, "the first still speaks");
        assert_eq!(shelf.to_unload(1, |_| true), Some(vec![0]));
    }

    #[test]
    fn the_one_longest_without_work_goes_first() {
        let now = Instant::now();
        let shelf = Shelf::new(12, [4, 4, 4, 4]);
        for model in 0..3 {
            shelf.set_loaded(model, Some(now));
        }
        shelf.leave(0, 0, now + TURN);
        assert_eq!(shelf.to_unload(3, |_| true), Some(vec![1]));
        assert_eq!(shelf.to_unload(3, |model| model != 1), Some(vec![2]));
    }

    #[test]
    fn what_is_larger_than_the_memory_is_never_taken() {
        let shelf = Shelf::new(10, [11]);
        assert!(!shelf.takes(0, Instant::now() + TURN));
        assert_eq!(shelf.to_unload(0, |_| true), None);
    }
}
