//! How a worker is, in numbers of now.

use schemas::WorkerState;
use telemetry::metrics::{
    DEVICE_MEMORY, ENGINE_SLOTS, MODEL_RESIDENT, SPOOL_BYTES, SPOOL_FILES, TIMES_REAL_TIME,
    WORKER_STATE,
};

use crate::render::Worker;

impl Worker {
    /// Notes what the worker does, how its engines stand and what waits for the store.
    pub(crate) fn note_gauges(&self, state: WorkerState) {
        let words = [
            (WorkerState::Starting, "starting"),
            (WorkerState::Idle, "idle"),
            (WorkerState::Rendering, "rendering"),
            (WorkerState::Draining, "draining"),
            (WorkerState::Paused, "paused"),
        ];
        WORKER_STATE.replace(words.map(|(of, word)| ([word], f64::from(u8::from(of == state)))));
        for engine in self.engine_states() {
            let name = engine.engine.as_str();
            let free = engine.slots.saturating_sub(engine.slots_busy);
            ENGINE_SLOTS.set(f64::from(engine.slots_busy), [name, "busy"]);
            ENGINE_SLOTS.set(f64::from(free), [name, "free"]);
            if let Some(times) = engine.times_real_time {
                TIMES_REAL_TIME.set(times, [name]);
            }
            if let Some(bytes) = engine.resident_bytes {
                MODEL_RESIDENT.set(if engine.is_loaded { float(bytes) } else { 0.0 }, [name]);
            }
        }
        if let Some((used, limit)) = self.engines.device_memory() {
            let device = self.settings.device.as_str();
            DEVICE_MEMORY.set(float(used), [device, "used"]);
            DEVICE_MEMORY.set(float(limit), [device, "limit"]);
        }
        if let Some(spool) = &self.spool {
            let (bytes, files, limit) = spool.stand();
            SPOOL_BYTES.set(float(bytes), ["used"]);
            SPOOL_BYTES.set(float(limit), ["limit"]);
            SPOOL_FILES.set(float(files as u64), []);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no machine has 2^52 bytes")]
fn float(number: u64) -> f64 {
    number as f64
}
