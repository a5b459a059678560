//! One upload of an episode, from a script to the queue.

mod engines;
mod lost;
mod naming;
mod recordings;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use queue::{Added, NewSubmission, Queue, QueueError};
use schemas::{
    Edits, EpisodeId, Mastering, SubmissionId, SynthKey, Tag, TakeFacts, edits_object,
    ledger_object, take_facts_object, take_object,
};
use screenplay::Script;
use store::{Store, StoreError};
use telemetry::metrics::STAGE_DURATION;
use telemetry::trace::{Span, key};

use crate::cast::Cast;
use crate::ledger::{Ledger, LedgerError, edits};
use crate::plan::{
    Plan, PlanError, PlanOptions, SubmissionSettings, models_with_voices, plan, to_submission,
};
use crate::price::{self, Price};
use crate::takes::{self, Lapse, TakesError};
use engines::listed;

pub use engines::{choose_engines, engine_of_farm, models};
pub use naming::{episode_named, title_of};
pub use recordings::Recordings;

/// Takes looked up in the store at the same time; enough to hide a network's latency.
const ASKED_AT_ONCE: usize = 32;

/// What a production hands over.
#[derive(Debug)]
pub struct Upload {
    /// The episode it is an upload of.
    pub episode: EpisodeId,
    /// The screenplay.
    pub script: Script,
    /// Who speaks in which voice.
    pub cast: Cast,
    /// How it is planned.
    pub options: PlanOptions,
    /// How it is mastered.
    pub mastering: Mastering,
    /// Higher goes first; 0 to 9.
    pub priority: u8,
    /// How often a line may be started before it is given up on; at least 1.
    pub max_attempts: u32,
    /// Its share of the farm among submissions of its priority; 1 to 100.
    pub shares: u32,
    /// The tag of the workers that are to speak it; any worker when absent.
    pub tag: Option<Tag>,
    /// Files of the recordings that the cast's voices are cloned from; others do not matter, and those
    /// that the store has may be missing.
    pub recordings: Recordings,
}

/// A plan together with what is rendered of it already.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// Its takes that are in the store.
    pub takes: BTreeMap<SynthKey, TakeFacts>,
    /// What it changes against the last import; absent when there was none.
    pub edits: Option<Edits>,
    /// Takes that were chosen and are not any more, because of what changed.
    pub lapses: Vec<Lapse>,
    /// What it costs that lines sound otherwise than at the last import; absent when no line that was
    /// rendered does.
    pub price: Option<Price>,
    ledger: Option<Ledger>,
    /// What planning was a part of, and queueing will be.
    trace: Span,
}

/// What a submission put into the queue.
#[derive(Debug)]
pub struct Submitted {
    /// Names it.
    pub id: SubmissionId,
    /// What the queue did.
    pub added: Added,
    /// Whether audio of the same submission was gone from the store and is made again, under an id
    /// of its own.
    pub is_restarted: bool,
    /// What was planned.
    pub prepared: Prepared,
}

/// Why an upload was not queued; the variants differ in who can mend it.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The script or the cast: a person must change something first.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There is not one line to be spoken.
    #[error(
        "nobody says anything in this script: a speech is a name in capitals on a line of its own \
         with the words on the next; `tableread lines` shows what was read"
    )]
    Silent,
    /// It is not known what speaks some of the lines, so that they cannot be named.
    #[error(
        "no engine is known for {}; start a worker that has the model, name its engine with --engine, or \
         use --scratch for a timing track",
        models_with_voices(.0)
    )]
    Unresolved(BTreeMap<String, Vec<String>>),
    /// Workers have several engines of one model, which sound different, and none was chosen.
    #[error("workers have several engines of one model, which sound different; choose: {}", listed(.0))]
    SeveralEngines(BTreeMap<String, BTreeSet<String>>),
    /// A recording that a voice is cloned from cannot be handed to the workers.
    #[error("the recording of voice {name} {problem}")]
    Recording {
        /// Whose, and of which mood.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What is remembered of the episode cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was decided about the episode's takes cannot be used.
    #[error(transparent)]
    Takes(#[from] TakesError),
    /// The store.
    #[error("what is rendered already cannot be looked up")]
    Store(#[from] StoreError),
    /// The queue.
    #[error("the episode cannot be queued")]
    Queue(#[from] QueueError),
}

/// Plans an upload, with ids carried over from the last import, and looks up what is rendered.
///
/// # Errors
/// [`SubmitError`]; nothing is changed anywhere.
pub async fn prepare(upload: &Upload, store: &Store) -> Result<Prepared, SubmitError> {
    let trace = Span::root("submission");
    trace.tell(key::EPISODE, upload.episode.to_string());
    let (planning, since) = (trace.part("plan"), Instant::now());
    let ledger = read_ledger(&upload.episode, store).await?;
    let mut plan = plan(&upload.script, &upload.cast, &upload.options, ledger.as_ref())?;
    let decisions = takes::read(&upload.episode, store).await?;
    let stored = existing_takes(takes::wanted(&plan, &decisions), store).await?;
    let stored = stored.into_keys().collect();
    let lapses = takes::apply(&mut plan, &decisions, &stored, &upload.options.limits);
    let takes = existing_takes(takes_of(&plan), store).await?;
    let edits = ledger.as_ref().map(|ledger| edits(&plan, ledger, &takes));
    let price = match &ledger {
        Some(ledger) => {
            let stale = price::stale(&plan, ledger, &decisions);
            let before = existing_takes(stale.iter().map(|one| one.take.clone()).collect(), store);
            Price::of(&stale, &before.await?, &takes)
        }
        None => None,
    };
    planning.tell(key::LINES, i64::try_from(plan.lines.len()).unwrap_or(i64::MAX));
    STAGE_DURATION.record(since.elapsed().as_secs_f64(), ["plan"]);
    Ok(Prepared { plan, takes, edits, lapses, price, ledger, trace })
}

fn takes_of(plan: &Plan) -> BTreeSet<SynthKey> {
    plan.lines.iter().map(|line| line.job.synth_key.clone()).collect()
}

/// Takes a prepared upload in and returns once its lines are in the queue.
///
/// Safe to repeat at any point: the same upload makes the same submission, which is added once, and
/// what is remembered of the episode is written after that. A submission whose audio the store has
/// lost is begun anew under the next id.
///
/// # Errors
/// [`SubmitError`]; what was queued by then is found again when the call is repeated.
pub async fn submit(
    upload: &Upload,
    mut prepared: Prepared,
    queue: &dyn Queue,
    store: &Store,
) -> Result<Submitted, SubmitError> {
    // Ends with this call, whatever it comes to.
    let trace = std::mem::take(&mut prepared.trace);
    if prepared.plan.lines.is_empty() {
        return Err(SubmitError::Silent);
    }
    let unresolved = prepared.plan.unresolved();
    if !unresolved.is_empty() {
        return Err(SubmitError::Unresolved(unresolved));
    }
    let settings = SubmissionSettings {
        shares: upload.shares,
        tag: upload.tag.clone(),
        episode: upload.episode.clone(),
        priority: upload.priority,
        max_attempts: upload.max_attempts,
        mastering: upload.mastering.clone(),
        takes: prepared.takes.clone(),
        restart: 0,
    };
    let build = |restart| {
        to_submission(&prepared.plan, &SubmissionSettings { restart, ..settings.clone() })
    };
    let (mut new, is_restarted) = whole_submission(build, queue, store).await?;
    let id = new.submission.id.clone();
    // Only the first submission of an upload knows what it changed: later the ledger is its own.
    let edits_key = edits_object(&upload.episode, &id);
    if let Some(edits) = &prepared.edits
        && store.size(&edits_key).await?.is_none()
    {
        store.put(&edits_key, edits_json(edits)).await?;
    }
    // Before the lines: a worker asks for them at once.
    recordings::store_recordings(&prepared, &upload.recordings, store).await?;
    trace.tell(key::SUBMISSION, id.to_string());
    new.submission.trace = trace.carried();
    let (queueing, since) = (trace.part("enqueue"), Instant::now());
    queueing.tell(key::OPERATION, "send");
    queueing.tell(key::LINES, i64::try_from(new.lines.len()).unwrap_or(i64::MAX));
    let added = queueing.around(queue.submit(new)).await?;
    drop(queueing);
    STAGE_DURATION.record(since.elapsed().as_secs_f64(), ["enqueue"]);
    let ledger = Ledger::after(&prepared.plan, prepared.ledger.as_ref());
    if prepared.ledger.as_ref() != Some(&ledger) {
        store.put(&ledger_object(&upload.episode), ledger.to_json()).await?;
    }
    Ok(Submitted { id, added, is_restarted, prepared })
}

/// A submission under the first of its ids whose audio is not lost, and whether that is not the first
/// of all. `build` makes it, given how often it was begun anew.
pub(crate) async fn whole_submission(
    build: impl Fn(u32) -> NewSubmission,
    queue: &dyn Queue,
    store: &Store,
) -> Result<(NewSubmission, bool), SubmitError> {
    let mut restart = 0;
    loop {
        let new = build(restart);
        if !lost::has_lost_audio(&new.submission.id, queue, store).await? {
            // One that is done anew is not news the second time it is asked for.
            let is_new = queue.progress(&new.submission.id).await?.is_none();
            return Ok((new, is_new && restart > 0));
        }
        restart += 1;
    }
}

fn edits_json(edits: &Edits) -> Vec<u8> {
    serde_json::to_vec(edits).expect("a struct of numbers always serialises")
}

/// What is remembered of an episode's lines; `None` when it was never submitted.
pub(crate) async fn read_ledger(
    episode: &EpisodeId,
    store: &Store,
) -> Result<Option<Ledger>, SubmitError> {
    match store.get(&ledger_object(episode)).await {
        Ok(json) => Ok(Some(Ledger::from_json(&json)?)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(err) => Err(err.into()),
    }
}

/// Looks up which of some takes the store holds whole.
pub(crate) async fn existing_takes(
    keys: BTreeSet<SynthKey>,
    store: &Store,
) -> Result<BTreeMap<SynthKey, TakeFacts>, StoreError> {
    stream::iter(keys)
        .map(|key| async move { Ok(existing_take(&key, store).await?.map(|facts| (key, facts))) })
        .buffer_unordered(ASKED_AT_ONCE)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await
}

async fn existing_take(key: &SynthKey, store: &Store) -> Result<Option<TakeFacts>, StoreError> {
    let json = match store.get(&take_facts_object(key)).await {
        Ok(json) => json,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(err) => return Err(err),
    };
    // Facts of another layout, or whose samples somebody removed, are as good as none.
    let Some(facts) = serde_json::from_slice::<TakeFacts>(&json).ok() else { return Ok(None) };
    let is_whole = store.size(&take_object(key)).await? == Some(facts.bytes);
    Ok((is_whole && facts.synth_key == *key).then_some(facts))
}
