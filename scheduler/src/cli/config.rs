//! The environment: read here and by `clap`'s `env` options, nowhere else.

use std::ffi::OsString;

use store::S3Settings;

/// How this program was called, for commands to be called the same way.
pub(super) fn program() -> String {
    let called = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    called.unwrap_or_else(|| "tableread".into())
}

/// The search path of programs, for finding synthesisers.
pub(super) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// How S3 is reached, by the variables that its own tools use. Never by arguments: those can be
/// read by every user of the machine.
pub(super) fn s3_settings() -> S3Settings {
    S3Settings::from_variables(variable)
}

/// A variable that is not UTF-8 counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}
