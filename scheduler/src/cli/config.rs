//! The environment: read here and by `clap`'s `env` options, nowhere else.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
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

/// The folder for what can be made again and is worth keeping over productions, as workers use it.
///
/// # Errors
/// When the user has no home: a folder that all users share would not be private.
pub(super) fn cache_dir() -> anyhow::Result<PathBuf> {
    let of_user = || match variable("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(caches) => Some(PathBuf::from(caches)),
        None => variable("HOME").map(|home| PathBuf::from(home).join(".cache")),
    };
    let usual = || of_user().map(|caches| caches.join("tableread"));
    variable("TABLEREAD_CACHE_DIR").map(PathBuf::from).or_else(usual).context(
        "there is no HOME to keep voices below: name a folder of your own as TABLEREAD_CACHE_DIR",
    )
}

/// One token that may do everything over HTTP.
pub(super) fn token() -> Option<String> {
    variable("TABLEREAD_TOKEN").filter(|token| !token.is_empty())
}

/// Tokens with their names and scopes, as in a token file.
pub(super) fn tokens() -> Option<String> {
    variable("TABLEREAD_TOKENS").filter(|tokens| !tokens.trim().is_empty())
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
