//! What is known of a metric before anything was counted.

/// Counted in place of a value that a label does not have.
pub const OTHER: &str = "other";

/// What a metric is, whatever was counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct About {
    /// As OpenTelemetry knows it: lower-case words joined by dots.
    pub name: &'static str,
    /// UCUM: `s`, `By`, or what is counted in braces, e.g. `{line}`.
    pub unit: &'static str,
    /// How its values are to be read.
    pub kind: Kind,
    /// One sentence: what is counted, and by whom.
    pub meaning: &'static str,
    /// What it is counted by, in the order in which handles take the values.
    pub labels: &'static [Label],
}

/// How the values of a metric are to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A sum that only grows while the process lives.
    Counter,
    /// A value of now.
    Gauge,
    /// How often values fell below each of these bounds, which ascend.
    Histogram(&'static [f64]),
}

/// What a metric is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// As OpenTelemetry knows it; Prometheus has `_` for dots.
    pub name: &'static str,
    /// What it can be.
    pub values: Values,
}

/// What a label can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// One of these; anything else is counted as [`OTHER`].
    Of(&'static [&'static str]),
    /// Not known here but few, for this reason.
    Few(&'static str),
}

impl Values {
    /// The value as it is counted.
    pub(super) fn admit<'a>(&self, value: &'a str) -> &'a str {
        match self {
            Self::Of(known) if !known.contains(&value) => OTHER,
            Self::Of(_) | Self::Few(_) => value,
        }
    }
}

impl About {
    /// What Prometheus knows it by, as OpenTelemetry's rules make it: `_` for dots, the unit written
    /// out behind it, and `_total` behind a counter.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let mut name = self.name.replace('.', "_");
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            "1" => "_ratio",
            _ => "",
        };
        if !name.ends_with(unit) {
            name.push_str(unit);
        }
        if self.kind == Kind::Counter && !name.ends_with("_total") {
            name.push_str("_total");
        }
        name
    }

    /// The names of the series that Prometheus gets: one, or three for a histogram.
    #[must_use]
    pub fn prometheus_series(&self) -> Vec<String> {
        let name = self.prometheus_name();
        match self.kind {
            Kind::Counter | Kind::Gauge => vec![name],
            Kind::Histogram(_) => {
                ["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}")).to_vec()
            }
        }
    }

    /// What Prometheus knows the labels by.
    #[must_use]
    pub fn prometheus_labels(&self) -> Vec<String> {
        self.labels.iter().map(|label| label.name.replace('.', "_")).collect()
    }
}
