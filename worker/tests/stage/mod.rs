//! A farm in one process: a queue and a store in a folder, and a speaker that does as its lines say.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{Caps, DeviceError, Finished, LineError, Request, Samples, Speaker};
use queue::{Queue, SqliteQueue};
use schemas::{LineRecord, Voice, VoiceSource, WorkerId};
use store::Store;
use tokio::sync::watch;
use worker::{OpenError, Settings};

/// Longer than any wait in these tests takes; one that hangs says so.
pub(crate) const BOUND: Duration = Duration::from_mins(1);

pub(crate) const ENGINE: &str = "fake/1";
const RATE_HZ: u32 = 24_000;

/// What a fake speaker tells and is told.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    /// Lines begun so far, over all speakers.
    pub(crate) begun: Arc<watch::Sender<u64>>,
    /// Lines cancelled so far.
    pub(crate) cancelled: Arc<watch::Sender<u64>>,
    /// Whether lines may finish.
    gate: Arc<watch::Sender<bool>>,
}

impl Control {
    pub(crate) fn new(is_open: bool) -> Self {
        Self {
            begun: Arc::new(watch::Sender::new(0)),
            cancelled: Arc::new(watch::Sender::new(0)),
            gate: Arc::new(watch::Sender::new(is_open)),
        }
    }

    /// Lets lines finish from now on.
    pub(crate) fn open_gate(&self) {
        self.gate.send_replace(true);
    }

    /// What opens a speaker, as [`worker::run`] wants it.
    pub(crate) fn speaker(
        &self,
        slots: usize,
    ) -> impl Fn() -> Result<Box<dyn Speaker>, OpenError> + Send + Sync + 'static {
        let control = self.clone();
        move || Ok(Box::new(Fake { control: control.clone(), slots, lines: VecDeque::new() }))
    }
}

/// Waits until a count has come to `least`.
pub(crate) async fn reaches(count: &watch::Sender<u64>, least: u64) {
    let mut count = count.subscribe();
    let reached = tokio::time::timeout(BOUND, count.wait_for(|count| *count >= least)).await;
    assert!(reached.is_ok(), "the count stays below {least}");
}

/// Speaks a tone whose pitch and length follow from the text; `refuse` is refused and `break` breaks
/// the device.
struct Fake {
    control: Control,
    slots: usize,
    lines: VecDeque<(Request, usize)>,
}

impl Speaker for Fake {
    fn caps(&self) -> Caps {
        let (engine, models) = (ENGINE.to_owned(), vec!["fake".to_owned()]);
        Caps { engine, models, slots: self.slots, rate_hz: RATE_HZ }
    }

    fn free_slots(&self) -> usize {
        self.slots.saturating_sub(self.lines.len())
    }

    fn admit(&mut self, request: Request) {
        self.control.begun.send_modify(|begun| *begun += 1);
        let turns = request.text.len() % 3 + 1;
        self.lines.push_back((request, turns));
    }

    fn turn(&mut self) -> Result<Vec<Finished>, DeviceError> {
        if !*self.control.gate.borrow() {
            std::thread::yield_now();
            return Ok(Vec::new());
        }
        if self.lines.iter().any(|(request, _)| request.text.contains("break")) {
            return Err(DeviceError("out of smoke".to_owned()));
        }
        for (_, turns) in &mut self.lines {
            *turns -= 1;
        }
        let (done, left) = self.lines.drain(..).partition(|(_, turns)| *turns == 0);
        self.lines = left;
        let done: VecDeque<(Request, usize)> = done;
        Ok(done.into_iter().map(|(request, _)| finished(&request)).collect())
    }

    fn cancel(&mut self, tag: u64) {
        self.control.cancelled.send_modify(|cancelled| *cancelled += 1);
        self.lines.retain(|(request, _)| request.tag != tag);
    }

    fn is_idle(&self) -> bool {
        self.lines.is_empty()
    }
}

fn finished(request: &Request) -> Finished {
    let tag = request.tag;
    if request.text.contains("refuse") {
        let reason = "nothing in it can be spoken".to_owned();
        return Finished { tag, result: Err(LineError::Text(reason)) };
    }
    let sum: u32 = request.text.bytes().map(u32::from).sum();
    let hz = 120.0 + f64::from(sum % 400);
    let length = RATE_HZ / 2 + sum % 1_000;
    #[expect(clippy::cast_possible_truncation, reason = "a sine is within −1 to 1")]
    let samples = (0..length)
        .map(|at| {
            (f64::from(at) * hz * std::f64::consts::TAU / f64::from(RATE_HZ)).sin() as f32 * 0.3
        })
        .collect();
    Finished { tag, result: Ok(Samples { samples, rate_hz: RATE_HZ }) }
}

/// A queue, a store and a clock that can be set forward.
pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) store: Store,
    pub(crate) ahead_ms: Arc<AtomicU64>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store").to_str().unwrap()).await.unwrap();
        let (queue, ahead_ms) = open_queue(&folder.path().join("queue.db"));
        Self { folder, queue, store, ahead_ms }
    }

    /// Sets the queue's clock forward.
    pub(crate) fn pass_ms(&self, ms: u64) {
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Every line of the only submission, in script order.
    pub(crate) async fn lines(&self) -> Vec<LineRecord> {
        let submissions = self.queue.submissions(None).await.unwrap();
        self.queue.lines(&submissions[0].submission).await.unwrap()
    }

    /// Waits until `is_so` of the lines.
    pub(crate) async fn until(&self, is_so: impl Fn(&[LineRecord]) -> bool) -> Vec<LineRecord> {
        let since = Instant::now();
        loop {
            let lines = self.lines().await;
            if is_so(&lines) {
                return lines;
            }
            assert!(since.elapsed() < BOUND, "it does not come to that: {lines:#?}");
            tokio::task::yield_now().await;
        }
    }

    /// Every object that is audio, by key; not the facts, which say who spoke and how fast.
    pub(crate) async fn audio(&self) -> BTreeMap<String, Vec<u8>> {
        let mut audio = BTreeMap::new();
        for prefix in ["takes/", "masters/", "deliveries/"] {
            let keys = self.store.list(prefix).await.unwrap();
            for key in keys.into_iter().filter(|key| key.rsplit('.').next() != Some("json")) {
                let bytes = self.store.get(&key).await.unwrap().to_vec();
                audio.insert(key, bytes);
            }
        }
        audio
    }
}

fn open_queue(path: &Path) -> (Arc<dyn Queue>, Arc<AtomicU64>) {
    let ahead_ms = Arc::new(AtomicU64::new(0));
    let ahead = ahead_ms.clone();
    let clock = move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(now.as_millis()).unwrap() + ahead.load(Ordering::SeqCst)
    };
    (Arc::new(SqliteQueue::open_with(path, Arc::new(clock)).unwrap()), ahead_ms)
}

/// A worker called `name` that returns when the queue is empty, asks often and gives outages no time.
pub(crate) fn settings(name: &str) -> Settings {
    Settings {
        threads: 1,
        until_empty: true,
        poll_ms: 5,
        patience_ms: 0,
        ..Settings::new(WorkerId::parse(name).unwrap())
    }
}

/// A preset voice of the fake model.
pub(crate) fn fake_voice(name: &str) -> Voice {
    let source = VoiceSource::Preset { speaker: name.to_owned(), instruct: None };
    Voice { name: name.to_owned(), model: "fake".to_owned(), source }
}
