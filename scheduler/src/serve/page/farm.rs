//! Who renders, and what they hold now.

use std::collections::BTreeMap;

use queue::WorkerCard;
use schemas::{EpisodeId, LineId, LineState, Progress, WorkerId};

use crate::pace;
use crate::serve::app::App;
use crate::serve::problem::Answer;

/// Submissions whose lines are looked through for what workers hold: those first handed out. Of more
/// than these only the number of lines held is told.
const LOOKED_THROUGH: usize = 8;

/// The workers at one moment.
#[derive(Debug)]
pub(super) struct Farm {
    /// Ordered by name.
    pub(super) cards: Vec<WorkerCard>,
    /// Unix milliseconds.
    pub(super) now_ms: u64,
    /// Seconds of audio that the living workers make in one.
    pub(super) speed: f64,
    /// What each holds, in script order.
    pub(super) held: BTreeMap<WorkerId, Vec<Held>>,
}

/// A line under lease.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) episode: EpisodeId,
    pub(super) line: LineId,
    pub(super) character: String,
}

impl Farm {
    /// Looks at the workers, and through those of `all` that have lines under lease.
    pub(super) async fn look(app: &App, all: &[Progress]) -> Answer<Self> {
        let cards = app.queue.workers().await?;
        let now_ms = pace::now_ms();
        let speed = pace::speed(&cards, now_ms);
        let mut held: BTreeMap<WorkerId, Vec<Held>> = BTreeMap::new();
        let is_busy = |progress: &&Progress| progress.lines.speaking + progress.lines.mastering > 0;
        for progress in all.iter().filter(is_busy).take(LOOKED_THROUGH) {
            // Forgotten in between: then nobody holds a line of it.
            let Ok(records) = app.queue.lines(&progress.submission).await else { continue };
            for record in records.into_iter().filter(|it| it.state == LineState::Leased) {
                let Some(worker) = record.worker else { continue };
                let episode = progress.episode.clone();
                let (line, character) = (record.job.id, record.job.character);
                held.entry(worker).or_default().push(Held { episode, line, character });
            }
        }
        Ok(Self { cards, now_ms, speed, held })
    }
}
