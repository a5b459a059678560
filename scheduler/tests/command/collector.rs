//! A real collector of telemetry, and what it was sent.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long telemetry may take from a program that has ended to the collector's log.
const PATIENCE: Duration = Duration::from_mins(2);

/// Rotel, which writes down all that it receives; ends when this is dropped.
pub(crate) struct Collector {
    child: Child,
    folder: tempfile::TempDir,
    grpc: u16,
    http: u16,
}

/// A span as the collector got it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty when it has none.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Of the process it came from.
    pub(crate) resource: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/rotel/rotel/rotel-agent");
        let place = program.display();
        assert!(program.is_file(), "{place} is missing: ops/test installs it, from PyPI");
        let folder = tempfile::tempdir().unwrap();
        let (grpc, http) = (free_port(), free_port());
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("start");
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        for signal in ["traces", "metrics", "logs"] {
            command.args(["--debug-log", signal]);
        }
        command.args(["--debug-log-verbosity", "detailed", "--exporter", "blackhole"]);
        command.arg("--pid-file").arg(folder.path().join("pid"));
        let child = command.stdout(log).stderr(Stdio::null()).spawn().unwrap();
        let collector = Self { child, folder, grpc, http };
        for port in [grpc, http] {
            wait_for("the collector to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        }
        collector
    }

    /// Has a command send here over HTTP.
    pub(crate) fn over_http<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let endpoint = format!("http://127.0.0.1:{}", self.http);
        sending(command).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    }

    /// Has a command send here over gRPC.
    pub(crate) fn over_grpc<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let endpoint = format!("http://127.0.0.1:{}", self.grpc);
        sending(command)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    }

    /// All that was received so far, as the collector writes it.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits until the spans received are enough, and gives them.
    #[track_caller]
    pub(crate) fn spans_once(&self, is_enough: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        wait_for("the spans", || Some(spans_in(&self.log())).filter(|spans| is_enough(spans)))
    }

    /// Waits until a text was received.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, text: &str) {
        wait_for(text, || self.log().contains(text).then_some(()));
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Soon rather than every few seconds.
fn sending(command: &mut Command) -> &mut Command {
    command
        .env_remove("OTEL_SDK_DISABLED")
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_BLRP_SCHEDULE_DELAY", "50")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
}

/// Waits for what `look` finds, which others are about to make.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "no sign of {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Reads spans from the collector's log: under a heading for each process and span, lines of
/// `Name : value` and `-> key: Kind(value)`.
fn spans_in(log: &str) -> Vec<Seen> {
    let mut spans: Vec<Seen> = Vec::new();
    let mut resource = BTreeMap::new();
    let (mut of_resource, mut of_span) = (false, false);
    for line in log.lines().map(str::trim) {
        if line.starts_with("ResourceSpans #") {
            (of_resource, of_span) = (true, false);
            resource = BTreeMap::new();
        } else if line.starts_with("ResourceMetrics #") || line.starts_with("ResourceLogs #") {
            (of_resource, of_span) = (false, false);
        } else if line.starts_with("Span #") {
            (of_resource, of_span) = (false, true);
            spans.push(Seen { resource: resource.clone(), ..Seen::default() });
        } else if line.starts_with("Links") || line.starts_with("SpanLink #") {
            of_span = false;
        } else if let Some((key, value)) = attribute(line) {
            match spans.last_mut() {
                _ if of_resource => resource.insert(key, value),
                Some(span) if of_span => span.attributes.insert(key, value),
                _ => None,
            };
        } else if of_span
            && let (Some(span), Some((name, value))) = (spans.last_mut(), line.split_once(':'))
        {
            let value = value.trim().to_owned();
            match name.trim() {
                "Trace ID" => span.trace = value,
                "Parent ID" => span.parent = value,
                "ID" => span.id = value,
                "Name" => span.name = value,
                _ => {}
            }
        }
    }
    spans
}

fn attribute(line: &str) -> Option<(String, String)> {
    let (key, value) = line.strip_prefix("->")?.split_once(": ")?;
    let value = value.split_once('(').map_or(value, |(_, value)| value.trim_end_matches(')'));
    Some((key.trim().to_owned(), value.to_owned()))
}
