//! The hub where releases are published, asked over HTTP.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RANGE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::{FetchError, Repository};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(20);

/// Longest silence in the middle of an answer.
const SILENCE: Duration = Duration::from_mins(1);

/// Bytes that a list of files may have.
const LONGEST_LIST: usize = 8 << 20;

/// Redirects that one answer may take.
const MOST_REDIRECTS: usize = 10;

/// A hub, and who asks it.
pub(super) struct Hub {
    client: Client,
    /// Without a slash at its end.
    endpoint: String,
    token: Option<HeaderValue>,
}

/// A revision of a repository.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    /// The commit's hash: 40 hex digits.
    pub(super) sha: String,
    /// In no order.
    pub(super) siblings: Vec<Listed>,
}

/// A file of a revision.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    /// Relative to the repository.
    pub(super) rfilename: String,
    /// Bytes, where the hub says.
    pub(super) size: Option<u64>,
    /// Of files that are kept beside the repository, as weights are.
    pub(super) lfs: Option<Large>,
}

/// What is known of a large file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Large {
    /// Lower-case hex, of the content.
    pub(super) sha256: String,
    /// Bytes of the content.
    pub(super) size: u64,
}

impl Hub {
    /// Prepares to ask the hub at `endpoint`; `token` says who asks and goes to the hub only, not to
    /// where it redirects.
    ///
    /// # Errors
    /// [`FetchError::Address`] for anything but `https:`, or `http:` to this machine.
    pub(super) fn new(endpoint: &str, token: Option<&str>) -> Result<Self, FetchError> {
        let bad = || FetchError::Address(endpoint.to_owned());
        let url = Url::parse(endpoint).map_err(|_| bad())?;
        let is_here = url.scheme() == "http";
        if !is_allowed(&url, is_here) || url.query().is_some() || !url.username().is_empty() {
            return Err(bad());
        }
        install_tls();
        let client = Client::builder()
            .user_agent(concat!("tableread/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(Policy::custom(move |attempt| redirected(attempt, is_here)))
            .build()
            .map_err(|source| unreachable(endpoint, source))?;
        let token = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
        let token = token.map(|mut token| {
            token.set_sensitive(true);
            token
        });
        Ok(Self { client, endpoint: endpoint.trim_end_matches('/').to_owned(), token })
    }

    /// What a revision has.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn list(
        &self,
        repository: &Repository,
        revision: &str,
    ) -> Result<Listing, FetchError> {
        let id = repository.id();
        let url = format!("{}/api/models/{id}/revision/{revision}?blobs=true", self.endpoint);
        let place = format!("{id} at {revision}");
        let mut answer = self.ask(&url, 0, repository, &place).await?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(&place, error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_LIST {
                let answer = "a list of files without end".to_owned();
                return Err(FetchError::Refused { place, answer });
            }
        }
        let listing: Listing = serde_json::from_slice(&body).map_err(|error| {
            let answer = format!("something else than a list of files: {error}");
            FetchError::Refused { place: place.clone(), answer }
        })?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if listing.sha.len() != 40 || !listing.sha.bytes().all(is_digit) {
            let answer = "a commit without a hash".to_owned();
            return Err(FetchError::Refused { place, answer });
        }
        Ok(listing)
    }

    /// Begins to receive a file of a commit, from its byte `from` on; the answer says from where it
    /// really is.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn open(
        &self,
        repository: &Repository,
        commit: &str,
        file: &str,
        from: u64,
    ) -> Result<Response, FetchError> {
        let id = repository.id();
        let url = format!("{}/{id}/resolve/{commit}/{file}", self.endpoint);
        self.ask(&url, from, repository, &format!("{file} of {id}")).await
    }

    async fn ask(
        &self,
        url: &str,
        from: u64,
        repository: &Repository,
        place: &str,
    ) -> Result<Response, FetchError> {
        let mut request = self.client.get(url);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let answer = request.send().await.map_err(|error| {
            if error.is_redirect() {
                let answer = "a redirection to where nothing is fetched from".to_owned();
                return FetchError::Refused { place: place.to_owned(), answer };
            }
            unreachable(place, error)
        })?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(FetchError::Denied { repository: repository.id().to_owned() })
            }
            StatusCode::NOT_FOUND => Err(FetchError::Missing { place: place.to_owned() }),
            status => {
                Err(FetchError::Refused { place: place.to_owned(), answer: status.to_string() })
            }
        }
    }
}

/// The error as whoever asked is told: without the address, which may have a signature in it.
pub(super) fn unreachable(place: &str, error: reqwest::Error) -> FetchError {
    FetchError::Unreachable { place: place.to_owned(), source: error.without_url().into() }
}

fn redirected(attempt: Attempt, is_here: bool) -> reqwest::redirect::Action {
    if attempt.previous().len() > MOST_REDIRECTS {
        return attempt.error("redirected without end");
    }
    if is_allowed(attempt.url(), is_here) {
        attempt.follow()
    } else {
        attempt.error("redirected to an address that is not https")
    }
}

/// Whether nobody on the way can change what comes from an address; `is_here` allows plain `http` to
/// this machine.
fn is_allowed(url: &Url, is_here: bool) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => is_here && is_loopback,
        _ => false,
    }
}

/// Chooses the TLS implementation of the whole process, unless the program has chosen one already.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("another TLS provider was installed before");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_asked_and_http_on_this_machine() {
        for (address, is_fit) in [
            ("https://hub.example", true),
            ("https://hub.example/mirror/", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://hub.example", false),
            ("http://127.0.0.1.hub.example", false),
            ("file:///etc", false),
            ("hub.example", false),
            ("https://me:secret@hub.example", false),
            ("", false),
        ] {
            let made = Hub::new(address, Some("secret"));
            assert_eq!(made.is_ok(), is_fit, "{address}");
        }
        let plain = Url::parse("http://localhost/a").unwrap();
        assert!(!is_allowed(&plain, false), "from https there is no way to http");
    }

    #[test]
    fn a_token_is_in_no_message() {
        let hub = Hub::new("https://hub.example", Some("secret")).unwrap();
        assert!(!format!("{:?}", hub.token).contains("secret"));
    }
}
