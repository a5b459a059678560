//! Locks as other languages read them. `UPDATE_SCHEMAS=1` rewrites the file.

use schemars::schema_for;

use crate::Lock;

#[test]
fn the_schemas_of_voices_are_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/json/voice.json");
    let current = serde_json::to_string_pretty(&schema_for!(Lock)).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let on_disk = std::fs::read_to_string(path).unwrap_or_default();
    assert!(on_disk == current, "run UPDATE_SCHEMAS=1 cargo test -p voices, then commit {path}");
}
