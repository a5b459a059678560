//! Steps in the store: one object each, never changed, so that two people deciding at the same time
//! lose nothing and a crash leaves whole steps only.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use schemas::{EpisodeId, Voice, take_steps_prefix};
use store::{Store, StoreError};
use ulid::Ulid;

use super::{Decisions, LineStep, Step};
use crate::pace::now_ms;

/// The layout of steps that is written.
const VERSION: u32 = 1;
/// Steps read at the same time; enough to hide a network's latency.
const READ_AT_ONCE: usize = 32;

/// Why what people decided cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TakesError {
    /// The store.
    #[error("what was decided about takes cannot be looked up")]
    Store(#[from] StoreError),
    /// A newer program wrote it: use that one.
    #[error("`{key}` has layout {version} and this program knows {VERSION}; use a newer tableread")]
    Version {
        /// Which object.
        key: String,
        /// Its layout.
        version: u32,
    },
    /// It is damaged: restore it, or remove it and decide again.
    #[error("`{key}` in the store is damaged; restore it, or remove it and decide that step again")]
    Damaged {
        /// Which object.
        key: String,
        /// What the reader said.
        #[source]
        source: serde_json::Error,
    },
}

/// Reads all that was decided about an episode's takes.
///
/// # Errors
/// [`TakesError`].
pub async fn read(episode: &EpisodeId, store: &Store) -> Result<Decisions, TakesError> {
    let prefix = take_steps_prefix(episode);
    let mut keys = store.list(&prefix).await?;
    keys.retain(|key| number_in(key, &prefix).is_some());
    keys.sort();
    let mut decisions = Decisions::default();
    let steps: Vec<Step> = stream::iter(keys.clone())
        .map(|key| async move { read_step(&key, &store.get(&key).await?) })
        .buffered(READ_AT_ONCE)
        .try_collect()
        .await?;
    for step in steps {
        decisions.take_in(step);
    }
    decisions.next = keys.last().and_then(|key| number_in(key, &prefix)).map_or(1, |last| last + 1);
    Ok(decisions)
}

/// Reads one step.
///
/// # Errors
/// [`TakesError::Version`] and [`TakesError::Damaged`].
pub(crate) fn read_step(key: &str, json: &[u8]) -> Result<Step, TakesError> {
    #[derive(serde::Deserialize)]
    struct Layout {
        version: u32,
    }
    let damaged = |source| TakesError::Damaged { key: key.to_owned(), source };
    let Layout { version } = serde_json::from_slice(json).map_err(damaged)?;
    if version != VERSION {
        return Err(TakesError::Version { key: key.to_owned(), version });
    }
    serde_json::from_slice(json).map_err(damaged)
}

/// Writes a step behind all that `decisions` know, and goes on by it.
///
/// Of two steps written at the same time either may count as the later one; both are kept.
///
/// # Errors
/// When the store cannot be written; the step was not taken then.
///
/// # Panics
/// Never: plain structs of strings and numbers always serialise.
pub async fn write(
    episode: &EpisodeId,
    decisions: &mut Decisions,
    voices: Vec<Voice>,
    lines: Vec<LineStep>,
    store: &Store,
) -> Result<(), TakesError> {
    let step = Step { version: VERSION, at_ms: now_ms(), voices, lines };
    let name = format!("{:08}-{}.json", decisions.next, Ulid::generate().to_string());
    let json = serde_json::to_vec(&step).expect("plain structs always serialise");
    store.put(&format!("{}{name}", take_steps_prefix(episode)), json).await?;
    decisions.next += 1;
    decisions.take_in(step);
    Ok(())
}

/// Whether a stored object is a step of some episode.
pub(crate) fn is_step(key: &str) -> bool {
    let mut parts = key.split('/');
    let (first, _, third, name) = (parts.next(), parts.next(), parts.next(), parts.next());
    first == Some("episodes")
        && third == Some("takes")
        && name.is_some_and(|name| number_in(name, "").is_some())
        && parts.next().is_none()
}

/// The number at the start of a step's name.
fn number_in(key: &str, prefix: &str) -> Option<u64> {
    let name = key.strip_prefix(prefix)?;
    let (number, _) = name.strip_suffix(".json")?.split_once('-')?;
    number.parse().ok()
}
