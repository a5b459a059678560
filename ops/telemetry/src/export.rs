//! Sends telemetry to a collector over OTLP.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::LoggerProvider as _;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder as LogConfig, BatchLogProcessor, SdkLogger, SdkLoggerProvider,
};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder as SpanConfig, BatchSpanProcessor, SdkTracer, SdkTracerProvider,
};

use crate::bounded::{Bounded, Counted, Waiting};
use crate::config::{Protocol, Signal, Wanted};
use crate::metrics::catalogue;

/// Whose spans, metrics and log records these are, among those of libraries.
const SCOPE: &str = "tableread";

/// Where spans begin once they are sent; empty while they are not.
pub(crate) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Where log records go once they are sent.
pub(crate) static LOGGER: OnceLock<SdkLogger> = OnceLock::new();

/// What sends, until it is closed.
#[derive(Debug, Default)]
pub(crate) struct Export {
    spans: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
    /// What gRPC runs on: a runtime of its own, so that it outlives the program's.
    runtime: Option<tokio::runtime::Runtime>,
}

impl Export {
    /// Sets up what is wanted; what cannot be is left out, and why is added to `doubts`. A collector
    /// that cannot be reached is no reason.
    pub(crate) fn open(wanted: &Wanted, resource: &Resource, doubts: &mut Vec<String>) -> Self {
        let mut export = Self::default();
        // An https:// collector needs a provider; one that is there already stays.
        rustls::crypto::ring::default_provider().install_default().ok();
        let signals = [wanted.traces, wanted.metrics, wanted.logs];
        if signals.contains(&Some(Protocol::Grpc)) {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            match builder.worker_threads(1).thread_name("telemetry").enable_all().build() {
                Ok(runtime) => export.runtime = Some(runtime),
                Err(error) => {
                    doubts.push(format!("telemetry has no thread and is not sent: {error}"));
                    return export;
                }
            }
        }
        let _entered = export.runtime.as_ref().map(tokio::runtime::Runtime::enter);
        let mut told = |signal: Signal, error: &ExporterBuildError| {
            doubts.push(format!("{} are not sent: {error}", signal.label()));
        };
        if let Some(protocol) = wanted.traces {
            match spans(protocol, wanted.spans_waiting, resource) {
                Ok(provider) => {
                    TRACER.get_or_init(|| provider.tracer_with_scope(scope()));
                    export.spans = Some(provider);
                }
                Err(error) => told(Signal::Traces, &error),
            }
        }
        if let Some(protocol) = wanted.metrics {
            match metrics(protocol, resource) {
                Ok(provider) => export.metrics = Some(provider),
                Err(error) => told(Signal::Metrics, &error),
            }
        }
        if let Some(protocol) = wanted.logs {
            match logs(protocol, wanted.logs_waiting, resource) {
                Ok(provider) => {
                    LOGGER.get_or_init(|| provider.logger_with_scope(scope()));
                    export.logs = Some(provider);
                }
                Err(error) => told(Signal::Logs, &error),
            }
        }
        export
    }

    /// Sends what still waits, for at most `most`: what a collector that does not answer has not
    /// taken by then is lost.
    pub(crate) fn close(self, most: Duration) {
        let Self { spans, metrics, logs, runtime } = self;
        let (tell, told) = std::sync::mpsc::channel();
        let mut closing = 0;
        let mut close = |name: &str, body: Box<dyn FnOnce() + Send>| {
            let tell = tell.clone();
            let thread = std::thread::Builder::new().name(format!("telemetry-{name}"));
            // Threads that do not return in time end with the process.
            let spawned = thread.spawn(move || {
                body();
                tell.send(()).ok();
            });
            closing += usize::from(spawned.is_ok());
        };
        if let Some(spans) = spans {
            close("spans", Box::new(move || drop(spans.shutdown_with_timeout(most))));
        }
        if let Some(metrics) = metrics {
            close("metrics", Box::new(move || drop(metrics.shutdown_with_timeout(most))));
        }
        if let Some(logs) = logs {
            close("logs", Box::new(move || drop(logs.shutdown_with_timeout(most))));
        }
        let until = std::time::Instant::now() + most;
        for _ in 0..closing {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if told.recv_timeout(left).is_err() {
                break;
            }
        }
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION")).build()
}

fn spans(
    protocol: Protocol,
    most: usize,
    resource: &Resource,
) -> Result<SdkTracerProvider, ExporterBuildError> {
    let builder = SpanExporter::builder();
    let inner = match protocol {
        Protocol::Http => builder.with_http().build()?,
        Protocol::Grpc => builder.with_tonic().build()?,
    };
    let waiting = Waiting::of(Signal::Traces, most);
    let exporter = Counted { inner, waiting: waiting.clone() };
    let config = SpanConfig::default().with_max_queue_size(most).build();
    let inner = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_span_processor(Bounded { inner, waiting })
        .build())
}

fn metrics(
    protocol: Protocol,
    resource: &Resource,
) -> Result<SdkMeterProvider, ExporterBuildError> {
    let builder = MetricExporter::builder();
    let inner = match protocol {
        Protocol::Http => builder.with_http().build()?,
        Protocol::Grpc => builder.with_tonic().build()?,
    };
    let exporter = Counted { inner, waiting: Waiting::of(Signal::Metrics, usize::MAX) };
    let provider = SdkMeterProvider::builder()
        .with_resource(resource.clone())
        .with_reader(PeriodicReader::builder(exporter).build())
        .build();
    let meter = provider.meter_with_scope(scope());
    for metric in catalogue() {
        metric.export_to(&meter);
    }
    Ok(provider)
}

fn logs(
    protocol: Protocol,
    most: usize,
    resource: &Resource,
) -> Result<SdkLoggerProvider, ExporterBuildError> {
    let builder = LogExporter::builder();
    let inner = match protocol {
        Protocol::Http => builder.with_http().build()?,
        Protocol::Grpc => builder.with_tonic().build()?,
    };
    let waiting = Waiting::of(Signal::Logs, most);
    let exporter = Counted { inner, waiting: waiting.clone() };
    let config = LogConfig::default().with_max_queue_size(most).build();
    let inner = BatchLogProcessor::builder(exporter).with_batch_config(config).build();
    Ok(SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_log_processor(Bounded { inner, waiting })
        .build())
}
