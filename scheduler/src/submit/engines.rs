//! Which engines of the farm speak an upload.

use std::collections::{BTreeMap, BTreeSet};

use queue::{Queue, QueueError};
use schemas::WorkerReport;

use super::{SubmitError, Upload};
use crate::plan::{PlanError, PlanOptions, Speakers, plan};

/// Workers heard of within this time of the last one that was heard of are the farm's.
const LIVING_MS: u64 = 60_000;

/// The models that an upload's lines are spoken by, without the scratch engine's, each with the names
/// of the voices that need it.
///
/// # Errors
/// [`PlanError`] when it cannot be planned.
pub fn models(upload: &Upload) -> Result<BTreeMap<String, Vec<String>>, PlanError> {
    let options = PlanOptions { speakers: Speakers::default(), ..upload.options.clone() };
    Ok(plan(&upload.script, &upload.cast, &options, None)?.unresolved())
}

/// Plans an upload for the engines in `named`, by model, and else for those that the farm's workers
/// report. What nobody has stays unresolved: see [`crate::plan::Plan::unresolved`].
///
/// # Errors
/// [`SubmitError::SeveralEngines`] when workers have several engines of a model that is not in `named`;
/// when it cannot be planned or the queue cannot be read.
pub async fn choose_engines(
    upload: &mut Upload,
    named: &BTreeMap<String, String>,
    queue: &dyn Queue,
) -> Result<(), SubmitError> {
    let needed = models(upload)?;
    let mut chosen = named.clone();
    if needed.keys().all(|model| chosen.contains_key(model)) {
        upload.options.speakers = chosen.into_iter().collect();
        return Ok(());
    }
    let mut several = BTreeMap::new();
    for (model, engines) in engines_of_workers(queue).await? {
        if !needed.contains_key(&model) || chosen.contains_key(&model) {
            continue;
        }
        match engines.len() {
            0 => {}
            1 => chosen.extend(engines.into_iter().map(|engine| (model.clone(), engine))),
            _ => {
                several.insert(model, engines);
            }
        }
    }
    if !several.is_empty() {
        return Err(SubmitError::SeveralEngines(several));
    }
    upload.options.speakers = chosen.into_iter().collect();
    Ok(())
}

/// The engine in `named`, else the one that the farm's workers report, for a model that a voice needs.
///
/// # Errors
/// [`SubmitError::Unresolved`] when nobody has one, [`SubmitError::SeveralEngines`] when workers have
/// several, and when the queue cannot be read.
pub async fn engine_of_farm(
    (model, voice): (&str, &str),
    named: &BTreeMap<String, String>,
    queue: &dyn Queue,
) -> Result<String, SubmitError> {
    if let Some(engine) = named.get(model) {
        return Ok(engine.clone());
    }
    let mut of_workers = engines_of_workers(queue).await?;
    let engines = of_workers.remove(model).unwrap_or_default();
    let mut several = engines.iter();
    match (several.next(), several.next()) {
        (Some(engine), None) => Ok(engine.clone()),
        (None, _) => {
            let voices = vec![voice.to_owned()];
            Err(SubmitError::Unresolved(BTreeMap::from([(model.to_owned(), voices)])))
        }
        (Some(_), Some(_)) => {
            Err(SubmitError::SeveralEngines(BTreeMap::from([(model.to_owned(), engines)])))
        }
    }
}

/// Engines of the workers that are there, by model.
async fn engines_of_workers(
    queue: &dyn Queue,
) -> Result<BTreeMap<String, BTreeSet<String>>, QueueError> {
    let cards = queue.workers().await?;
    let last = cards.iter().map(|card| card.seen_at_ms).max().unwrap_or_default();
    let living = cards.into_iter().filter(|card| card.seen_at_ms + LIVING_MS >= last);
    let reports: Vec<WorkerReport> = living.filter_map(|card| card.report).collect();
    let mut engines: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for state in reports.into_iter().flat_map(|report| report.engines) {
        engines.entry(state.model).or_default().insert(state.engine);
    }
    Ok(engines)
}

/// Models and their engines, as an error lists them.
pub(super) fn listed(several: &BTreeMap<String, BTreeSet<String>>) -> String {
    let one = |(model, engines): (&String, &BTreeSet<String>)| {
        let engines: Vec<_> =
            engines.iter().map(|engine| format!("--engine {model}={engine}")).collect();
        engines.join(" or ")
    };
    several.iter().map(one).collect::<Vec<_>>().join("; ")
}
