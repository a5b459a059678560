//! `schemas/json/` is what other languages read. `UPDATE_SCHEMAS=1` rewrites it.

use schemars::{JsonSchema, schema_for};

use crate::{Batch, Manifest, Progress, QueueEvent, WorkerReport};

fn assert_current<T: JsonSchema>(name: &str) {
    let path = format!("{}/json/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let current = serde_json::to_string_pretty(&schema_for!(T)).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(on_disk == current, "run UPDATE_SCHEMAS=1 cargo test -p schemas, then commit {path}");
}

#[test]
fn the_schemas_on_disk_are_current() {
    assert_current::<Manifest>("manifest");
    assert_current::<Progress>("progress");
    assert_current::<Batch>("batch");
    assert_current::<QueueEvent>("event");
    assert_current::<WorkerReport>("worker");
}
