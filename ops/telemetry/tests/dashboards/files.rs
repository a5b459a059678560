//! The files of `ops/dashboards`, read as JSON values whatever they are written in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap_or_else(|err| panic!("{file}: {err}"))
}

/// The dashboards, by file name.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder().join("grafana")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = read(&format!("grafana/{name}"));
        let value = serde_json::from_str(&text).unwrap_or_else(|err| panic!("{name}: {err}"));
        all.push((name, value));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// The one document of a YAML file.
pub(crate) fn yaml(file: &str) -> Value {
    let mut documents =
        YamlLoader::load_from_str(&read(file)).unwrap_or_else(|err| panic!("{file}: {err}"));
    assert_eq!(documents.len(), 1, "{file}");
    value(documents.remove(0))
}

fn value(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Real(text) | Yaml::String(text) => text.into(),
        Yaml::Integer(number) => number.into(),
        Yaml::Boolean(is) => is.into(),
        Yaml::Array(all) => all.into_iter().map(value).collect(),
        Yaml::Hash(all) => {
            let named = |(key, of): (Yaml, Yaml)| (key.into_string().unwrap(), value(of));
            Value::Object(all.into_iter().map(named).collect::<Map<_, _>>())
        }
        Yaml::Null => Value::Null,
        Yaml::Alias(_) | Yaml::BadValue => panic!("aliases are not used here"),
    }
}

/// Every rule of `alerts.yaml`.
pub(crate) fn alerts() -> Vec<Value> {
    let file = yaml("alerts.yaml");
    let groups = file["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Anchors of the runbook's headings, as they are made of them.
pub(crate) fn readme_anchors() -> BTreeSet<String> {
    let headings = read("../README.md");
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}
