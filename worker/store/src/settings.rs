//! How S3 is reached.

use std::fmt;

/// How S3 is reached; all of it is given by the caller, nothing is read from the environment.
#[derive(Clone, Default)]
pub struct S3Settings {
    /// Base URL of a server other than Amazon's, e.g. `https://minio.example:9000`.
    pub endpoint: Option<String>,
    /// The bucket's region; `us-east-1` when absent.
    pub region: Option<String>,
    /// Public half of the credentials. Without it the machine's own role is asked for, as on EC2
    /// and ECS.
    pub access_key: Option<String>,
    /// Secret half; never shown.
    pub secret: Option<String>,
    /// Third part of credentials that end after a while; never shown.
    pub session_token: Option<String>,
    /// Whether an `http:` endpoint may be used, where everyone on the way can read along.
    pub allow_http: bool,
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |secret: &Option<String>| secret.as_ref().map(|_| "…");
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("secret", &shown(&self.secret))
            .field("session_token", &shown(&self.session_token))
            .field("allow_http", &self.allow_http)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let secret = Some("hunter2".to_owned());
        let settings =
            S3Settings { session_token: secret.clone(), secret, ..S3Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
