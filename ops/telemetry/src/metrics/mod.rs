//! Every metric, declared once: what it is called, what it counts, in what unit, by which labels.
//!
//! [`catalogue()`] lists them all; each is also a static of a typed handle, e.g. [`LINES`], which
//! libraries count with. Counting is a lock and an addition, whether or not anybody reads:
//! [`prometheus_text`] does, and the exporters that [`crate::init`] sets up.
//!
//! Names are of OpenTelemetry's semantic conventions where those have one, else they begin with
//! `tableread.`. Prometheus knows a metric by [`About::prometheus_name`].
//!
//! No label has a value that grows with the work done: no ids, no names of people, no text. Where the
//! values are known, others are counted as `other`; where they are not, a metric keeps its first
//! 1 000 combinations and counts the rest as `other`.

mod about;
mod catalogue;
mod handle;
mod prometheus;

pub use about::{About, Kind, Label, OTHER, Values};
pub use catalogue::*;
pub use handle::{Counter, Gauge, Histogram, Metric, Shape, Value};
pub use prometheus::{PROMETHEUS_CONTENT_TYPE, prometheus_text};
