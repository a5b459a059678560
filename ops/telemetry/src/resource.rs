//! Whose telemetry this is.

use std::sync::{OnceLock, PoisonError, RwLock};

/// Attributes of this process by name, e.g. `service.name`.
pub(crate) type Attributes = Vec<(String, String)>;

fn held() -> &'static RwLock<Attributes> {
    static HELD: OnceLock<RwLock<Attributes>> = OnceLock::new();
    HELD.get_or_init(RwLock::default)
}

/// What was said so far; empty before [`crate::init`].
pub(crate) fn known() -> Attributes {
    held().read().unwrap_or_else(PoisonError::into_inner).clone()
}
