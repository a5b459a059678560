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

impl S3Settings {
    /// Reads the variables that S3's own tools use: `AWS_ENDPOINT_URL`, `AWS_REGION`,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_ALLOW_HTTP`, of
    /// which `true` and `1` in any case mean yes. `lookup` gives a variable's value; an empty one
    /// counts as not set.
    #[must_use]
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| lookup(name).filter(|value| !value.is_empty());
        let is_yes = |value: String| value == "1" || value.eq_ignore_ascii_case("true");
        Self {
            endpoint: set("AWS_ENDPOINT_URL"),
            region: set("AWS_REGION"),
            access_key: set("AWS_ACCESS_KEY_ID"),
            secret: set("AWS_SECRET_ACCESS_KEY"),
            session_token: set("AWS_SESSION_TOKEN"),
            allow_http: set("AWS_ALLOW_HTTP").is_some_and(is_yes),
        }
    }
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

    #[test]
    fn each_variable_sets_its_own_part_and_an_empty_one_sets_none() {
        let own_name = |name: &str| (name != "AWS_REGION").then(|| name.to_owned());
        let settings = S3Settings::from_variables(own_name);
        assert_eq!(settings.endpoint.as_deref(), Some("AWS_ENDPOINT_URL"));
        assert_eq!(settings.region, None);
        assert_eq!(settings.access_key.as_deref(), Some("AWS_ACCESS_KEY_ID"));
        assert_eq!(settings.secret.as_deref(), Some("AWS_SECRET_ACCESS_KEY"));
        assert_eq!(settings.session_token.as_deref(), Some("AWS_SESSION_TOKEN"));
        assert_eq!(S3Settings::from_variables(|_| Some(String::new())).endpoint, None);
    }

    #[test]
    fn http_is_allowed_by_a_clear_yes_only() {
        for (value, is_allowed) in [
            ("1", true),
            ("true", true),
            ("TRUE", true),
            ("0", false),
            ("false", false),
            ("", false),
        ] {
            let settings = S3Settings::from_variables(|_| Some(value.to_owned()));
            assert_eq!(settings.allow_http, is_allowed, "{value}");
        }
    }
}
