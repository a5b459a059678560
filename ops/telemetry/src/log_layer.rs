//! Log records as they are sent: what our own crates log, less what could tell of a script.
//!
//! Standard error is for whoever runs the program and shows everything. What is sent goes further, so
//! here only fields that are known to be harmless keep their text; of others, numbers alone are sent.
//! Messages are constant. Texts of errors name what went wrong in backticks, which may be words of a
//! script: those are taken out.

use std::fmt::{Debug, Write as _};
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, Severity};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::OUR_CRATES;
use crate::export::LOGGER;

/// Fields whose text is sent: ids, names of machines and models, words of ours, places.
const HARMLESS: [&str; 34] = [
    "address",
    "detail_kind",
    "device",
    "doubt",
    "engine",
    "engines",
    "episode",
    "file",
    "folder",
    "key",
    "kind",
    "lease",
    "line",
    "lost",
    "method",
    "model",
    "objects",
    "path",
    "place",
    "program",
    "queue",
    "report",
    "request",
    "route",
    "signal",
    "stage",
    "state",
    "status",
    "store",
    "submission",
    "synth_key",
    "verdict",
    "what",
    "worker",
];

/// Fields whose text is sent without what stands in backticks.
const ERRORS: [&str; 5] = ["cause", "err", "error", "unusable", "why"];

/// How long a text may be, in bytes; more is cut off.
const LONGEST: usize = 1_000;

/// Sends events of our crates once there is somewhere to send them.
#[derive(Debug)]
pub(crate) struct LogLayer;

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(logger) = LOGGER.get() else { return };
        let metadata = event.metadata();
        let source = metadata.target().split("::").next().unwrap_or_default();
        if OUR_CRATES.contains(&source) {
            emit(logger, event);
        }
    }
}

fn emit(logger: &SdkLogger, event: &Event<'_>) {
    let level = *event.metadata().level();
    let mut record = logger.create_log_record();
    record.set_timestamp(SystemTime::now());
    record.set_severity_number(severity(level));
    record.set_severity_text(level.as_str());
    record.set_target(event.metadata().target());
    event.record(&mut Fields(&mut record));
    logger.emit(record);
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

struct Fields<'a>(&'a mut SdkLogRecord);

impl Fields<'_> {
    fn text(&mut self, field: &Field, text: String) {
        let name = field.name();
        if name == "message" {
            self.0.set_body(AnyValue::from(text));
        } else if let Some(text) = sendable(name, text) {
            self.0.add_attribute(name, text);
        }
    }
}

/// What of a field's text may be sent.
fn sendable(name: &str, text: String) -> Option<String> {
    let mut text = if HARMLESS.contains(&name) {
        text
    } else if ERRORS.contains(&name) {
        unquoted(&text)
    } else {
        return None;
    };
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    Some(text)
}

/// A text with `…` for all that stands in backticks. One that is never closed runs to the end.
fn unquoted(text: &str) -> String {
    let parts: Vec<_> = text.split('`').collect();
    let is_quoted = |number: usize| number % 2 == 1;
    let kept = parts.iter().enumerate().map(|(n, part)| if is_quoted(n) { "…" } else { part });
    kept.collect::<Vec<_>>().join("`")
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            // Writing into a string cannot fail.
            let _written = write!(text, ": {cause}");
            source = cause.source();
        }
        self.text(field, text);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.add_attribute(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.add_attribute(field.name(), i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.add_attribute(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.add_attribute(field.name(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_script_are_not_sent() {
        let reason = "`Romeo, Romeo!` came out silent; reword it".to_owned();
        assert_eq!(sendable("reason", reason.clone()), None);
        assert_eq!(sendable("character", "ROMEO".to_owned()), None);
        assert_eq!(sendable("error", reason).as_deref(), Some("`…` came out silent; reword it"));
        assert_eq!(unquoted("a `b` c `d"), "a `…` c `…");
        assert_eq!(sendable("line", "sc001-l0001".to_owned()).as_deref(), Some("sc001-l0001"));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = sendable("error", "ä".repeat(2_000)).unwrap();
        assert!(cut.len() <= LONGEST + 3 && cut.ends_with('…'), "{}", cut.len());
    }
}
