//! Spans: one submission is one trace, wherever its lines are rendered.
//!
//! ```text
//! submission ─┬─ plan
//!             ├─ enqueue                  carried in the queue
//!             ├─ claim                    one for each lease, by whoever has it
//!             ├─ batch ─── prompt         the same
//!             ├─ line ──┬─ prefill        to be spoken; linked to its batch
//!             │         ├─ decode
//!             │         ├─ vocode
//!             │         ├─ upload
//!             │         └─ settle
//!             └─ line ──┬─ master         to be mastered; linked to its batch
//!                       ├─ encode
//!                       ├─ upload
//!                       └─ settle
//! ```
//!
//! A line that is tried again has a span for each try. Spans say which line, attempt, worker and
//! voice, by id and hash; never what is said or by whom. They cost nothing while no traces are sent.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    FutureExt as _, Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::export::TRACER;
use crate::metrics::STAGE_DURATION;

/// What the queue carries of a span, in the words of W3C Trace Context.
const CARRIED: &str = "traceparent";

/// Names of what is told of spans, the same on all of them.
pub mod key {
    /// How often the line was started before, in this stage, plus one.
    pub const ATTEMPT: &str = "tableread.attempt";
    /// Which engine speaks.
    pub const ENGINE: &str = "tableread.engine";
    /// Which episode.
    pub const EPISODE: &str = "tableread.episode";
    /// Why it failed: one word.
    pub const ERROR: &str = "error.type";
    /// Under which lease.
    pub const LEASE: &str = "tableread.lease";
    /// Which line.
    pub const LINE: &str = "tableread.line";
    /// How many lines.
    pub const LINES: &str = "messaging.batch.message_count";
    /// What is done to the queue: `send`, `receive` or `settle`.
    pub const OPERATION: &str = "messaging.operation.type";
    /// How it ended: one word.
    pub const OUTCOME: &str = "tableread.outcome";
    /// To be spoken or mastered.
    pub const STAGE: &str = "tableread.stage";
    /// Which submission.
    pub const SUBMISSION: &str = "tableread.submission";
    /// In which voice, by its hash.
    pub const VOICE: &str = "tableread.voice";
    /// By which worker.
    pub const WORKER: &str = "tableread.worker";
}

/// Something that takes time. It ends when this is dropped.
#[derive(Debug, Default)]
pub struct Span {
    /// Without a span in it while no traces are sent.
    context: Context,
    is_mine: bool,
}

impl Span {
    /// Begins a trace.
    #[must_use]
    pub fn root(name: &'static str) -> Self {
        Self::begin(name, &Context::new())
    }

    /// Goes on with the trace that the queue carried, with something that began at `began`; begins a
    /// trace where it carried none, or what is no trace.
    #[must_use]
    pub fn carried_on(carried: Option<&str>, name: &'static str, began: SystemTime) -> Self {
        let Some(tracer) = TRACER.get() else { return Self::default() };
        let parent = context_of(carried);
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Consumer);
        let span = tracer.build_with_context(builder.with_start_time(began), &parent);
        Self { context: parent.with_span(span), is_mine: true }
    }

    /// A part of this.
    #[must_use]
    pub fn part(&self, name: &'static str) -> Self {
        Self::begin(name, &self.context)
    }

    /// A part of whatever the code that calls is a part of, see [`Self::around`].
    #[must_use]
    pub fn part_of_now(name: &'static str) -> Self {
        Self::begin(name, &Context::current())
    }

    fn begin(name: &'static str, parent: &Context) -> Self {
        let Some(tracer) = TRACER.get() else { return Self::default() };
        let span = tracer.build_with_context(SpanBuilder::from_name(name), parent);
        Self { context: parent.with_span(span), is_mine: true }
    }

    /// Tells something of it; `key` is one of [`key`].
    pub fn tell(&self, key: &'static str, value: impl Into<Value>) {
        if self.is_mine {
            self.context.span().set_attribute(KeyValue::new(key, value.into()));
        }
    }

    /// Says that it has to do with whatever the code that calls is a part of.
    pub fn link_to_now(&self) {
        let now = Context::current().span().span_context().clone();
        if self.is_mine && now.is_valid() {
            self.context.span().add_link(now, Vec::new());
        }
    }

    /// What the queue is to carry, so that whoever has the lines goes on with the trace; `None` while no
    /// traces are sent.
    #[must_use]
    pub fn carried(&self) -> Option<String> {
        if !self.is_mine {
            return None;
        }
        let mut carrier = HashMap::new();
        TraceContextPropagator::new().inject_context(&self.context, &mut carrier);
        carrier.remove(CARRIED)
    }

    /// What is done during it is a part of it, and log records name it.
    pub async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        if self.is_mine { work.with_context(self.context.clone()).await } else { work.await }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.is_mine {
            self.context.span().end();
        }
    }
}

/// Tells something of whatever the code that calls is a part of; `key` is one of [`key`].
pub fn tell_now(key: &'static str, value: impl Into<Value>) {
    if TRACER.get().is_some() {
        Context::current().span().set_attribute(KeyValue::new(key, value.into()));
    }
}

/// Says that whatever the code that calls is a part of failed, in one word.
pub fn fail_now(reason: &'static str) {
    if TRACER.get().is_some() {
        tell_now(key::ERROR, reason);
        Context::current().span().set_status(Status::error(reason));
    }
}

/// A stage of the work that is over.
#[derive(Debug, Clone, Copy)]
pub struct Lap {
    /// One of the stages of [`STAGE_DURATION`].
    stage: &'static str,
    began: SystemTime,
    took: Duration,
}

impl Lap {
    /// A stage that lasted from `began` to `ended`.
    #[must_use]
    pub fn between(stage: &'static str, began: Instant, ended: Instant) -> Self {
        let now = SystemTime::now();
        let began_at = now.checked_sub(began.elapsed()).unwrap_or(now);
        Self { stage, began: began_at, took: ended.saturating_duration_since(began) }
    }

    /// Counts it, and makes it a part of whatever the code that calls is a part of.
    pub fn tell(&self) {
        STAGE_DURATION.record(self.took.as_secs_f64(), [self.stage]);
        if let Some(tracer) = TRACER.get() {
            let builder = SpanBuilder::from_name(self.stage).with_start_time(self.began);
            let mut span = tracer.build_with_context(builder, &Context::current());
            span.end_with_timestamp(self.began + self.took);
        }
    }
}

/// Does the work of a stage: counted, and a part of whatever the code that calls is a part of. Work
/// that is dropped before its end is not counted.
pub async fn stage<T>(stage: &'static str, work: impl Future<Output = T>) -> T {
    let (span, since) = (Span::part_of_now(stage), Instant::now());
    let done = span.around(work).await;
    STAGE_DURATION.record(since.elapsed().as_secs_f64(), [stage]);
    done
}

fn context_of(carried: Option<&str>) -> Context {
    let Some(carried) = carried else { return Context::new() };
    let headers = HashMap::from([(CARRIED.to_owned(), carried.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &headers)
}
