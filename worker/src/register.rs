//! How a worker is known to those who look after the farm, and hears what they want of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemas::{EngineState, WorkerOrders, WorkerReport, WorkerState};
use tracing::{info, warn};

use crate::WorkerError;
use crate::awake::Awake;
use crate::deliver::queue_may_come_back;
use crate::hardware::{hardware, host};
use crate::outage::with_causes;
use crate::render::Worker;
use crate::spool::Spool;

/// How long a farewell may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// What of a worker's report stays the same while it lives.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Names this life of the process.
    instance: String,
    host: String,
    hardware: String,
    started_at_ms: u64,
}

impl Identity {
    /// This process on this machine, from now on.
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            instance: ulid::Ulid::generate().to_string(),
            host: host(),
            hardware: hardware(),
            started_at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Worker {
    /// Makes the worker known before it claims anything. A queue that is away is no hindrance: the
    /// worker waits for it anyhow.
    ///
    /// # Errors
    /// When another worker has its name.
    pub(crate) async fn introduce(&self) -> Result<(), WorkerError> {
        match self.queue.report(&self.card(WorkerState::Starting)).await {
            Ok(orders) => {
                self.obey(orders);
                Ok(())
            }
            Err(error) if queue_may_come_back(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Says how the worker is every few seconds, does as it is told, and keeps the machine awake while
    /// it renders. Never returns.
    pub(crate) async fn report_for_ever(&self) -> Result<(), WorkerError> {
        let mut awake = Awake::by(&self.settings.keep_awake);
        let mut is_answered = true;
        loop {
            let state = self.state();
            // Asleep it would lose what it holds.
            awake.set(self.holds_lines()).await;
            self.note_gauges(state);
            match self.queue.report(&self.card(state)).await {
                Ok(orders) => {
                    self.obey(orders);
                    is_answered = true;
                }
                Err(error) if queue_may_come_back(&error) => {
                    if is_answered {
                        warn!(error = %with_causes(&error), "the queue does not hear this worker");
                    }
                    is_answered = false;
                }
                // Another worker took the name while this one was silent, or the queue is damaged.
                Err(error) => {
                    self.quit(error.into());
                    return std::future::pending().await;
                }
            }
            tokio::time::sleep(self.settings.report_every()).await;
        }
    }

    /// Takes the worker off the list, so that nothing waits for it.
    pub(crate) async fn say_goodbye(&self) {
        let said = self.queue.goodbye(&self.settings.worker, &self.identity.instance);
        match tokio::time::timeout(GOODBYE, said).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(error = %with_causes(&error), "the queue takes this worker for alive for a minute");
            }
            Err(_) => {
                warn!("the queue does not answer: it takes this worker for alive for a minute");
            }
        }
    }

    fn obey(&self, orders: WorkerOrders) {
        if orders.drain && !self.drain.is_cancelled() {
            info!("ordered to drain: lines in hand are finished, the others given back");
            self.drain.cancel();
        }
    }

    fn state(&self) -> WorkerState {
        if self.drain.is_cancelled() {
            WorkerState::Draining
        } else if self.spool.as_ref().is_some_and(Spool::is_full) {
            WorkerState::Paused
        } else if self.holds_lines() {
            WorkerState::Rendering
        } else {
            WorkerState::Idle
        }
    }

    /// Whether there are lines here, those included that only wait for the store.
    fn holds_lines(&self) -> bool {
        !self.room.is_empty() || self.spool.as_ref().is_some_and(Spool::has_waiting)
    }

    pub(crate) fn engine_states(&self) -> Vec<EngineState> {
        let mut states = self.engines.states();
        for state in &mut states {
            // Lines that take their seats next are counted in.
            state.slots_busy = state.slots_busy.min(state.slots);
        }
        states
    }

    fn card(&self, state: WorkerState) -> WorkerReport {
        let done = self.tally.report();
        let Identity { instance, host, hardware, started_at_ms } = &self.identity;
        WorkerReport {
            worker: self.settings.worker.clone(),
            instance: instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host.clone(),
            hardware: hardware.clone(),
            device: self.settings.device.clone(),
            engines: self.engine_states(),
            state,
            detail: self.spool.as_ref().and_then(Spool::detail),
            voices_warm: self.room.voices_warm(),
            last_line: self.tally.last_line(),
            spoken: done.spoken,
            mastered: done.mastered,
            failed: done.failed,
            started_at_ms: *started_at_ms,
            tags: self.settings.tags.clone(),
        }
    }
}
