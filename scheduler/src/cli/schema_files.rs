//! What commands print as JSON, as other languages read it. `UPDATE_SCHEMAS=1` rewrites the files.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use super::{lines::Row, plan::PlanReport, status::Detail, take::TakeRow};

fn assert_current<T: JsonSchema>(name: &str) {
    let path = format!("{}/../schemas/json/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let generator = SchemaSettings::default().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<T>();
    let current = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(on_disk == current, "run UPDATE_SCHEMAS=1 cargo test -p scheduler, then commit {path}");
}

#[test]
fn the_schemas_of_what_commands_print_are_current() {
    assert_current::<PlanReport<'_>>("plan");
    assert_current::<Row<'_>>("line");
    assert_current::<Detail>("status");
    assert_current::<crate::story::Story>("story");
    assert_current::<super::cost::Cost>("cost");
    assert_current::<TakeRow>("take");
}
