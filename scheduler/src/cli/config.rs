//! The environment: read here and by `clap`'s `env` options, nowhere else.

use std::ffi::OsString;

use store::S3Settings;

/// The search path of programs, for finding synthesisers.
pub(super) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// How S3 is reached, by the variables that its own tools use. Never by arguments: those can be
/// read by every user of the machine.
pub(super) fn s3_settings() -> S3Settings {
    S3Settings {
        endpoint: variable("AWS_ENDPOINT_URL"),
        region: variable("AWS_REGION"),
        access_key: variable("AWS_ACCESS_KEY_ID"),
        secret: variable("AWS_SECRET_ACCESS_KEY"),
        session_token: variable("AWS_SESSION_TOKEN"),
        allow_http: variable("AWS_ALLOW_HTTP").is_some_and(|value| value == "true" || value == "1"),
    }
}

/// A variable that is empty or not UTF-8 counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok().filter(|value| !value.is_empty())
}
