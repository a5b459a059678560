//! The second stage: a take becomes a master and a delivery in the store.

use std::time::Instant;

use audio::{AudioError, Pcm, Tag};
use bytes::Bytes;
use queue::QueueError;
use schemas::{
    Batch, DeliveryFacts, LeasedLine, LineJob, MasterInputs, MasterKey, Mastering, Outcome,
    TakeFacts, delivery_object, hex, master_object, take_object,
};
use sha2::{Digest, Sha256};
use telemetry::trace::Lap;

use crate::RenderError;
use crate::deliver::queue_may_come_back;
use crate::outage::wait_out;
use crate::render::{End, Worker};

/// What is to be made of a take, and under which name.
struct Recipe {
    key: MasterKey,
    gain_db: f32,
    mastering: Mastering,
    tags: Vec<(&'static str, String)>,
}

/// A master and its delivery, as they lie in the store.
struct Made {
    master: Bytes,
    delivery: Bytes,
    facts: DeliveryFacts,
    laps: [Lap; 2],
}

impl Worker {
    /// The one gain of the batch's voice, in dB: all its takes in the submission decide it, so every
    /// batch of the voice computes the same.
    ///
    /// # Errors
    /// When the queue cannot be reached, after waiting.
    pub(crate) async fn voice_gain_db(&self, batch: &Batch) -> Result<f32, QueueError> {
        let voice = batch.voice.key();
        let ask = || self.queue.takes_of_voice(&batch.submission, &voice);
        let takes = wait_out("queue", self.settings.patience(), queue_may_come_back, ask).await?;
        let levels: Vec<_> = takes.iter().map(|take| (take.lufs, take.duration_ms())).collect();
        Ok(audio::voice_gain_db(&levels, batch.mastering.target_lufs))
    }

    /// Masters one line and stores both its objects, unless the store has them already.
    pub(crate) async fn master(&self, batch: &Batch, line: &LeasedLine, voice_gain_db: f32) -> End {
        let Some(_desk) = self.turn_at(&self.desks).await else { return End::GivenBack };
        if let Err(end) = self.begin(batch, line).await {
            return end;
        }
        let Some(take) = &line.take else { return End::Outcome(Err(RenderError::NoTake)) };
        let recipe = Recipe::new(batch, &line.job, take, voice_gain_db);
        let made = match self.stored(&recipe).await {
            Ok(Some(facts)) => Ok(facts),
            Ok(None) => self.make(batch, take, recipe).await,
            Err(error) => Err(error),
        };
        End::Outcome(made.map(|delivery| Outcome::Mastered { delivery }))
    }

    /// What the store has under the recipe's key: measuring it again is cheap, encoding is not.
    async fn stored(&self, recipe: &Recipe) -> Result<Option<DeliveryFacts>, RenderError> {
        let (master, delivery) = (master_object(&recipe.key), delivery_object(&recipe.key));
        if self.size_of(&delivery).await?.is_none() || self.size_of(&master).await?.is_none() {
            return Ok(None);
        }
        let since = Instant::now();
        let (master, delivery) = (self.fetch(&master).await?, self.fetch(&delivery).await?);
        let (key, gain_db) = (recipe.key.clone(), recipe.gain_db);
        let measured = self
            .on_a_core(move || {
                let pcm = audio::read_wav(&master)?;
                Ok(facts_of(key, gain_db, &pcm, (&master, &delivery), since))
            })
            .await?;
        match measured {
            Ok(facts) => Ok(Some(facts)),
            // Whatever lies there is no master of ours; making it anew replaces it.
            Err(AudioError::Silent | AudioError::Unreadable(_) | AudioError::Encode(_)) => Ok(None),
        }
    }

    /// Stores the master, then the delivery: where that exists, so does the master.
    async fn make(
        &self,
        batch: &Batch,
        take: &TakeFacts,
        recipe: Recipe,
    ) -> Result<DeliveryFacts, RenderError> {
        let since = Instant::now();
        let wav = self.fetch(&take_object(&take.synth_key)).await?;
        let key = recipe.key.clone();
        let made = self.on_a_core(move || mastered(&wav, recipe, since)).await??;
        made.laps.iter().for_each(Lap::tell);
        let master = (master_object(&key), made.master);
        self.deliver(batch, [master, (delivery_object(&key), made.delivery)]).await?;
        Ok(made.facts)
    }
}

impl Recipe {
    fn new(batch: &Batch, job: &LineJob, take: &TakeFacts, voice_gain_db: f32) -> Self {
        let mastering = batch.mastering.clone();
        let gain_db = audio::line_gain_db(voice_gain_db, take.lufs, &mastering) + job.gain_db;
        // The key holds hundredths, so hundredths are what is applied.
        #[expect(clippy::cast_possible_truncation, reason = "a gain is within some hundred dB")]
        let gain_centibels = (gain_db * 100.0).round() as i32;
        let tags = vec![
            ("title", job.id.to_string()),
            ("artist", job.character.clone()),
            ("album", batch.title.clone()),
            ("comment", job.scene.clone()),
        ];
        let key = MasterInputs {
            synth_key: &take.synth_key,
            mastering: &mastering,
            gain_centibels,
            encoder: audio::encoder(),
            tags: &borrowed(&tags),
        }
        .key();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^24")]
        let gain_db = gain_centibels as f32 / 100.0;
        Self { key, gain_db, mastering, tags }
    }
}

fn borrowed<'a>(tags: &'a [(&'static str, String)]) -> Vec<Tag<'a>> {
    tags.iter().map(|(name, text)| (*name, text.as_str())).collect()
}

/// Makes both objects of a take; CPU work.
fn mastered(wav: &[u8], recipe: Recipe, since: Instant) -> Result<Made, AudioError> {
    let Recipe { key, gain_db, mastering, tags } = recipe;
    let began = Instant::now();
    let pcm = audio::finish(&audio::read_wav(wav)?, gain_db, &mastering)?;
    let master = Bytes::from(audio::write_wav24(&pcm));
    let finished = Instant::now();
    let delivery = audio::encode_aac(&pcm, mastering.bitrate_bps, &borrowed(&tags))?;
    let laps =
        [Lap::between("master", began, finished), Lap::between("encode", finished, Instant::now())];
    let delivery = Bytes::from(delivery);
    // Measured as it lies in the store, so that finding it there later gives the same facts.
    let stored = audio::read_wav(&master)?;
    let facts = facts_of(key, gain_db, &stored, (&master, &delivery), since);
    Ok(Made { master, delivery, facts, laps })
}

/// What is known of a master and its delivery.
fn facts_of(
    master_key: MasterKey,
    gain_db: f32,
    pcm: &Pcm,
    (master, delivery): (&Bytes, &Bytes),
    since: Instant,
) -> DeliveryFacts {
    let level = audio::measure(pcm);
    DeliveryFacts {
        master_key,
        samples: pcm.samples.len() as u64,
        rate_hz: pcm.rate_hz,
        lufs: level.lufs,
        peak_dbfs: level.peak_dbfs,
        gain_db,
        encoder: audio::encoder(),
        delivery_bytes: delivery.len() as u64,
        master_bytes: master.len() as u64,
        delivery_sha256: hex(&Sha256::digest(delivery)),
        master_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
