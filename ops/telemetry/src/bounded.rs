//! Keeps what waits to be sent within bounds, and counts what is lost.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, LogProcessor, SdkLogRecord};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

use crate::config::Signal;
use crate::metrics::TELEMETRY_DROPPED;

/// What of one signal waits to be sent.
///
/// The SDK's processors drop what does not fit as well, but tell nobody: here it is counted before it
/// gets to them.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    signal: Signal,
    most: usize,
    now: Arc<AtomicUsize>,
}

impl Waiting {
    /// Nothing waits; at most `most` items may.
    pub(crate) fn of(signal: Signal, most: usize) -> Self {
        Self { signal, most, now: Arc::default() }
    }

    /// Whether one more may wait; if not it is lost, and counted.
    fn enter(&self) -> bool {
        let may = self.now.fetch_add(1, Ordering::Relaxed) < self.most;
        if !may {
            self.now.fetch_sub(1, Ordering::Relaxed);
            TELEMETRY_DROPPED.count([self.signal.label(), "full"]);
        }
        may
    }

    /// What became of some that waited.
    fn leave(&self, items: usize, outcome: &OTelSdkResult) {
        // Items that came before the bound was drawn are not counted in.
        let take = |now: usize| Some(now.saturating_sub(items));
        let _before = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        count_refused(self.signal, items, outcome);
    }
}

fn count_refused(signal: Signal, items: usize, outcome: &OTelSdkResult) {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    let Err(error) = outcome else { return };
    let items = u32::try_from(items).unwrap_or(u32::MAX);
    TELEMETRY_DROPPED.add(f64::from(items), [signal.label(), "refused"]);
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        let signal = signal.label();
        tracing::warn!(signal, %error, "the collector takes no telemetry; rendering goes on without it");
    }
}

/// A processor before which no more waits than it takes.
#[derive(Debug)]
pub(crate) struct Bounded<P> {
    pub(crate) inner: P,
    pub(crate) waiting: Waiting,
}

/// An exporter that tells what became of what waited.
#[derive(Debug)]
pub(crate) struct Counted<E> {
    pub(crate) inner: E,
    pub(crate) waiting: Waiting,
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.waiting.enter() {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len();
        let outcome = self.inner.export(batch).await;
        self.waiting.leave(items, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<P: LogProcessor> LogProcessor for Bounded<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.waiting.enter() {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Counted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let items = batch.iter().count();
        let outcome = self.inner.export(batch).await;
        self.waiting.leave(items, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Counted<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let outcome = self.inner.export(metrics).await;
        count_refused(Signal::Metrics, 1, &outcome);
        outcome
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}
