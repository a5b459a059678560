//! All engines of a worker behind one door.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use engine::{Caps, LineError, Request, Samples};
use schemas::{EngineState, Voice};

use crate::device::{Device, DeviceSettings, Gauge, Model};
use crate::recordings::RecordingCache;
use crate::{Engines, PromptFiles, Spoken, WorkerError};

/// The engines that a worker has: one that is always there, and models that come into a device's
/// memory as lines need them.
pub struct EngineSet {
    always: Engines,
    always_gauge: Gauge,
    device: Option<Device>,
    recordings: Option<RecordingCache>,
    prompts: Option<PromptFiles>,
}

impl std::fmt::Debug for EngineSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all().map(|caps| &caps.engine)).finish()
    }
}

impl EngineSet {
    /// A set of one engine.
    #[must_use]
    pub fn new(always: Engines) -> Self {
        Self {
            always,
            always_gauge: Gauge::default(),
            device: None,
            recordings: None,
            prompts: None,
        }
    }

    /// Adds models, which one thread owns together with the device; nothing is loaded yet. Voices of
    /// theirs that are cloned are heard from files in `recordings`.
    ///
    /// # Errors
    /// [`WorkerError::Open`] when the thread cannot be started.
    pub fn with_models(
        mut self,
        models: Vec<Model>,
        settings: DeviceSettings,
        recordings: RecordingCache,
    ) -> Result<Self, WorkerError> {
        if !models.is_empty() {
            self.device = Some(Device::start(models, settings)?);
        }
        self.recordings = Some(recordings);
        Ok(self)
    }

    /// Says where the models keep voices made ready, so that workers can share them.
    #[must_use]
    pub fn with_prompts(mut self, prompts: PromptFiles) -> Self {
        self.prompts = Some(prompts);
        self
    }

    /// What all of them are, loaded or not.
    pub fn all(&self) -> impl Iterator<Item = &Caps> {
        std::iter::once(self.always.caps()).chain(self.device.iter().flat_map(Device::caps))
    }

    /// What one of them is; `None` when there is none of that name and version.
    pub(crate) fn caps(&self, engine: &str) -> Option<&Caps> {
        self.all().find(|caps| caps.engine == engine)
    }

    /// Those for which memory allows more lines to be asked for now.
    pub(crate) fn offered(&self) -> BTreeSet<&str> {
        let now = Instant::now();
        let has_room = |engine: &str| match self.on_device(engine) {
            Some((device, model)) => device.shelf().takes(model, now),
            None => true,
        };
        self.all().map(|caps| caps.engine.as_str()).filter(|engine| has_room(engine)).collect()
    }

    /// Notes that lines to be spoken by an engine were claimed.
    pub(crate) fn enter(&self, engine: &str, lines: usize) {
        if let Some((device, model)) = self.on_device(engine) {
            device.shelf().enter(model, lines);
        }
    }

    /// Notes that as many are through.
    pub(crate) fn leave(&self, engine: &str, lines: usize) {
        if let Some((device, model)) = self.on_device(engine) {
            device.leave(model, lines);
        }
    }

    /// Where recordings are kept that voices are cloned from.
    pub(crate) fn recordings(&self) -> Option<&RecordingCache> {
        self.recordings.as_ref()
    }

    /// Where voices made ready are kept.
    pub(crate) fn prompts(&self) -> Option<&PromptFiles> {
        self.prompts.as_ref()
    }

    /// Whether an engine is a model's, which keeps voices made ready.
    pub(crate) fn is_model(&self, engine: &str) -> bool {
        self.on_device(engine).is_some()
    }

    /// Loads what speaks a voice and makes the voice ready, so that no seat waits for it. A voice that
    /// cannot be made ready is no error here: its lines tell.
    ///
    /// # Errors
    /// [`WorkerError::Device`] and [`WorkerError::Open`].
    pub async fn prepare(
        &self,
        engine: &str,
        voice: &Voice,
        language: &str,
    ) -> Result<(), WorkerError> {
        match self.on_device(engine) {
            Some((device, model)) => device.prepare(model, voice, language).await,
            None => Ok(()),
        }
    }

    /// Has an engine hear who speaks in samples: what [`engine::likeness()`] compares. `None` when it
    /// cannot hear, which only base models can.
    ///
    /// # Errors
    /// [`WorkerError::Device`] and [`WorkerError::Open`]; the inner one says what is wrong with the
    /// samples.
    pub async fn embed(
        &self,
        engine: &str,
        samples: Samples,
    ) -> Result<Result<Option<Vec<f32>>, LineError>, WorkerError> {
        match self.on_device(engine) {
            Some((device, model)) => device.embed(model, samples).await,
            None => Ok(Ok(None)),
        }
    }

    /// How much samples sound like the recording a voice is cloned from; see
    /// [`engine::Speaker::likeness`].
    ///
    /// # Errors
    /// [`WorkerError::Device`] and [`WorkerError::Open`].
    pub(crate) async fn likeness(
        &self,
        engine: &str,
        voice: (&Voice, &str),
        samples: Samples,
    ) -> Result<Option<f32>, WorkerError> {
        match self.on_device(engine) {
            Some((device, model)) => device.likeness(model, voice, samples).await,
            None => Ok(None),
        }
    }

    /// Has one line spoken by an engine of the set. Dropping the future cancels the line.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub(crate) async fn speak(
        &self,
        engine: &str,
        request: Request,
    ) -> Result<Spoken, WorkerError> {
        match self.on_device(engine) {
            Some((device, model)) => device.speak(model, request).await,
            None => self.speak_always(request).await,
        }
    }

    async fn speak_always(&self, request: Request) -> Result<Spoken, WorkerError> {
        let gauge = &self.always_gauge;
        let _seat = Seated::sit(gauge);
        let spoken = self.always.speak(request).await?;
        if let Ok(samples) = &spoken.result {
            let audio_ms = samples.samples.len() as u64 * 1_000 / u64::from(samples.rate_hz.max(1));
            gauge.audio_ms.fetch_add(audio_ms, Ordering::Relaxed);
            gauge.busy_us.fetch_add(spoken.synth_ms * 1_000, Ordering::Relaxed);
        }
        Ok(spoken)
    }

    /// How every engine stands, for the worker's report. Times real time is measured from the start:
    /// over the time in which somebody was seated for models, over each line's own time, times the
    /// seats, for the engine that is always there.
    #[must_use]
    pub fn states(&self) -> Vec<EngineState> {
        let mut always = state(self.always.caps(), &self.always_gauge, true, None);
        always.times_real_time = always.times_real_time.map(|one| one * f64::from(always.slots));
        let mut states = vec![always];
        if let Some(device) = &self.device {
            for (model, caps) in device.caps().iter().enumerate() {
                let Some(gauge) = device.gauge(model) else { continue };
                let memory = device.shelf();
                let (is_loaded, bytes) = (memory.is_loaded(model), memory.bytes(model));
                states.push(state(caps, gauge, is_loaded, Some(bytes)));
            }
        }
        states
    }

    /// What loaded models take of the device's memory and what they may take, in bytes; `None` without
    /// models.
    pub(crate) fn device_memory(&self) -> Option<(u64, u64)> {
        self.device.as_ref().map(|device| device.shelf().memory())
    }

    /// Voices that were made ready since the start, over all models.
    #[must_use]
    pub fn voices_prepared(&self) -> u64 {
        let gauges = self
            .device
            .iter()
            .flat_map(|device| (0..device.caps().len()).filter_map(|model| device.gauge(model)));
        gauges.map(|gauge| gauge.voices.load(Ordering::Relaxed)).sum()
    }

    /// Waits until all threads have ended; what is seated is finished first.
    pub async fn close(self) {
        self.always.close().await;
        if let Some(device) = self.device {
            device.close().await;
        }
    }

    fn on_device(&self, engine: &str) -> Option<(&Device, usize)> {
        let device = self.device.as_ref()?;
        let model = device.caps().iter().position(|caps| caps.engine == engine)?;
        Some((device, model))
    }
}

fn state(caps: &Caps, gauge: &Gauge, is_loaded: bool, resident_bytes: Option<u64>) -> EngineState {
    let audio_ms = gauge.audio_ms.load(Ordering::Relaxed);
    let busy_us = gauge.busy_us.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "no worker lives for 2^52 microseconds")]
    let speed = (audio_ms > 0 && busy_us > 0).then(|| audio_ms as f64 * 1e3 / busy_us as f64);
    EngineState {
        engine: caps.engine.clone(),
        model: caps.models.join(", "),
        is_loaded,
        slots: u32::try_from(caps.slots).unwrap_or(u32::MAX),
        slots_busy: u32::try_from(gauge.seated.load(Ordering::Relaxed)).unwrap_or(u32::MAX),
        resident_bytes,
        times_real_time: speed,
    }
}

/// A line that counts as seated until it is dropped.
struct Seated<'a>(&'a Gauge);

impl<'a> Seated<'a> {
    fn sit(gauge: &'a Gauge) -> Self {
        gauge.seated.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        self.0.seated.fetch_sub(1, Ordering::Relaxed);
    }
}
