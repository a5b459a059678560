//! What the standard `OTEL_*` variables ask for; nothing else here reads the environment.

/// One of the three kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Spans.
    Traces,
    /// What [`crate::metrics`] counts.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// The word in the names of variables.
    fn word(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }

    /// The value of its label in [`crate::metrics::TELEMETRY_DROPPED`].
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Protocol buffers over HTTP/1.1; the usual, port 4318.
    Http,
    /// gRPC, port 4317.
    Grpc,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// How spans are sent; `None` when they are not.
    pub(crate) traces: Option<Protocol>,
    /// How metrics are sent.
    pub(crate) metrics: Option<Protocol>,
    /// How log records are sent.
    pub(crate) logs: Option<Protocol>,
    /// What the service is called, when it is not to be called as usual.
    pub(crate) service_name: Option<String>,
    /// Spans that may wait to be sent.
    pub(crate) spans_waiting: usize,
    /// Log records that may wait to be sent.
    pub(crate) logs_waiting: usize,
    /// What could not be understood, one sentence each, and was left out.
    pub(crate) doubts: Vec<String>,
}

impl Wanted {
    /// Whether anything is to be sent.
    pub(crate) fn is_any(&self) -> bool {
        self.traces.is_some() || self.metrics.is_some() || self.logs.is_some()
    }
}

/// Reads what the environment of this process asks for.
pub(crate) fn from_environment() -> Wanted {
    #[expect(clippy::disallowed_methods, reason = "this is the config.rs of telemetry")]
    read(|name| std::env::var(name).ok())
}

/// Whether `RUST_LOG` says what is logged.
pub(crate) fn rust_log() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the config.rs of telemetry")]
    std::env::var("RUST_LOG").ok().filter(|directives| !directives.is_empty())
}

/// Spans of an episode of a thousand lines or so; about a kilobyte each.
const SPANS_WAITING: usize = 16_384;
const LOGS_WAITING: usize = 4_096;

/// Names of samplers that the SDK knows.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Variables that hold a number of milliseconds or of items.
const NUMBERS: [&str; 8] = [
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
];

/// The same of any environment. Empty variables count as not set, as the specification asks.
fn read(get: impl Fn(&str) -> Option<String>) -> Wanted {
    let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
    let mut reader = Reader { get: &get, doubts: Vec::new() };
    let is_disabled = reader.flag("OTEL_SDK_DISABLED");
    let mut wanted = Wanted {
        traces: None,
        metrics: None,
        logs: None,
        service_name: reader.service_name(),
        spans_waiting: reader.number("OTEL_BSP_MAX_QUEUE_SIZE").unwrap_or(SPANS_WAITING),
        logs_waiting: reader.number("OTEL_BLRP_MAX_QUEUE_SIZE").unwrap_or(LOGS_WAITING),
        doubts: Vec::new(),
    };
    if !is_disabled {
        wanted.traces = reader.signal(Signal::Traces);
        wanted.metrics = reader.signal(Signal::Metrics);
        wanted.logs = reader.signal(Signal::Logs);
    }
    // What nobody uses need not be understood.
    if wanted.is_any() {
        reader.doubt_the_rest();
        wanted.doubts = reader.doubts;
    }
    wanted
}

/// Reads variables and notes what it does not understand.
struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    doubts: Vec<String>,
}

impl Reader<'_> {
    fn flag(&mut self, name: &str) -> bool {
        (self.get)(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        let value = (self.get)(name)?;
        let number = value.parse().ok().filter(|number| *number > 0);
        if number.is_none() {
            self.doubts.push(format!("{name} is no whole number above 0; the usual is taken"));
        }
        number
    }

    /// How a signal is sent: where an endpoint is named for it, or it is asked for by name.
    fn signal(&mut self, signal: Signal) -> Option<Protocol> {
        let word = signal.word();
        let own = |what: &str| format!("OTEL_EXPORTER_OTLP_{word}_{what}");
        let endpoint =
            (self.get)(&own("ENDPOINT")).or_else(|| (self.get)("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let name = format!("OTEL_{word}_EXPORTER");
        let is_wanted = match (self.get)(&name) {
            None => endpoint.is_some(),
            Some(exporters) => self.is_otlp_among(&name, &exporters),
        };
        is_wanted.then(|| self.protocol(&own("PROTOCOL")))
    }

    fn is_otlp_among(&mut self, name: &str, exporters: &str) -> bool {
        let mut is_otlp = false;
        for exporter in exporters.split(',').map(str::trim) {
            match exporter {
                "otlp" => is_otlp = true,
                "none" => {}
                other => self.doubts.push(format!(
                    "{name}: there is no exporter `{other}`, only `otlp` and `none`"
                )),
            }
        }
        is_otlp
    }

    fn protocol(&mut self, own: &str) -> Protocol {
        let common = "OTEL_EXPORTER_OTLP_PROTOCOL";
        let named = [own, common].into_iter().find_map(|name| Some((name, (self.get)(name)?)));
        match named.as_ref().map(|(name, value)| (*name, value.as_str())) {
            None | Some((_, "http/protobuf")) => Protocol::Http,
            Some((_, "grpc")) => Protocol::Grpc,
            Some((name, other)) => {
                self.doubts.push(format!(
                    "{name}: there is no protocol `{other}`, only `grpc` and `http/protobuf`; the \
                     latter is taken"
                ));
                Protocol::Http
            }
        }
    }

    fn service_name(&mut self) -> Option<String> {
        let among = || {
            let all = (self.get)("OTEL_RESOURCE_ATTRIBUTES")?;
            let mut pairs = all.split(',').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(key, _)| key.trim() == "service.name")
                .map(|(_, name)| name.trim().to_owned())
        };
        (self.get)("OTEL_SERVICE_NAME").or_else(among)
    }

    /// Notes what the SDK would pass over without a word. No value is repeated that can be a secret.
    fn doubt_the_rest(&mut self) {
        for name in NUMBERS {
            let _checked = self.number(name);
        }
        if let Some(sampler) = (self.get)("OTEL_TRACES_SAMPLER") {
            let needs_ratio = sampler.ends_with("traceidratio");
            let ratio =
                (self.get)("OTEL_TRACES_SAMPLER_ARG").and_then(|arg| arg.parse::<f64>().ok());
            if !SAMPLERS.contains(&sampler.as_str()) {
                let known = SAMPLERS.join(", ");
                self.doubts.push(format!(
                    "OTEL_TRACES_SAMPLER: there is no sampler `{sampler}`; there are {known}; all spans are sent"
                ));
            } else if needs_ratio && !ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio)) {
                self.doubts.push(
                    "OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1; all spans are sent"
                        .to_owned(),
                );
            }
        }
        if (self.get)("OTEL_EXPORTER_OTLP_COMPRESSION").is_some_and(|value| value != "none") {
            self.doubts.push("OTEL_EXPORTER_OTLP_COMPRESSION: nothing is compressed".to_owned());
        }
        let pairs =
            ["OTEL_RESOURCE_ATTRIBUTES".to_owned(), "OTEL_EXPORTER_OTLP_HEADERS".to_owned()];
        let of_signals =
            ["TRACES", "METRICS", "LOGS"].map(|word| format!("OTEL_EXPORTER_OTLP_{word}_HEADERS"));
        for name in pairs.into_iter().chain(of_signals) {
            let value = (self.get)(&name).unwrap_or_default();
            if value.split(',').any(|pair| !pair.trim().is_empty() && !pair.contains('=')) {
                self.doubts
                    .push(format!("{name} has parts that are not NAME=VALUE; they are left out"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(set: &[(&str, &str)]) -> Wanted {
        read(|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    #[test]
    fn without_an_endpoint_nothing_is_sent() {
        assert!(!reads(&[]).is_any());
        assert!(
            !reads(&[("OTEL_SERVICE_NAME", "farm"), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).is_any()
        );
        // What nobody uses is not complained about.
        assert_eq!(reads(&[("OTEL_TRACES_SAMPLER", "nonsense")]).doubts, Vec::<String>::new());
    }

    #[test]
    fn an_endpoint_turns_all_three_on_and_each_can_be_turned_off() {
        let all = reads(&[ENDPOINT]);
        let http = Some(Protocol::Http);
        assert_eq!((all.traces, all.metrics, all.logs), (http, http, http));
        let some = reads(&[ENDPOINT, ("OTEL_LOGS_EXPORTER", "none")]);
        assert_eq!((some.traces, some.logs), (http, None));
        assert!(!reads(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]).is_any());
        let one =
            reads(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector:4318/v1/metrics")]);
        assert_eq!((one.traces, one.metrics, one.logs), (None, http, None));
        // By name, to the usual place.
        assert_eq!(reads(&[("OTEL_TRACES_EXPORTER", "otlp")]).traces, http);
    }

    #[test]
    fn a_signal_may_have_a_protocol_of_its_own() {
        let set = [
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf"),
        ];
        let wanted = reads(&set);
        assert_eq!((wanted.traces, wanted.logs), (Some(Protocol::Grpc), Some(Protocol::Http)));
    }

    #[test]
    fn the_service_may_be_named_in_either_variable() {
        let among =
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=studio, service.name=night farm");
        assert_eq!(reads(&[among]).service_name.as_deref(), Some("night farm"));
        let both = reads(&[among, ("OTEL_SERVICE_NAME", "day farm")]);
        assert_eq!(both.service_name.as_deref(), Some("day farm"));
    }

    #[test]
    fn what_is_not_understood_is_told_and_the_usual_taken() {
        let wanted = reads(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"),
            ("OTEL_METRICS_EXPORTER", "console"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "7"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: Bearer s3cret"),
        ]);
        assert_eq!(wanted.traces, Some(Protocol::Http));
        assert_eq!(wanted.metrics, None);
        assert_eq!(wanted.spans_waiting, SPANS_WAITING);
        let told = wanted.doubts.join("\n");
        for name in [
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_METRICS_EXPORTER",
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "OTEL_TRACES_SAMPLER_ARG",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ] {
            assert!(told.contains(name), "{name}: {told}");
        }
        assert!(!told.contains("s3cret"), "{told}");
    }
}
