//! The first stage: text becomes a take in the store.

use audio::{AudioError, Level, Pcm};
use bytes::Bytes;
use engine::{Request, Samples};
use schemas::{
    Batch, DRIFTED_BELOW, LeasedLine, LineJob, Outcome, SynthInputs, TakeFacts, Voice, VoiceSource,
    take_facts_object, take_object,
};
use store::StoreError;
use telemetry::trace::{Lap, stage};
use tracing::warn;

use crate::render::{End, Worker};
use crate::{RenderError, WorkerError};

/// A take whose loudest sample is below this is silence: nothing was said.
const SILENT_DBFS: f32 = -60.0;

impl Worker {
    /// Sees to all that the lines of a batch have in common before the first of them takes a seat: the
    /// recording of a cloned voice, its model in memory, the voice ready in it. False when the worker
    /// is to stop before that is done.
    ///
    /// # Errors
    /// Why none of the lines can be spoken.
    pub(crate) async fn make_ready(&self, batch: &Batch) -> Result<bool, RenderError> {
        let Some(LeasedLine { job, .. }) = batch.lines.first() else { return Ok(true) };
        let ready = stage("prompt", async {
            self.have_recording(&batch.voice).await?;
            self.have_prompt(batch).await;
            let prepared = self.engines.prepare(&job.engine, &batch.voice, &job.language).await;
            prepared.map_err(engine_lost)
        });
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Ok(false),
            ready = ready => ready.map(|()| true),
        }
    }

    /// Speaks one line and stores its take, unless the store has it already.
    pub(crate) async fn speak(&self, batch: &Batch, line: &LeasedLine) -> End {
        let job = &line.job;
        if let Err(error) = self.check_engine(&batch.voice, job) {
            return match self.begin(batch, line).await {
                Ok(()) => End::Outcome(Err(error)),
                Err(end) => end,
            };
        }
        match self.stored_take(job).await {
            Ok(Some(take)) => return End::Reused(Outcome::Spoken { take }),
            Ok(None) => {}
            Err(error) => return End::Outcome(Err(error.into())),
        }
        let Some(seat) = self.seat(&job.engine).await else { return End::GivenBack };
        if let Err(end) = self.begin(batch, line).await {
            return end;
        }
        let spoken = self.say(&batch.voice, job).await;
        drop(seat);
        let stored = match spoken {
            Ok((samples, synth_ms)) => self.store_take(batch, job, samples, synth_ms).await,
            Err(error) => Err(error),
        };
        End::Outcome(stored.map(|take| Outcome::Spoken { take }))
    }

    /// A take is named by what decides its samples, the engine included.
    fn check_engine(&self, voice: &Voice, job: &LineJob) -> Result<(), RenderError> {
        let inputs = SynthInputs {
            text: &job.text,
            pauses: &job.pauses,
            model: &voice.model,
            source: &voice.source,
            language: &job.language,
            engine: &job.engine,
            seed: job.seed,
        };
        if self.engines.caps(&job.engine).is_some() && inputs.key() == job.synth_key {
            return Ok(());
        }
        let (engine, synth_key) = (job.engine.clone(), job.synth_key.clone());
        Err(RenderError::OtherEngine { engine, synth_key })
    }

    /// The take as an earlier worker left it, when both its objects are whole.
    async fn stored_take(&self, job: &LineJob) -> Result<Option<TakeFacts>, StoreError> {
        let key = &job.synth_key;
        let Some(facts) = self.find(&take_facts_object(key)).await? else { return Ok(None) };
        match serde_json::from_slice::<TakeFacts>(&facts) {
            Ok(facts) if facts.synth_key == *key => {
                let size = self.size_of(&take_object(key)).await?;
                Ok((size == Some(facts.bytes)).then_some(facts))
            }
            Ok(_) | Err(_) => {
                warn!(line = %job.id, synth_key = %key, "stored facts unreadable, speaking anew");
                Ok(None)
            }
        }
    }

    async fn say(&self, voice: &Voice, job: &LineJob) -> Result<(Samples, u64), RenderError> {
        let request = Request {
            tag: 0,
            text: job.text.clone(),
            pauses: job.pauses.clone(),
            language: job.language.clone(),
            voice: voice.clone(),
            seed: job.seed,
        };
        let spoken = self.engines.speak(&job.engine, request).await.map_err(engine_lost)?;
        spoken.laps.iter().for_each(Lap::tell);
        Ok((spoken.result?, spoken.synth_ms))
    }

    /// How much a take sounds like its voice, where that is to be told and can be.
    async fn likeness(&self, batch: &Batch, job: &LineJob, samples: &Samples) -> Option<f32> {
        if !self.settings.hears_drift || !matches!(batch.voice.source, VoiceSource::Clone { .. }) {
            return None;
        }
        let voice = (&batch.voice, job.language.as_str());
        let heard = self.engines.likeness(&job.engine, voice, samples.clone()).await;
        // A device that failed tells with the next line; this one is spoken already.
        let likeness = heard.ok().flatten()?;
        if likeness < DRIFTED_BELOW {
            warn!(line = %job.id, likeness, "take sounds unlike its voice");
        }
        Some(likeness)
    }

    /// Stores the samples, then the facts: where those exist, so do the samples.
    async fn store_take(
        &self,
        batch: &Batch,
        job: &LineJob,
        samples: Samples,
        synth_ms: u64,
    ) -> Result<TakeFacts, RenderError> {
        let likeness = self.likeness(batch, job, &samples).await;
        let Samples { samples, rate_hz } = samples;
        let count = samples.len() as u64;
        let pcm = Pcm { samples, rate_hz };
        let (level, wav) = self.on_a_core(move || written(&pcm)).await??;
        let facts = TakeFacts {
            synth_key: job.synth_key.clone(),
            samples: count,
            rate_hz,
            lufs: level.lufs,
            peak_dbfs: level.peak_dbfs,
            bytes: wav.len() as u64,
            engine: spoken_by(&job.engine, &batch.voice),
            worker: self.settings.worker.clone(),
            synth_ms,
            likeness,
        };
        let json = serde_json::to_vec(&facts).expect("plain facts always serialise");
        let key = &job.synth_key;
        let samples = (take_object(key), wav.into());
        self.deliver(batch, [samples, (take_facts_object(key), Bytes::from(json))]).await?;
        Ok(facts)
    }

    /// Runs signal processing off the async threads, as many at once as there are cores for it.
    pub(crate) async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AudioError> {
        let _core = self.cores.acquire().await;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|panicked| AudioError::Encode(panicked.to_string()))
    }
}

/// What the end of an engine's thread means for the lines it had.
fn engine_lost(error: WorkerError) -> RenderError {
    match error {
        WorkerError::Device(reason) => RenderError::Device(reason),
        WorkerError::Open(reason) => RenderError::Model(reason.to_string()),
        other => RenderError::Device(other.to_string()),
    }
}

/// Measures a take and writes it as it will lie in the store.
fn written(pcm: &Pcm) -> Result<(Level, Vec<u8>), AudioError> {
    let level = audio::measure(pcm);
    if pcm.samples.is_empty() || level.peak_dbfs <= SILENT_DBFS {
        return Err(AudioError::Silent);
    }
    Ok((level, audio::write_wav_f32(pcm)))
}

/// Name and version of what spoke a take, e.g. `scratch/1 pico`.
fn spoken_by(engine: &str, voice: &Voice) -> String {
    match &voice.source {
        VoiceSource::Scratch { synthesiser, .. } => {
            let synthesiser = match synthesiser {
                schemas::ScratchSynthesiser::Pico => "pico",
                schemas::ScratchSynthesiser::Say => "say",
                schemas::ScratchSynthesiser::Espeak => "espeak",
            };
            format!("{engine} {synthesiser}")
        }
        VoiceSource::Preset { .. }
        | VoiceSource::Clone { .. }
        | VoiceSource::Design { .. }
        | VoiceSource::Recorded { .. } => engine.to_owned(),
    }
}
