//! Prometheus' text format.

use std::fmt::Write as _;

use super::about::{About, Kind};
use super::catalogue::catalogue;
use super::handle::{Metric, Shape, Value};

/// The content type of [`prometheus_text`].
pub const PROMETHEUS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All that was counted in this process so far, behind `target_info`, which says whose it is.
#[must_use]
pub fn prometheus_text() -> String {
    let mut text = String::new();
    let resource = crate::resource::known();
    if !resource.is_empty() {
        let names: Vec<_> =
            resource.iter().map(|(name, _)| name.replace(['.', '-'], "_")).collect();
        let values: Vec<_> = resource.iter().map(|(_, value)| value.clone()).collect();
        text.push_str("# HELP target_info Whose metrics these are.\n# TYPE target_info gauge\n");
        sample(&mut text, "target_info", &labels(&names, &values), 1.0);
    }
    for metric in catalogue() {
        write_metric(&mut text, *metric);
    }
    text
}

fn write_metric(text: &mut String, metric: &dyn Metric) {
    let all = metric.read();
    if all.is_empty() {
        return;
    }
    let about = metric.about();
    let name = about.prometheus_name();
    let kind = match about.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let help = about.meaning.replace('\\', "\\\\").replace('\n', " ");
    // Writing into a string cannot fail.
    let _written = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    let names = about.prometheus_labels();
    for (values, value) in all {
        let labels = labels(&names, &values);
        match value {
            Value::Number(number) => sample(text, &name, &labels, number),
            Value::Shape(shape) => write_shape(text, about, &labels, &shape),
        }
    }
}

fn write_shape(text: &mut String, about: &About, labels: &str, shape: &Shape) {
    let Kind::Histogram(bounds) = about.kind else { return };
    let name = about.prometheus_name();
    let comma = if labels.is_empty() { "" } else { "," };
    let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (bound, count) in bounds.zip(&shape.buckets) {
        below += count;
        let labels = format!("{labels}{comma}le=\"{bound}\"");
        let _written = writeln!(text, "{name}_bucket{{{labels}}} {below}");
    }
    sample(text, &format!("{name}_sum"), labels, shape.sum);
    sample(text, &format!("{name}_count"), labels, below);
}

fn sample(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _written = writeln!(text, "{name}{labels} {value}");
}

fn labels(names: &[String], values: &[String]) -> String {
    let escaped =
        |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = names.iter().zip(values);
    pairs
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect::<Vec<_>>()
        .join(",")
}
