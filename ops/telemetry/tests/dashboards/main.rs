//! Dashboards, alerts and the stack that shows them, held against what the programs really tell.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod files;
mod promql;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use telemetry::metrics::{About, Kind, Values, catalogue};

use crate::files::{alerts, dashboards, read, readme_anchors, yaml};
use crate::promql::{Query, parse};

/// What every series has beside its own labels: who it is of.
const OF_ALL: [&str; 2] = ["instance", "job"];

/// Everything that is asked of Prometheus: where, and what.
fn queries() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in list(panel, "targets") {
                if target["datasource"]["type"] == "prometheus" {
                    let of = format!("{file}: {}", panel["title"]);
                    all.push((of, target["expr"].as_str().unwrap().to_owned()));
                }
            }
        }
    }
    for rule in alerts() {
        all.push((rule["alert"].to_string(), rule["expr"].as_str().unwrap().to_owned()));
    }
    assert!(all.len() > 50, "{}", all.len());
    all
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    let all = list(dashboard, "panels").iter();
    all.filter(|panel| panel["type"] != "row").collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Every series that Prometheus gets, and what it is a part of.
fn series() -> BTreeMap<String, &'static About> {
    let all = catalogue().iter().map(|metric| metric.about());
    all.flat_map(|about| about.prometheus_series().into_iter().map(move |name| (name, about)))
        .collect()
}

fn labels(about: &About) -> BTreeSet<String> {
    let mut labels: BTreeSet<_> = about.prometheus_labels().into_iter().collect();
    labels.extend(OF_ALL.map(str::to_owned));
    if matches!(about.kind, Kind::Histogram(_)) {
        labels.insert("le".to_owned());
    }
    labels
}

/// Values that a matcher asks for and that the label never has.
fn never(about: &About, label: &str, asked: &str) -> Vec<String> {
    let of = about.labels.iter().find(|one| one.name.replace('.', "_") == label);
    let Some(Values::Of(known)) = of.map(|one| one.values) else { return Vec::new() };
    let asked = asked.split('|').filter(|value| !value.contains('$') && *value != ".*");
    asked.filter(|value| !known.contains(value)).map(str::to_owned).collect()
}

/// What is wrong with a query; empty when nothing is.
fn faults(query: &str) -> Vec<String> {
    let known = series();
    let Query { selectors, groupings } = parse(query);
    let mut faults = Vec::new();
    let mut all_labels = BTreeSet::new();
    for (metric, matchers) in &selectors {
        let Some(about) = known.get(metric) else {
            faults.push(format!("no metric `{metric}`"));
            continue;
        };
        let labels = labels(about);
        for (label, asked) in matchers {
            if !labels.contains(label) {
                faults.push(format!("`{metric}` has no label `{label}`"));
            }
            let never = never(about, label, asked);
            faults.extend(never.iter().map(|value| format!("`{label}` is never `{value}`")));
        }
        all_labels.extend(labels);
    }
    if selectors.is_empty() {
        faults.push("asks for no metric".to_owned());
    }
    let unknown = groupings.iter().filter(|label| !all_labels.contains(*label));
    faults.extend(unknown.map(|label| format!("grouped by `{label}`, which nothing here has")));
    faults
}

#[test]
fn every_query_asks_for_metrics_labels_and_values_that_are_told() {
    for (of, query) in queries() {
        assert_eq!(faults(&query), [""; 0], "{of}\n{query}");
    }
}

#[test]
fn a_query_that_asks_for_what_is_not_told_is_found_out() {
    for (query, fault) in [
        ("sum(tableread_queue_line)", "no metric `tableread_queue_line`"),
        ("rate(tableread_lines_total{episode=\"x\"}[5m])", "has no label `episode`"),
        ("tableread_workers{state=~\"idle|dead\"}", "`state` is never `dead`"),
        ("sum by (voice) (tableread_spool_files)", "grouped by `voice`"),
        ("vector(1)", "asks for no metric"),
    ] {
        let faults = faults(query);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{query}: {faults:?}");
    }
}

#[test]
fn every_metric_of_the_catalogue_is_looked_at_somewhere() {
    let asked: BTreeSet<_> =
        queries().iter().flat_map(|(_, query)| parse(query).selectors).map(|one| one.0).collect();
    for metric in catalogue() {
        let series = metric.about().prometheus_series();
        assert!(series.iter().any(|name| asked.contains(name)), "{series:?} is on no dashboard");
    }
}

#[test]
fn variables_and_legends_name_labels_that_are_told() {
    let known = series();
    for (file, dashboard) in dashboards() {
        for variable in list(&dashboard["templating"], "list") {
            if variable["type"] == "query" {
                let query = variable["query"]["query"].as_str().unwrap();
                let inner = query.strip_prefix("label_values(").unwrap().trim_end_matches(')');
                let (metric, label) = inner.split_once(", ").unwrap();
                assert!(labels(known[metric]).contains(label), "{file}: {query}");
            }
        }
        for panel in panels(&dashboard) {
            for target in list(panel, "targets") {
                let Some(query) = target["expr"].as_str() else { continue };
                let asked = parse(query).selectors;
                let told: BTreeSet<_> = asked
                    .iter()
                    .filter_map(|(metric, _)| known.get(metric))
                    .flat_map(|about| labels(about))
                    .collect();
                let legend = target["legendFormat"].as_str().unwrap();
                for part in legend.split("{{").skip(1) {
                    let label = part.split_once("}}").unwrap().0;
                    assert!(told.contains(label), "{file}: {legend}\n{query}");
                }
            }
        }
    }
}

#[test]
fn dashboards_are_whole_have_names_of_their_own_and_ask_sources_that_are_there() {
    let provisioned = yaml("provisioning/datasources/datasources.yaml");
    let sources: BTreeSet<_> =
        list(&provisioned, "datasources").iter().map(|it| it["uid"].as_str().unwrap()).collect();
    assert_eq!(sources.len(), 3, "each has a uid of its own");
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        let uid = dashboard["uid"].as_str().unwrap().to_owned();
        assert_eq!(uid, format!("tableread-{}", file.trim_end_matches(".json")));
        assert!(uids.insert(uid), "{file}");
        let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard, "panels") {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{file}: {}", panel["title"]);
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            for (x, y) in (0..at("w")).flat_map(|x| (0..at("h")).map(move |y| (x, y))) {
                let (x, y) = (at("x") + x, at("y") + y);
                assert!(x < 24 && cells.insert((x, y)), "{file}: {} overlaps", panel["title"]);
            }
        }
        for panel in panels(&dashboard) {
            assert!(!list(panel, "targets").is_empty(), "{file}: {}", panel["title"]);
            for target in list(panel, "targets") {
                let uid = target["datasource"]["uid"].as_str().unwrap();
                assert!(sources.contains(uid), "{file}: {uid}");
            }
        }
    }
    assert_eq!(uids.len(), 3);
    for file in ["datasources", "dashboards"] {
        let text = read(&format!("provisioning/{file}/{file}.yaml"));
        for uid in text.split_whitespace().filter(|word| word.starts_with("tableread-")) {
            assert!(sources.contains(uid), "{file}: {uid}");
        }
    }
}

#[test]
fn every_alert_says_what_to_do_where_the_runbook_has_it() {
    let anchors = readme_anchors();
    let mut names = BTreeSet::new();
    for rule in alerts() {
        let name = rule["alert"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} is there twice");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["info", "warning", "critical"].contains(&severity), "{name}: {severity}");
        assert!(rule["annotations"]["summary"].as_str().unwrap().len() > 20, "{name}");
        let runbook = rule["annotations"]["runbook"].as_str().unwrap();
        let anchor = runbook.strip_prefix("ops/README.md#").unwrap();
        assert!(anchors.contains(anchor), "{name}: ops/README.md has no section #{anchor}");
    }
    assert!(names.len() >= 10);
}

#[test]
fn tests_of_alerts_are_about_series_that_are_told() {
    for test in list(&yaml("alerts_test.yaml"), "tests") {
        for input in list(test, "input_series") {
            let series = input["series"].as_str().unwrap();
            assert_eq!(
                faults(series)
                    .into_iter()
                    .filter(|fault| !fault.contains("never"))
                    .collect::<Vec<_>>(),
                [""; 0]
            );
        }
    }
}

/// What spans tell, by name.
const TOLD_OF_SPANS: [&str; 9] = [
    "tableread.attempt",
    "tableread.engine",
    "tableread.episode",
    "tableread.line",
    "tableread.outcome",
    "tableread.stage",
    "tableread.submission",
    "tableread.worker",
    "error.type",
];

/// What Loki knows log records by: of the resource, of the record, and fields of the event.
const TOLD_OF_LOGS: [&str; 4] = ["service_name", "tableread_worker", "severity_text", "line"];

#[test]
fn logs_and_traces_are_asked_for_by_names_that_programs_give() {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let mut asked = 0;
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in list(panel, "targets") {
                let kind = target["datasource"]["type"].as_str().unwrap();
                if kind == "tempo" {
                    let query = target["query"].as_str().unwrap();
                    for part in query.split("span.").skip(1) {
                        let end = part.find(|c| !is_of_name(c)).unwrap_or(part.len());
                        let name = &part[..end];
                        assert!(TOLD_OF_SPANS.contains(&name), "{file}: {name} in {query}");
                        asked += 1;
                    }
                } else if kind == "loki" {
                    let query = target["expr"].as_str().unwrap();
                    for part in query.split(['{', '|']).skip(1).filter(|part| part.contains('=')) {
                        let name = part.trim().split(['=', '!']).next().unwrap();
                        let is_known = TOLD_OF_LOGS.contains(&name) || part.starts_with("ERROR");
                        assert!(is_known, "{file}: `{name}` in {query}");
                        asked += 1;
                    }
                }
            }
        }
    }
    assert!(asked >= 15, "{asked}");
}

#[test]
fn the_stack_is_pinned_and_refers_to_what_is_there() {
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        let image = service["image"].as_str().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        assert!(tag.contains(|c: char| c.is_ascii_digit()) && tag.contains('.'), "{name}: {image}");
        for volume in list(service, "volumes") {
            let from = volume.as_str().unwrap().split(':').next().unwrap();
            match from.strip_prefix("./") {
                Some(path) => assert!(files::folder().join(path).exists(), "{name}: {from}"),
                None => assert!(compose["volumes"].get(from).is_some(), "{name}: {from}"),
            }
        }
        for needed in list(service, "depends_on") {
            assert!(services.contains_key(needed.as_str().unwrap()), "{name}: {needed}");
        }
    }
    let collector = yaml("collector.yaml");
    for (name, pipeline) in collector["service"]["pipelines"].as_object().unwrap() {
        for kind in ["receivers", "processors", "exporters"] {
            for part in list(pipeline, kind) {
                let part = part.as_str().unwrap();
                assert!(collector[kind].get(part).is_some(), "{name}: no {kind} {part}");
            }
        }
    }
    for exporter in collector["exporters"].as_object().unwrap().values() {
        let endpoint = exporter["endpoint"].as_str().unwrap().trim_start_matches("http://");
        let host = endpoint.split(':').next().unwrap();
        assert!(services.contains_key(host), "{endpoint}");
    }
    for file in
        ["tempo.yaml", "loki.yaml", "prometheus.yaml", "provisioning/dashboards/dashboards.yaml"]
    {
        assert!(yaml(file).is_object(), "{file}");
    }
}

/// Prometheus' own tool reads the rules and plays the tests of `alerts_test.yaml`.
#[test]
#[ignore = "needs promtool, of Prometheus 2.42 or newer"]
fn promtool_takes_the_rules_and_their_tests() {
    for args in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]] {
        let status =
            std::process::Command::new("promtool").args(args).current_dir(files::folder()).status();
        assert!(status.unwrap().success(), "promtool {}", args.join(" "));
    }
}
