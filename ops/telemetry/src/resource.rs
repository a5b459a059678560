//! Whose telemetry this is.

use std::sync::{PoisonError, RwLock};

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

/// What describes a process, by the names of the semantic conventions where they have one.
pub(crate) type Attributes = Vec<(String, String)>;

/// As it was last said; `target_info` tells it.
static KNOWN: RwLock<Attributes> = RwLock::new(Vec::new());

/// What was said of this process; empty before [`crate::start`].
pub(crate) fn known() -> Attributes {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Notes what this process is, and makes of it what exporters take. What `OTEL_RESOURCE_ATTRIBUTES`
/// says goes along.
pub(crate) fn describe(attributes: &Attributes) -> Resource {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).clone_from(attributes);
    let pairs = attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder().with_attributes(pairs).build()
}
