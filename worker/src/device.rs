//! The thread that owns a device, and the models that are loaded on it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::{
    Caps, DeviceError, EngineError, Finished, LineError, PromptCounts, Request, Samples, Speaker,
};
use schemas::Voice;
use telemetry::metrics::MODEL_LOAD;
use telemetry::trace::Lap;
use tokio::sync::oneshot;
use tracing::{debug, error, info};

use crate::laps::{Laps, note_prompts};
use crate::outage::with_causes;
use crate::shelf::Shelf;
use crate::{OpenError, Spoken, WorkerError};

/// A model that can be loaded.
pub struct Model {
    /// What it is and can hold once it is loaded.
    pub caps: Caps,
    /// What it needs of the device's memory, in bytes.
    pub bytes: u64,
    /// Loads it; called on the thread that owns the device, which the speaker never leaves.
    pub open: Box<dyn Fn() -> Result<Box<dyn Speaker>, OpenError> + Send>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caps, bytes, .. } = self;
        f.debug_struct("Model").field("caps", caps).field("bytes", bytes).finish_non_exhaustive()
    }
}

/// What a device may hold, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct DeviceSettings {
    /// Bytes that all loaded models may need together.
    pub memory_bytes: u64,
    /// How long a model without work stays loaded.
    pub idle_unload: Duration,
}

/// Models on one device. Each is loaded when its first line comes and unloaded once it had no work for
/// a while, or when another needs its room.
pub(crate) struct Device {
    asks: Sender<Ask>,
    thread: JoinHandle<()>,
    caps: Vec<Caps>,
    shelf: Arc<Shelf>,
    gauges: Arc<Vec<Gauge>>,
    next_tag: AtomicU64,
    failure: Arc<OnceLock<Lost>>,
}

/// What one model did so far.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// Lines seated now.
    pub(crate) seated: AtomicUsize,
    /// Voices made ready.
    pub(crate) voices: AtomicU64,
    /// Audio spoken, in milliseconds.
    pub(crate) audio_ms: AtomicU64,
    /// Wall time in which somebody was seated, in microseconds.
    pub(crate) busy_us: AtomicU64,
}

/// Why a device's thread has ended.
#[derive(Debug, Clone)]
enum Lost {
    /// The device failed.
    Device(String),
    /// A model could not be loaded.
    Open(String),
}

/// What the thread is asked for.
enum Ask {
    /// A line. Whoever asked for it and went away has cancelled it.
    Speak { model: usize, order: Order },
    /// A voice made ready.
    Prepare { model: usize, wish: Wish },
    /// Somebody's voice heard.
    Hear { model: usize, hearing: Hearing },
    /// To look again whether there is room for who waits.
    Look,
}

struct Order {
    request: Request,
    reply: oneshot::Sender<Spoken>,
}

struct Wish {
    voice: Voice,
    language: String,
    reply: oneshot::Sender<()>,
}

/// What a model is to hear in samples.
enum Hearing {
    /// Who speaks.
    Who { samples: Samples, reply: oneshot::Sender<Result<Option<Vec<f32>>, LineError>> },
    /// How much it sounds like the recording of a voice.
    Likeness {
        voice: Voice,
        language: String,
        samples: Samples,
        reply: oneshot::Sender<Option<f32>>,
    },
}

impl Hearing {
    fn is_unwanted(&self) -> bool {
        match self {
            Self::Who { reply, .. } => reply.is_closed(),
            Self::Likeness { reply, .. } => reply.is_closed(),
        }
    }
}

impl Device {
    /// Starts the thread; nothing is loaded yet. A model that needs more than the whole memory is left
    /// to the caller: it would never be loaded.
    ///
    /// # Errors
    /// [`WorkerError::Open`] when there can be no thread.
    pub(crate) fn start(models: Vec<Model>, settings: DeviceSettings) -> Result<Self, WorkerError> {
        let (asks, heard) = channel();
        let shelf = Shelf::new(settings.memory_bytes, models.iter().map(|model| model.bytes));
        let shelf = Arc::new(shelf);
        let gauges: Arc<Vec<_>> = Arc::new(models.iter().map(|_| Gauge::default()).collect());
        let caps = models.iter().map(|model| model.caps.clone()).collect();
        let failure = Arc::new(OnceLock::new());
        let (told, at_hand) = (failure.clone(), (shelf.clone(), gauges.clone()));
        let thread = std::thread::Builder::new().name("device".to_owned());
        let thread = thread.spawn(move || {
            let (shelf, gauges) = at_hand;
            let models = models.into_iter().map(Seats::of).collect();
            let idle_unload = settings.idle_unload;
            own(Desk { asks: heard, models, shelf, gauges, idle_unload, is_closed: false }, &told);
        });
        let thread = thread.map_err(|error| WorkerError::Open(error.into()))?;
        Ok(Self { asks, thread, caps, shelf, gauges, next_tag: AtomicU64::new(0), failure })
    }

    /// What its models are, loaded or not.
    pub(crate) fn caps(&self) -> &[Caps] {
        &self.caps
    }

    /// What one of them did so far.
    pub(crate) fn gauge(&self, model: usize) -> Option<&Gauge> {
        self.gauges.get(model)
    }

    /// Which of them are loaded, and which may be asked for.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Notes that `lines` of a model are through.
    pub(crate) fn leave(&self, model: usize, lines: usize) {
        self.shelf.leave(model, lines, Instant::now());
        // A thread that has ended has nobody waiting for room.
        self.asks.send(Ask::Look).ok();
    }

    /// Has one line spoken; its tag is set here. Dropping the future cancels the line.
    ///
    /// # Errors
    /// When the device fails or the model cannot be loaded.
    pub(crate) async fn speak(
        &self,
        model: usize,
        request: Request,
    ) -> Result<Spoken, WorkerError> {
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let order = Order { request: Request { tag, ..request }, reply };
        self.asks.send(Ask::Speak { model, order }).map_err(|_| self.lost())?;
        answer.await.map_err(|_| self.lost())
    }

    /// Loads a model and makes a voice ready in it. A voice that cannot be made ready is no error
    /// here: its lines tell.
    ///
    /// # Errors
    /// As [`Self::speak`].
    pub(crate) async fn prepare(
        &self,
        model: usize,
        voice: &Voice,
        language: &str,
    ) -> Result<(), WorkerError> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish { voice: voice.clone(), language: language.to_owned(), reply };
        self.asks.send(Ask::Prepare { model, wish }).map_err(|_| self.lost())?;
        answer.await.map_err(|_| self.lost())
    }

    /// Loads a model and has it hear who speaks; see [`Speaker::embed`].
    ///
    /// # Errors
    /// As [`Self::speak`]; the inner one is about the samples.
    pub(crate) async fn embed(
        &self,
        model: usize,
        samples: Samples,
    ) -> Result<Result<Option<Vec<f32>>, LineError>, WorkerError> {
        let (reply, answer) = oneshot::channel();
        let hearing = Hearing::Who { samples, reply };
        self.asks.send(Ask::Hear { model, hearing }).map_err(|_| self.lost())?;
        answer.await.map_err(|_| self.lost())
    }

    /// Has a model say how much samples sound like a voice; see [`Speaker::likeness`].
    ///
    /// # Errors
    /// As [`Self::speak`].
    pub(crate) async fn likeness(
        &self,
        model: usize,
        (voice, language): (&Voice, &str),
        samples: Samples,
    ) -> Result<Option<f32>, WorkerError> {
        let (reply, answer) = oneshot::channel();
        let (voice, language) = (voice.clone(), language.to_owned());
        let hearing = Hearing::Likeness { voice, language, samples, reply };
        self.asks.send(Ask::Hear { model, hearing }).map_err(|_| self.lost())?;
        answer.await.map_err(|_| self.lost())
    }

    /// Waits until the thread has ended; what is seated is finished first.
    pub(crate) async fn close(self) {
        let Self { asks, thread, .. } = self;
        drop(asks);
        let joined = tokio::task::spawn_blocking(move || thread.join().is_ok());
        if !matches!(joined.await, Ok(true)) {
            tracing::warn!("the device's thread had panicked");
        }
    }

    fn lost(&self) -> WorkerError {
        match self.failure.get() {
            Some(Lost::Open(reason)) => WorkerError::Open(reason.clone().into()),
            Some(Lost::Device(reason)) => WorkerError::Device(reason.clone()),
            None => WorkerError::Device("its thread ended".to_owned()),
        }
    }
}

/// The body of the thread.
fn own(mut desk: Desk, failure: &OnceLock<Lost>) {
    if let Err(lost) = desk.work() {
        error!(?lost, "the device's thread ends");
        // Set before the desk is dropped, so that whoever waits there hears the reason.
        failure.get_or_init(|| lost);
    }
    drop(desk);
}

/// All models of a device and who sits there.
struct Desk {
    asks: Receiver<Ask>,
    models: Vec<Seats>,
    shelf: Arc<Shelf>,
    gauges: Arc<Vec<Gauge>>,
    idle_unload: Duration,
    /// Whether nobody can ask any more.
    is_closed: bool,
}

/// A model, who waits for it and who sits there.
struct Seats {
    model: Model,
    /// Only while it is loaded.
    speaker: Option<Box<dyn Speaker>>,
    wishes: VecDeque<Wish>,
    hearings: VecDeque<Hearing>,
    /// Longest waiting first.
    waiting: VecDeque<Order>,
    seated: HashMap<u64, Seat>,
    /// Voices it had made ready at the last count, since it was loaded.
    voices: u64,
    laps: Laps,
    /// How prompts stood at the last count, since it was loaded.
    prompts: PromptCounts,
}

struct Seat {
    reply: oneshot::Sender<Spoken>,
    since: Instant,
}

impl Desk {
    /// Speaks until nobody can ask any more and nobody is seated.
    fn work(&mut self) -> Result<(), Lost> {
        while self.listen() {
            for model in 0..self.models.len() {
                self.load_if_wanted(model)?;
            }
            for (seats, gauge) in self.models.iter_mut().zip(self.gauges.iter()) {
                seats.turn(gauge).map_err(|DeviceError(reason)| Lost::Device(reason))?;
            }
            self.unload_idle();
        }
        Ok(())
    }

    /// Takes in all that is asked, and waits for something when there is nothing to do. False when
    /// nothing will come.
    fn listen(&mut self) -> bool {
        loop {
            match self.asks.try_recv() {
                Ok(ask) => self.take(ask),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.is_closed = true;
                    break;
                }
            }
        }
        if self.models.iter().any(Seats::is_busy) {
            return true;
        }
        if self.is_closed {
            return false;
        }
        if self.models.iter().any(Seats::can_move) || self.can_load() {
            return true;
        }
        match self.next_ask() {
            Ok(ask) => self.take(ask),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.is_closed = true,
        }
        true
    }

    /// Waits for an ask, at most until the next model has been idle for long enough.
    fn next_ask(&self) -> Result<Ask, RecvTimeoutError> {
        let idle_since = (0..self.models.len()).filter_map(|at| self.shelf.idle_since(at)).min();
        match idle_since {
            Some(since) => {
                let left = (since + self.idle_unload).saturating_duration_since(Instant::now());
                self.asks.recv_timeout(left)
            }
            None => self.asks.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Speak { model, order } => self.models[model].waiting.push_back(order),
            Ask::Prepare { model, wish } => self.models[model].wishes.push_back(wish),
            Ask::Hear { model, hearing } => self.models[model].hearings.push_back(hearing),
            Ask::Look => {}
        }
    }

    /// Whether a model is waited for that there is room for.
    fn can_load(&self) -> bool {
        (0..self.models.len())
            .any(|at| self.models[at].waits_to_load() && self.room_for(at).is_some())
    }

    fn room_for(&self, model: usize) -> Option<Vec<usize>> {
        self.shelf.to_unload(model, |other| !self.models[other].is_wanted())
    }

    fn load_if_wanted(&mut self, at: usize) -> Result<(), Lost> {
        self.models[at].forget_unwanted();
        if !self.models[at].waits_to_load() {
            return Ok(());
        }
        let Some(gone) = self.room_for(at) else { return Ok(()) };
        for other in gone {
            self.unload(other, "makes room");
        }
        let name = self.models[at].name();
        info!(model = name, bytes = self.models[at].model.bytes, "loading");
        let since = Instant::now();
        let speaker = (self.models[at].model.open)().map_err(|error| {
            let reason = with_causes(error.as_ref());
            Lost::Open(format!("{name}: {reason}"))
        })?;
        let (found, expected) = (speaker.caps().engine, &self.models[at].model.caps.engine);
        if found != *expected {
            return Err(Lost::Open(format!(
                "its files changed while the worker ran, {expected} is {found} now; start the worker again"
            )));
        }
        let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(model = name, ms, "loaded");
        self.models[at].speaker = Some(speaker);
        MODEL_LOAD.record(since.elapsed().as_secs_f64(), [&self.models[at].model.caps.engine]);
        self.models[at].voices = 0;
        self.models[at].prompts = PromptCounts::default();
        self.shelf.set_loaded(at, Some(Instant::now()));
        Ok(())
    }

    fn unload_idle(&mut self) {
        for at in 0..self.models.len() {
            let is_over =
                self.shelf.idle_since(at).is_some_and(|since| since.elapsed() >= self.idle_unload);
            if is_over && !self.models[at].is_wanted() {
                self.unload(at, "had no work");
            }
        }
    }

    fn unload(&mut self, at: usize, why: &str) {
        info!(model = self.models[at].name(), why, "unloaded");
        self.models[at].speaker = None;
        self.shelf.set_loaded(at, None);
    }
}

impl Seats {
    fn of(model: Model) -> Self {
        let laps = Laps::of(&model.caps.engine);
        Self {
            model,
            speaker: None,
            wishes: VecDeque::new(),
            hearings: VecDeque::new(),
            waiting: VecDeque::new(),
            seated: HashMap::new(),
            voices: 0,
            laps,
            prompts: PromptCounts::default(),
        }
    }

    fn name(&self) -> String {
        self.model.caps.models.join(", ")
    }

    /// Whether the speaker has something in hand.
    fn is_busy(&self) -> bool {
        self.speaker.as_ref().is_some_and(|speaker| !speaker.is_idle())
    }

    /// Whether somebody waits who need not wait for the model.
    fn can_move(&self) -> bool {
        self.speaker.is_some() && self.is_wanted()
    }

    fn waits_to_load(&self) -> bool {
        self.speaker.is_none() && self.is_wanted()
    }

    fn is_wanted(&self) -> bool {
        self.is_busy()
            || !(self.waiting.is_empty() && self.wishes.is_empty() && self.hearings.is_empty())
    }

    /// Sends away who is not waited for any more.
    fn forget_unwanted(&mut self) {
        self.waiting.retain(|order| !order.reply.is_closed());
        self.wishes.retain(|wish| !wish.reply.is_closed());
        self.hearings.retain(|hearing| !hearing.is_unwanted());
        let Self { speaker: Some(speaker), seated, laps, .. } = self else { return };
        seated.retain(|tag, seat| {
            let is_wanted = !seat.reply.is_closed();
            if !is_wanted {
                speaker.cancel(*tag);
            }
            is_wanted
        });
        laps.keep(|tag| seated.contains_key(&tag));
    }

    /// Makes voices ready, fills free seats and moves everybody by one frame.
    fn turn(&mut self, gauge: &Gauge) -> Result<(), DeviceError> {
        let Some(speaker) = &mut self.speaker else { return Ok(()) };
        let since = Instant::now();
        while let Some(Wish { voice, language, reply }) = self.wishes.pop_front() {
            prepare(speaker.as_mut(), &voice, &language)?;
            count_voices(speaker.as_ref(), &mut self.voices, gauge);
            // Whoever asked may have gone.
            reply.send(()).ok();
        }
        // One a turn, so that nobody who is seated waits for long.
        if let Some(hearing) = self.hearings.pop_front() {
            hear(speaker.as_mut(), hearing)?;
        }
        while speaker.free_slots() > 0
            && let Some(Order { request, reply }) = self.waiting.pop_front()
        {
            self.seated.insert(request.tag, Seat { reply, since: Instant::now() });
            speaker.admit(request);
        }
        if !speaker.is_idle() {
            for finished in speaker.turn_watched(&mut self.laps)? {
                let Some(seat) = self.seated.remove(&finished.tag) else { continue };
                gauge.audio_ms.fetch_add(milliseconds(&finished.result), Ordering::Relaxed);
                let laps = self.laps.take(finished.tag, seat.since);
                answer(seat, finished, laps);
            }
            let us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
            gauge.busy_us.fetch_add(us, Ordering::Relaxed);
        }
        let counts = speaker.prompt_counts();
        let voices = counts.misses - counts.recalled;
        gauge.voices.fetch_add(voices.saturating_sub(self.voices), Ordering::Relaxed);
        self.voices = voices;
        note_prompts(&self.model.caps.engine, &mut self.prompts, counts);
        gauge.seated.store(self.seated.len(), Ordering::Relaxed);
        Ok(())
    }
}

fn prepare(speaker: &mut dyn Speaker, voice: &Voice, language: &str) -> Result<(), DeviceError> {
    match speaker.prepare(voice, language) {
        Ok(()) => Ok(()),
        Err(EngineError::Line(error)) => {
            debug!(voice = voice.name, %error, "voice not ready");
            Ok(())
        }
        Err(EngineError::Device(error)) => Err(error),
    }
}

/// Hears samples and answers; whoever asked may have gone.
fn hear(speaker: &mut dyn Speaker, hearing: Hearing) -> Result<(), DeviceError> {
    match hearing {
        Hearing::Who { samples, reply } => {
            let heard = match speaker.embed(&samples) {
                Ok(heard) => Ok(heard),
                Err(EngineError::Line(error)) => Err(error),
                Err(EngineError::Device(error)) => return Err(error),
            };
            reply.send(heard).ok();
        }
        Hearing::Likeness { voice, language, samples, reply } => {
            reply.send(speaker.likeness(&voice, &language, &samples)?).ok();
        }
    }
    Ok(())
}

/// Adds the voices made ready since the last count, which was `before`.
fn count_voices(speaker: &dyn Speaker, before: &mut u64, gauge: &Gauge) {
    let counts = speaker.prompt_counts();
    let made = counts.misses.saturating_sub(counts.recalled);
    gauge.voices.fetch_add(made.saturating_sub(*before), Ordering::Relaxed);
    *before = made;
}

fn answer(seat: Seat, Finished { tag, result }: Finished, laps: Vec<Lap>) {
    let synth_ms = u64::try_from(seat.since.elapsed().as_millis()).unwrap_or(u64::MAX);
    if seat.reply.send(Spoken { result, synth_ms, laps }).is_err() {
        debug!(tag, "line cancelled as it finished");
    }
}

fn milliseconds(result: &Result<Samples, LineError>) -> u64 {
    let Ok(Samples { samples, rate_hz }) = result else { return 0 };
    samples.len() as u64 * 1_000 / u64::from((*rate_hz).max(1))
}

#[cfg(test)]
mod tests;
