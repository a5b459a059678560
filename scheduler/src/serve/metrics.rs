//! Counters of this server and of the queue, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use queue::WorkerCard;
use schemas::{Counts, Progress, SubmissionState};

/// What was called: labels of few values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    /// The method; `other` for what nobody knows.
    pub(super) method: &'static str,
    /// The route as it is written in the router, or `unmatched`.
    pub(super) route: String,
}

/// Requests answered since the server started.
#[derive(Debug, Default)]
pub(super) struct Metrics(Mutex<BTreeMap<(Call, u16), Answered>>);

#[derive(Debug, Clone, Copy, Default)]
struct Answered {
    count: u64,
    seconds: f64,
}

impl Metrics {
    /// Counts one answer; `took` until it began.
    pub(super) fn count(&self, call: &Call, status: u16, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = all.entry((call.clone(), status)).or_default();
        answered.count += 1;
        answered.seconds += took.as_secs_f64();
    }

    /// Writes the counters of requests.
    pub(super) fn write(&self, text: &mut Text) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let labels = |(call, status): &(Call, u16)| {
            let Call { method, route } = call;
            format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"")
        };
        text.family("http_server_requests_total", "counter", "Requests answered.");
        for (key, answered) in &all {
            text.sample("http_server_requests_total", &labels(key), answered.count);
        }
        let name = "http_server_request_duration_seconds_total";
        text.family(name, "counter", "Time until answers began, summed, in seconds.");
        for (key, answered) in &all {
            text.sample(name, &labels(key), answered.seconds);
        }
    }
}

/// Metrics as they are sent.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a metric; names get `tableread_` in front.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string cannot fail.
        let _written =
            write!(self.0, "# HELP tableread_{name} {help}\n# TYPE tableread_{name} {kind}\n");
    }

    /// One value of a metric.
    pub(super) fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _written = writeln!(self.0, "tableread_{name}{labels} {value}");
    }

    /// All that was written.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Writes what the queue says of submissions: lines by state and priority, submissions by state.
pub(super) fn write_queue(text: &mut Text, all: &[Progress]) {
    let mut lines: BTreeMap<(u8, &str), u64> = BTreeMap::new();
    let mut open_ms: BTreeMap<u8, u64> = BTreeMap::new();
    let mut submissions: BTreeMap<&str, u64> = BTreeMap::new();
    for progress in all {
        for (state, count) in by_state(&progress.lines) {
            *lines.entry((progress.priority, state)).or_default() += count;
        }
        *open_ms.entry(progress.priority).or_default() += progress.estimated_open_ms;
        *submissions.entry(state_word(progress.state)).or_default() += 1;
    }
    text.family("queue_lines", "gauge", "Lines in the queue by where they stand.");
    for ((priority, state), count) in lines {
        text.sample("queue_lines", &format!("priority=\"{priority}\",state=\"{state}\""), count);
    }
    text.family("queue_open_audio_ms", "gauge", "Estimated audio still to be spoken, in ms.");
    for (priority, ms) in open_ms {
        text.sample("queue_open_audio_ms", &format!("priority=\"{priority}\""), ms);
    }
    text.family("queue_submissions", "gauge", "Submissions in the queue by where they stand.");
    for (state, count) in submissions {
        text.sample("queue_submissions", &format!("state=\"{state}\""), count);
    }
}

/// Writes how many workers there are and what they hold.
pub(super) fn write_workers(text: &mut Text, workers: &[WorkerCard]) {
    text.family("workers", "gauge", "Workers heard of within the last hour.");
    text.sample("workers", "", workers.len());
    text.family("workers_lines_held", "gauge", "Lines under lease.");
    text.sample("workers_lines_held", "", workers.iter().map(|card| card.lines_held).sum::<u64>());
}

fn by_state(lines: &Counts) -> [(&'static str, u64); 8] {
    [
        ("waiting", lines.waiting),
        ("speaking", lines.speaking),
        ("delayed", lines.delayed),
        ("spoken", lines.spoken),
        ("mastering", lines.mastering),
        ("done", lines.done),
        ("failed", lines.failed),
        ("cancelled", lines.cancelled),
    ]
}

fn state_word(state: SubmissionState) -> &'static str {
    match state {
        SubmissionState::Active => "active",
        SubmissionState::Paused => "paused",
        SubmissionState::Done => "done",
        SubmissionState::Failed => "failed",
        SubmissionState::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_status() {
        let metrics = Metrics::default();
        let call = Call { method: "GET", route: "/v1/episodes/{id}".into() };
        metrics.count(&call, 200, Duration::from_millis(500));
        metrics.count(&call, 200, Duration::from_millis(250));
        metrics.count(&call, 404, Duration::ZERO);
        let mut text = Text::default();
        metrics.write(&mut text);
        let text = text.finish();
        let labels = "method=\"GET\",route=\"/v1/episodes/{id}\",status=\"200\"";
        for line in [
            format!("tableread_http_server_requests_total{{{labels}}} 2\n"),
            format!("tableread_http_server_request_duration_seconds_total{{{labels}}} 0.75\n"),
        ] {
            assert!(text.contains(&line), "{text}");
        }
    }
}
