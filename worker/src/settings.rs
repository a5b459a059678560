//! How a worker works.

use std::collections::BTreeSet;
use std::time::Duration;

use schemas::{Tag, WorkerId};

use crate::SpoolSettings;

/// How a worker works. [`Settings::new`] has what is usual; change fields from there.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who it is; unique among living workers.
    pub worker: WorkerId,
    /// How long a lease lasts unless renewed, in milliseconds; at least 300. Renewed at a third of it,
    /// so that two renewals may go wrong.
    pub lease_ms: u64,
    /// At most this many lines in one batch; at least 1.
    pub max_lines: usize,
    /// At most this much estimated audio in one batch, in milliseconds; a single longer line is still
    /// taken.
    pub max_audio_ms: u64,
    /// Lines held beyond those the engine can seat, so that a seat never waits for the queue.
    pub look_ahead: usize,
    /// Engine threads, each owning one speaker; at least 1. One for a GPU, one a core for the CPU.
    pub threads: usize,
    /// Lines mastered at once on the CPU; at least 1.
    pub mastering: usize,
    /// Whether to return once nothing is open in the queue. Lines that are delayed, or held by other
    /// workers, are waited for; paused submissions are not. Lines of a model that nobody takes for the
    /// length of a lease end the worker with an error.
    pub until_empty: bool,
    /// How often the queue is asked while it has nothing, in milliseconds.
    pub poll_ms: u64,
    /// How long lines that are being spoken may go on once the worker is to stop, in milliseconds;
    /// what is not done by then is given back uncharged.
    pub drain_ms: u64,
    /// How long an outage of the store or the queue is waited out before the line is given up for
    /// another try, in milliseconds.
    pub patience_ms: u64,
    /// How often the worker says how it is and asks what it is to do, in milliseconds.
    pub report_ms: u64,
    /// Where finished audio is kept while the store is away, so that rendering goes on and outages of
    /// the store are waited out to their end. Without it lines wait in memory, for the patience.
    pub spool: Option<SpoolSettings>,
    /// A program and its arguments that keep the machine awake for as long as it runs; run while lines
    /// are rendered. Empty where none is needed.
    pub keep_awake: Vec<String>,
    /// Whether every take of a cloned voice is compared with the recording it is cloned from, by the
    /// model that spoke it; see [`schemas::TakeFacts::likeness`].
    pub hears_drift: bool,
    /// Tags: lines of submissions that ask for one of them are taken, too.
    pub tags: BTreeSet<Tag>,
    /// What models run on, as reports call it: `cpu`, `cuda` or `metal`.
    pub device: String,
}

impl Settings {
    /// A worker called `worker`: leases of 30 s, batches of up to 32 lines or 5 min, one engine thread and
    /// one mastering line a core, 5 s to drain, outages of 5 min waited out.
    #[must_use]
    pub fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            lease_ms: 30_000,
            max_lines: 32,
            max_audio_ms: 300_000,
            look_ahead: 8,
            threads: crate::cores(),
            mastering: crate::cores(),
            until_empty: false,
            poll_ms: 200,
            drain_ms: 5_000,
            patience_ms: 300_000,
            report_ms: 5_000,
            spool: None,
            keep_awake: Vec::new(),
            hears_drift: true,
            tags: BTreeSet::new(),
            device: "cpu".to_owned(),
        }
    }

    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.max(1))
    }

    pub(crate) fn report_every(&self) -> Duration {
        Duration::from_millis(self.report_ms.max(1))
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }
}
