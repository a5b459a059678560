//! How much this worker holds, and what more it asks for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use queue::Want;
use schemas::{Batch, GroupKey, Stage};

use crate::{EngineSet, Settings};

/// Groups remembered as warm: as many voices as a scene usually has.
const WARM_GROUPS: usize = 8;

/// Lines to be mastered that may wait while the store is away, twice over.
const WAITING_FOR_THE_STORE: usize = 1_024;

/// Lines held in each stage, against how many there is room for.
///
/// Lines to be spoken are asked for when half of what fits an engine is free, so that batches stay
/// worth their claim and seats never drain to empty; engines whose model does not fit the memory now
/// are left out. Lines to be mastered go by first, and are asked for alone while there is no room to
/// speak.
#[derive(Debug)]
pub(crate) struct Room {
    /// By engine.
    speaking: BTreeMap<String, Speaking>,
    mastering: AtomicUsize,
    /// Most recent first.
    warm: Mutex<VecDeque<GroupKey>>,
    mastering_fits: usize,
    settings: Settings,
}

/// Lines to be spoken by one engine.
#[derive(Debug, Default)]
struct Speaking {
    held: AtomicUsize,
    fits: usize,
}

impl Room {
    pub(crate) fn new(settings: &Settings, engines: &EngineSet) -> Self {
        let speaking = engines.all().map(|caps| {
            let fits = caps.slots + settings.look_ahead;
            (caps.engine.clone(), Speaking { held: AtomicUsize::new(0), fits })
        });
        Self {
            speaking: speaking.collect(),
            mastering: AtomicUsize::new(0),
            warm: Mutex::default(),
            mastering_fits: settings.mastering.max(1) * 8 + settings.look_ahead,
            settings: settings.clone(),
        }
    }

    /// What to claim now; `None` while there is no room.
    ///
    /// While the store is away, lines to be mastered wait for their takes; they keep no line from being
    /// spoken before there are many of them.
    pub(crate) fn want(&self, engines: &EngineSet, is_store_away: bool) -> Option<Want> {
        let fits = if is_store_away { WAITING_FOR_THE_STORE } else { self.mastering_fits };
        if is_half_full(self.mastering.load(Ordering::Acquire), fits) {
            return None;
        }
        let offered = engines.offered();
        let free = self.speaking.iter().filter_map(|(engine, speaking)| {
            let held = speaking.held.load(Ordering::Acquire);
            let has_room = offered.contains(engine.as_str()) && !is_half_full(held, speaking.fits);
            has_room.then(|| (engine, speaking.fits - held))
        });
        let free: BTreeMap<_, _> = free.collect();
        // Any of them may be what is handed out, so the least room counts.
        let most = free.values().min().copied().unwrap_or(self.mastering_fits / 2);
        Some(Want {
            worker: self.settings.worker.clone(),
            warm: self
                .warm
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .cloned()
                .collect(),
            engines: free.into_keys().cloned().collect(),
            tags: self.settings.tags.clone(),
            max_lines: most.min(self.settings.max_lines).max(1),
            max_audio_ms: self.settings.max_audio_ms,
            lease_ms: self.settings.lease_ms,
        })
    }

    /// Whether no line is held.
    pub(crate) fn is_empty(&self) -> bool {
        let held = self.speaking.values().map(|speaking| &speaking.held);
        held.chain([&self.mastering]).all(|held| held.load(Ordering::Acquire) == 0)
    }

    /// Voices that are taken for warm.
    pub(crate) fn voices_warm(&self) -> u32 {
        let warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        u32::try_from(warm.len()).unwrap_or(u32::MAX)
    }

    /// Lets one line of a batch take no room until what this returns is dropped: it waits for nothing
    /// that is scarce here.
    pub(crate) fn park<'a>(&'a self, batch: &Batch, engines: &'a EngineSet) -> Parked<'a> {
        let (held, engine) = self.counted(batch, engines);
        held.fetch_sub(1, Ordering::AcqRel);
        if let Some((engines, engine)) = engine {
            engines.leave(engine, 1);
        }
        Parked { held, engine }
    }

    /// Counts the lines of a batch in; each is counted out by [`Place::leave`] or the drop of what this
    /// returns.
    pub(crate) fn enter<'a>(&'a self, batch: &Batch, engines: &'a EngineSet) -> Place<'a> {
        if batch.stage == Stage::Speak {
            let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
            warm.retain(|group| *group != batch.group);
            warm.push_front(batch.group.clone());
            warm.truncate(WARM_GROUPS);
        }
        let (held, engine) = self.counted(batch, engines);
        let lines = batch.lines.len();
        held.fetch_add(lines, Ordering::AcqRel);
        if let Some((engines, engine)) = engine {
            engines.enter(engine, lines);
        }
        Place { held, engine, left: AtomicUsize::new(lines) }
    }

    /// Where the lines of a batch are counted, and by what they are spoken.
    fn counted<'a>(&'a self, batch: &Batch, engines: &'a EngineSet) -> Counted<'a> {
        let engine = batch.lines.first().map_or("", |line| line.job.engine.as_str());
        let speaking = match batch.stage {
            Stage::Speak => self.speaking.get_key_value(engine),
            Stage::Master => None,
        };
        match speaking {
            Some((engine, speaking)) => (&speaking.held, Some((engines, engine.as_str()))),
            None => (&self.mastering, None),
        }
    }
}

fn is_half_full(held: usize, fits: usize) -> bool {
    held * 2 >= fits.max(2)
}

/// Where lines are counted, and by what they are spoken, if they are to be spoken.
type Counted<'a> = (&'a AtomicUsize, Option<(&'a EngineSet, &'a str)>);

/// A line that takes no room while this lives.
#[derive(Debug)]
pub(crate) struct Parked<'a> {
    held: &'a AtomicUsize,
    engine: Option<(&'a EngineSet, &'a str)>,
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.held.fetch_add(1, Ordering::AcqRel);
        if let Some((engines, engine)) = self.engine {
            engines.enter(engine, 1);
        }
    }
}

/// The lines of one batch that still take room.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    held: &'a AtomicUsize,
    /// What speaks them, if they are to be spoken.
    engine: Option<(&'a EngineSet, &'a str)>,
    left: AtomicUsize,
}

impl Place<'_> {
    /// One line is through.
    pub(crate) fn leave(&self) {
        self.left.fetch_sub(1, Ordering::AcqRel);
        self.give_up(1);
    }

    fn give_up(&self, lines: usize) {
        self.held.fetch_sub(lines, Ordering::AcqRel);
        if let Some((engines, engine)) = self.engine {
            engines.leave(engine, lines);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let left = *self.left.get_mut();
        if left > 0 {
            self.give_up(left);
        }
    }
}

/// Engines by name and version, as errors list them.
pub(crate) fn engine_names(engines: &EngineSet) -> BTreeSet<String> {
    engines.all().map(|caps| caps.engine.clone()).collect()
}
