//! The threads that own the speakers, and the way to them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Instant;

use engine::{Caps, DeviceError, LineError, Request, Samples, Speaker};
use telemetry::trace::Lap;
use tokio::sync::{mpsc, oneshot};

use crate::WorkerError;
use crate::laps::Laps;

/// Why a speaker could not be opened, in words.
pub type OpenError = Box<dyn std::error::Error + Send + Sync>;

/// A line that came back from an engine thread.
#[derive(Debug)]
pub struct Spoken {
    /// Its audio, or why there is none.
    pub result: Result<Samples, LineError>,
    /// From being seated to the last sample, in milliseconds of wall time.
    pub synth_ms: u64,
    /// What that time went into.
    pub laps: Vec<Lap>,
}

/// A line on its way to a seat. Whoever asked for it and went away has cancelled it.
struct Order {
    request: Request,
    reply: oneshot::Sender<Spoken>,
}

/// Engine threads, each owning one speaker, that take lines from one queue: a seat that comes free
/// anywhere goes to the line that waited longest.
///
/// Dropping this ends the threads once what they have seated is done or cancelled.
pub struct Engines {
    orders: mpsc::Sender<Order>,
    threads: Vec<JoinHandle<()>>,
    caps: Caps,
    next_tag: AtomicU64,
    failure: Arc<OnceLock<String>>,
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engines").field("caps", &self.caps).finish_non_exhaustive()
    }
}

impl Engines {
    /// Starts `threads` threads (at least one), each of which opens its own speaker with `open`: a
    /// speaker never leaves its thread.
    ///
    /// # Errors
    /// [`WorkerError::Open`] when one of the speakers cannot be opened.
    pub async fn open<F>(threads: usize, open: F) -> Result<Self, WorkerError>
    where
        F: Fn() -> Result<Box<dyn Speaker>, OpenError> + Send + Sync + 'static,
    {
        let open = Arc::new(open);
        // The bound only keeps seats supplied between two turns: whoever asks waits here.
        let (orders, waiting) = mpsc::channel(threads.max(1) * 2);
        let waiting = Arc::new(Mutex::new(waiting));
        let failure = Arc::new(OnceLock::new());
        let mut opened = Vec::new();
        let mut handles = Vec::new();
        for number in 0..threads.max(1) {
            let (tell, told) = oneshot::channel();
            let (open, waiting, failure) = (open.clone(), waiting.clone(), failure.clone());
            let body = move || own_speaker(&*open, tell, &waiting, &failure);
            let thread = std::thread::Builder::new().name(format!("engine-{number}")).spawn(body);
            handles.push(thread.map_err(|error| WorkerError::Open(error.into()))?);
            opened.push(told);
        }
        let caps = all_caps(opened).await?;
        Ok(Self { orders, threads: handles, caps, next_tag: AtomicU64::new(0), failure })
    }

    /// What the speakers are, with the slots of all of them together.
    #[must_use]
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Has one line spoken; its tag is set here. Dropping the future cancels the line wherever it
    /// stands.
    ///
    /// # Errors
    /// [`WorkerError::Device`] when the thread that had it is gone.
    pub async fn speak(&self, request: Request) -> Result<Spoken, WorkerError> {
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let order = Order { request: Request { tag, ..request }, reply };
        self.orders.send(order).await.map_err(|_| self.lost())?;
        answer.await.map_err(|_| self.lost())
    }

    /// Waits until the threads have ended; what is seated is finished first.
    pub async fn close(self) {
        drop(self.orders);
        let joined = tokio::task::spawn_blocking(move || {
            self.threads.into_iter().filter_map(|thread| thread.join().err()).count()
        });
        if !matches!(joined.await, Ok(0)) {
            tracing::warn!("an engine thread had panicked");
        }
    }

    fn lost(&self) -> WorkerError {
        let reason = self.failure.get().map_or("its thread ended", String::as_str);
        WorkerError::Device(reason.to_owned())
    }
}

async fn all_caps(
    opened: Vec<oneshot::Receiver<Result<Caps, OpenError>>>,
) -> Result<Caps, WorkerError> {
    let mut all: Option<Caps> = None;
    for told in opened {
        let caps = told
            .await
            .unwrap_or_else(|_| Err("its thread died while opening".into()))
            .map_err(WorkerError::Open)?;
        all = Some(match all {
            Some(before) => Caps { slots: before.slots + caps.slots, ..caps },
            None => caps,
        });
    }
    all.ok_or_else(|| WorkerError::Open("no engine thread was asked for".into()))
}

/// The body of one thread: opens a speaker, and speaks until nobody can ask any more.
fn own_speaker(
    open: &dyn Fn() -> Result<Box<dyn Speaker>, OpenError>,
    tell: oneshot::Sender<Result<Caps, OpenError>>,
    waiting: &Mutex<mpsc::Receiver<Order>>,
    failure: &OnceLock<String>,
) {
    let (speaker, told) = match open() {
        Ok(speaker) => {
            let caps = speaker.caps();
            (Some(speaker), tell.send(Ok(caps)))
        }
        Err(error) => (None, tell.send(Err(error))),
    };
    let (Some(speaker), Ok(())) = (speaker, told) else { return };
    let laps = Laps::of(&speaker.caps().engine);
    let mut desk = Desk { speaker, seated: HashMap::new(), laps };
    if let Err(DeviceError(reason)) = desk.work(waiting) {
        tracing::error!(reason, "device failed");
        // The first reason is the one told; a second thread failing changes nothing.
        failure.get_or_init(|| reason);
    }
}

/// A line that a speaker has.
struct Seat {
    reply: oneshot::Sender<Spoken>,
    since: Instant,
}

/// A speaker and who sits there.
struct Desk {
    speaker: Box<dyn Speaker>,
    seated: HashMap<u64, Seat>,
    laps: Laps,
}

impl Desk {
    fn work(&mut self, waiting: &Mutex<mpsc::Receiver<Order>>) -> Result<(), DeviceError> {
        while self.seat(waiting) {
            self.forget_cancelled();
            for finished in self.speaker.turn_watched(&mut self.laps)? {
                self.reply(finished.tag, finished.result);
            }
        }
        Ok(())
    }

    /// Fills free seats; waits for a line when there is none at all. False when none will come.
    fn seat(&mut self, waiting: &Mutex<mpsc::Receiver<Order>>) -> bool {
        if self.speaker.is_idle() {
            // Holding the lock while waiting is meant: whoever holds it is the idle one.
            let order = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
            let Some(order) = order else { return false };
            self.admit(order);
        }
        while self.speaker.free_slots() > 0 {
            // When an idle thread waits there, the next line is its.
            let Some(mut waiting) = lock_if_free(waiting) else { break };
            let Ok(order) = waiting.try_recv() else { break };
            drop(waiting);
            self.admit(order);
        }
        true
    }

    fn admit(&mut self, Order { request, reply }: Order) {
        if reply.is_closed() {
            return;
        }
        self.seated.insert(request.tag, Seat { reply, since: Instant::now() });
        self.speaker.admit(request);
    }

    fn forget_cancelled(&mut self) {
        let Self { speaker, seated, laps } = self;
        seated.retain(|tag, seat| {
            let is_wanted = !seat.reply.is_closed();
            if !is_wanted {
                speaker.cancel(*tag);
            }
            is_wanted
        });
        laps.keep(|tag| seated.contains_key(&tag));
    }

    fn reply(&mut self, tag: u64, result: Result<Samples, LineError>) {
        let Some(seat) = self.seated.remove(&tag) else { return };
        let synth_ms = u64::try_from(seat.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let laps = self.laps.take(tag, seat.since);
        if seat.reply.send(Spoken { result, synth_ms, laps }).is_err() {
            tracing::debug!(tag, "line cancelled as it finished");
        }
    }
}

fn lock_if_free<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
