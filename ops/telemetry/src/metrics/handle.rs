//! What libraries count with.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics as otel;

use super::about::{About, Kind, OTHER};

/// Combinations of label values that a metric keeps; the rest is counted as [`OTHER`].
const SERIES: usize = 1_000;

/// A sum that only grows, counted by `N` labels.
pub struct Counter<const N: usize>(Cells<N, f64>);

/// A value of now, told by `N` labels.
pub struct Gauge<const N: usize>(Cells<N, f64>);

/// How values are distributed, counted by `N` labels.
pub struct Histogram<const N: usize> {
    cells: Cells<N, Shape>,
    /// Gets every value as well once it is to be exported.
    exported: OnceLock<otel::Histogram<f64>>,
}

/// The values of one combination of labels of a histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Values up to each bound and above the one before; one more than there are bounds.
    pub buckets: Vec<u64>,
    /// Of all values.
    pub sum: f64,
}

/// What was counted for one combination of labels.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram.
    Shape(Shape),
}

/// A metric of the catalogue, whatever its kind.
pub trait Metric: Sync {
    /// What it is.
    fn about(&self) -> &About;

    /// What was counted, with the values of its labels in their order.
    fn read(&self) -> Vec<(Vec<String>, Value)>;

    /// Has every value go to `meter` as well, from now on.
    fn export_to(&'static self, meter: &otel::Meter);
}

/// What was counted, by combination of label values.
struct Cells<const N: usize, T> {
    about: About,
    /// Searched from the front: there are few, and those asked for most often come early.
    cells: Mutex<Vec<([String; N], T)>>,
}

impl<const N: usize, T: Clone> Cells<N, T> {
    const fn new(about: About) -> Self {
        assert!(about.labels.len() == N, "as many labels as the handle takes");
        Self { about, cells: Mutex::new(Vec::new()) }
    }

    fn admit<'a>(&self, labels: [&'a str; N]) -> [&'a str; N] {
        let mut admitted = labels;
        for (value, label) in admitted.iter_mut().zip(self.about.labels) {
            *value = label.values.admit(value);
        }
        admitted
    }

    fn change(&self, labels: [&str; N], first: impl FnOnce() -> T, change: impl FnOnce(&mut T)) {
        let mut labels = self.admit(labels);
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |cells: &[([String; N], T)], labels: &[&str; N]| {
            cells.iter().position(|(known, _)| known.iter().eq(labels))
        };
        let mut found = find(&cells, &labels);
        if found.is_none() && cells.len() >= SERIES {
            labels = [OTHER; N];
            found = find(&cells, &labels);
        }
        let at = found.unwrap_or_else(|| {
            cells.push((labels.map(str::to_owned), first()));
            cells.len() - 1
        });
        change(&mut cells[at].1);
    }

    fn read(&self) -> Vec<([String; N], T)> {
        let mut all = self.cells.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// The labels as exporters take them.
    fn attributes(&self, values: &[impl AsRef<str>; N]) -> Vec<KeyValue> {
        let names = self.about.labels.iter().map(|label| label.name);
        names
            .zip(values)
            .map(|(name, value)| KeyValue::new(name, value.as_ref().to_owned()))
            .collect()
    }
}

impl<const N: usize> Counter<N> {
    /// Declares a counter.
    pub(super) const fn new(about: About) -> Self {
        assert!(matches!(about.kind, Kind::Counter), "declared as another kind");
        Self(Cells::new(about))
    }

    /// Adds to the sum; what is below 0 is not added.
    pub fn add(&self, more: f64, labels: [&str; N]) {
        self.0.change(labels, || 0.0, |sum| *sum += more.max(0.0));
    }

    /// Adds 1.
    pub fn count(&self, labels: [&str; N]) {
        self.add(1.0, labels);
    }
}

impl<const N: usize> Gauge<N> {
    /// Declares a gauge.
    pub(super) const fn new(about: About) -> Self {
        assert!(matches!(about.kind, Kind::Gauge), "declared as another kind");
        Self(Cells::new(about))
    }

    /// Sets the value.
    pub fn set(&self, value: f64, labels: [&str; N]) {
        self.0.change(labels, || 0.0, |now| *now = value);
    }

    /// Adds to the value, or takes from it.
    pub fn add(&self, more: f64, labels: [&str; N]) {
        self.0.change(labels, || 0.0, |now| *now += more);
    }

    /// Sets all values at once: what is not among them is told no more.
    pub fn replace<'a>(&self, values: impl IntoIterator<Item = ([&'a str; N], f64)>) {
        let mut all: Vec<([String; N], f64)> = Vec::new();
        for (labels, value) in values.into_iter().take(SERIES) {
            all.push((self.0.admit(labels).map(str::to_owned), value));
        }
        *self.0.cells.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

impl<const N: usize> Histogram<N> {
    /// Declares a histogram.
    pub(super) const fn new(about: About) -> Self {
        assert!(matches!(about.kind, Kind::Histogram(_)), "declared as another kind");
        Self { cells: Cells::new(about), exported: OnceLock::new() }
    }

    /// Counts a value.
    pub fn record(&self, value: f64, labels: [&str; N]) {
        let Kind::Histogram(bounds) = self.cells.about.kind else { return };
        let nothing = || Shape { buckets: vec![0; bounds.len() + 1], sum: 0.0 };
        self.cells.change(labels, nothing, |shape| {
            shape.buckets[bounds.partition_point(|bound| *bound < value)] += 1;
            shape.sum += value;
        });
        if let Some(exported) = self.exported.get() {
            exported.record(value, &self.cells.attributes(&self.cells.admit(labels)));
        }
    }
}

impl Shape {
    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

fn numbers<const N: usize>(cells: &Cells<N, f64>) -> Vec<(Vec<String>, Value)> {
    cells.read().into_iter().map(|(labels, value)| (labels.into(), Value::Number(value))).collect()
}

fn observe<const N: usize>(cells: &Cells<N, f64>, observer: &dyn otel::AsyncInstrument<f64>) {
    for (labels, value) in cells.read() {
        observer.observe(value, &cells.attributes(&labels));
    }
}

impl<const N: usize> Metric for Counter<N> {
    fn about(&self) -> &About {
        &self.0.about
    }

    fn read(&self) -> Vec<(Vec<String>, Value)> {
        numbers(&self.0)
    }

    fn export_to(&'static self, meter: &otel::Meter) {
        let About { name, unit, meaning, .. } = self.0.about;
        let builder = meter.f64_observable_counter(name).with_unit(unit).with_description(meaning);
        // The meter keeps the callback; the handle itself does nothing.
        let _kept = builder.with_callback(|observer| observe(&self.0, observer)).build();
    }
}

impl<const N: usize> Metric for Gauge<N> {
    fn about(&self) -> &About {
        &self.0.about
    }

    fn read(&self) -> Vec<(Vec<String>, Value)> {
        numbers(&self.0)
    }

    fn export_to(&'static self, meter: &otel::Meter) {
        let About { name, unit, meaning, .. } = self.0.about;
        let builder = meter.f64_observable_gauge(name).with_unit(unit).with_description(meaning);
        // The meter keeps the callback; the handle itself does nothing.
        let _kept = builder.with_callback(|observer| observe(&self.0, observer)).build();
    }
}

impl<const N: usize> Metric for Histogram<N> {
    fn about(&self) -> &About {
        &self.cells.about
    }

    fn read(&self) -> Vec<(Vec<String>, Value)> {
        let all = self.cells.read().into_iter();
        all.map(|(labels, shape)| (labels.into(), Value::Shape(shape))).collect()
    }

    fn export_to(&'static self, meter: &otel::Meter) {
        let About { name, unit, meaning, kind, .. } = self.cells.about;
        let Kind::Histogram(bounds) = kind else { return };
        let builder = meter.f64_histogram(name).with_unit(unit).with_description(meaning);
        self.exported.get_or_init(|| builder.with_boundaries(bounds.to_vec()).build());
    }
}

impl<const N: usize> fmt::Debug for Counter<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.0.about.name).finish()
    }
}

impl<const N: usize> fmt::Debug for Gauge<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gauge").field(&self.0.about.name).finish()
    }
}

impl<const N: usize> fmt::Debug for Histogram<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Histogram").field(&self.cells.about.name).finish()
    }
}
