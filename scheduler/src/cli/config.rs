//! The environment: the one place that reads it, apart from what `clap` shows in `--help`.

use std::ffi::OsString;

/// The search path of programs, for finding synthesisers.
pub(crate) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}
