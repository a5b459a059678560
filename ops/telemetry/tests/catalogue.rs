//! What every metric keeps to, and how it is read.

use std::collections::BTreeSet;

use telemetry::metrics::{
    self, About, HTTP_REQUEST_DURATION, Kind, LINES, OTHER, QUEUE_LINES, STORE_UPLOADED, Values,
    WORKERS, catalogue, prometheus_text,
};

fn all() -> impl Iterator<Item = &'static About> {
    catalogue().iter().map(|metric| metric.about())
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn names_are_dotted_words_of_ours_or_of_the_conventions_and_each_is_there_once() {
    let of_the_conventions = ["http.server.request.duration", "http.server.active_requests"];
    let (mut names, mut in_prometheus) = (BTreeSet::new(), BTreeSet::new());
    for About { name, .. } in all() {
        assert!(name.split('.').all(is_word), "{name}");
        assert!(name.starts_with("tableread.") || of_the_conventions.contains(name), "{name}");
        assert!(names.insert(*name), "{name} is there twice");
    }
    for about in all() {
        for series in about.prometheus_series() {
            assert!(is_word(&series), "{series}");
            assert!(in_prometheus.insert(series.clone()), "{series} is there twice");
        }
    }
    assert!(names.len() > 20, "the catalogue has lost most of its metrics");
}

#[test]
fn units_are_base_units_and_what_is_counted_is_named() {
    for About { name, unit, kind, meaning, .. } in all() {
        let is_count =
            unit.starts_with('{') && unit.ends_with('}') && is_word(&unit[1..unit.len() - 1]);
        assert!(matches!(*unit, "s" | "By" | "1") || is_count, "{name}: {unit}");
        assert!(
            !name.ends_with("_ms") && !name.ends_with("_total"),
            "{name}: units are not in names"
        );
        let is_sentence = meaning.ends_with('.') && meaning.starts_with(|c: char| c.is_uppercase());
        assert!(is_sentence && !meaning.contains('\n'), "{name}: {meaning}");
        if let Kind::Histogram(bounds) = kind {
            assert!(bounds.is_sorted() && bounds.len() < 20, "{name}: {bounds:?}");
        }
    }
}

#[test]
fn labels_have_few_values_and_never_tell_of_one_line_or_person() {
    let of_one =
        ["line", "id", "text", "character", "voice", "episode", "submission", "lease", "title"];
    for About { name, labels, .. } in all() {
        let mut at_most = 1;
        for label in *labels {
            assert!(label.name.split('.').all(is_word), "{name}: {}", label.name);
            assert!(!of_one.contains(&label.name), "{name} is counted by {}", label.name);
            match label.values {
                Values::Of(values) => {
                    let known: BTreeSet<_> = values.iter().collect();
                    assert_eq!(known.len(), values.len(), "{name}: {}", label.name);
                    assert!(!values.contains(&OTHER), "{name}: {}", label.name);
                    at_most *= values.len() + 1;
                }
                Values::Few(why) => assert!(why.len() > 20, "{name}: {}: say why", label.name),
            }
        }
        assert!(at_most <= 500, "{name} can have {at_most} series");
    }
}

#[test]
fn prometheus_names_follow_the_rules_of_the_conventions() {
    let names: Vec<_> = [
        LINES_NAME,
        "tableread.audio.rendered",
        "tableread.stage.duration",
        "tableread.spool.size",
        "tableread.queue.lines",
        "http.server.request.duration",
    ]
    .iter()
    .map(|name| all().find(|about| about.name == *name).unwrap().prometheus_series().join(" "))
    .collect();
    assert_eq!(
        names,
        [
            "tableread_lines_total",
            "tableread_audio_rendered_seconds_total",
            "tableread_stage_duration_seconds_bucket tableread_stage_duration_seconds_sum \
             tableread_stage_duration_seconds_count",
            "tableread_spool_size_bytes",
            "tableread_queue_lines",
            "http_server_request_duration_seconds_bucket http_server_request_duration_seconds_sum \
             http_server_request_duration_seconds_count",
        ]
    );
}

const LINES_NAME: &str = "tableread.lines";

#[test]
fn what_was_counted_is_read_as_prometheus_text() {
    LINES.count(["speak", "done", "none"]);
    LINES.add(2.0, ["speak", "done", "none"]);
    LINES.add(-5.0, ["speak", "done", "none"]);
    LINES.count(["speak", "Romeo, wherefore art thou", "none"]);
    STORE_UPLOADED.add(1_234.0, []);
    HTTP_REQUEST_DURATION.record(0.05, ["GET", "/v1/\"odd\"", "200"]);
    HTTP_REQUEST_DURATION.record(1_000.0, ["GET", "/v1/\"odd\"", "200"]);
    let text = prometheus_text();
    let labels = "http_request_method=\"GET\",http_route=\"/v1/\\\"odd\\\"\",\
                  http_response_status_code=\"200\"";
    for line in [
        "# TYPE tableread_lines_total counter".to_owned(),
        "tableread_lines_total{stage=\"speak\",outcome=\"done\",reason=\"none\"} 3".to_owned(),
        "tableread_lines_total{stage=\"speak\",outcome=\"other\",reason=\"none\"} 1".to_owned(),
        "tableread_store_uploaded_bytes_total 1234".to_owned(),
        "# TYPE http_server_request_duration_seconds histogram".to_owned(),
        format!("http_server_request_duration_seconds_bucket{{{labels},le=\"0.025\"}} 0"),
        format!("http_server_request_duration_seconds_bucket{{{labels},le=\"0.05\"}} 1"),
        format!("http_server_request_duration_seconds_bucket{{{labels},le=\"300\"}} 1"),
        format!("http_server_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 2"),
        format!("http_server_request_duration_seconds_sum{{{labels}}} 1000.05"),
        format!("http_server_request_duration_seconds_count{{{labels}}} 2"),
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    assert!(!text.contains("Romeo"), "{text}");
}

#[test]
fn a_gauge_that_is_replaced_tells_nothing_of_before() {
    QUEUE_LINES.set(3.0, ["5", "waiting"]);
    QUEUE_LINES.replace([(["7", "done"], 2.0)]);
    let text = prometheus_text();
    assert!(text.contains("tableread_queue_lines{priority=\"7\",state=\"done\"} 2\n"), "{text}");
    assert!(!text.contains("tableread_queue_lines{priority=\"5\""), "{text}");
}

#[test]
fn a_label_without_a_list_of_values_cannot_grow_without_end() {
    for number in 0..1_500 {
        metrics::MODEL_RESIDENT.set(1.0, [&format!("engine {number}")]);
    }
    let text = prometheus_text();
    let series = text.lines().filter(|line| line.starts_with("tableread_model_resident")).count();
    assert_eq!(series, 1_001, "the first thousand and one for the rest");
    assert!(text.contains("tableread_model_resident_bytes{engine=\"other\"} 1\n"));
}

#[test]
fn a_gauge_goes_up_and_down() {
    WORKERS.add(2.0, ["idle"]);
    WORKERS.add(-1.0, ["idle"]);
    assert!(prometheus_text().contains("tableread_workers{state=\"idle\"} 1\n"));
}
