//! Errors as answers: problem details, RFC 9457.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::price::Price;

/// Why a request was not done. In a box: it is the rare half of every answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem(Box<Told>);

/// Why a request was not done: the body of every answer of status 400 and above.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Told {
    /// Names the kind of problem, for programs: `urn:tableread:problem:` and one of the words of the
    /// documentation, e.g. `urn:tableread:problem:not-found`.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words; the same for every problem of the kind.
    title: String,
    /// The answer's status.
    status: u16,
    /// What happened, and what to do.
    detail: String,
    /// Names the request, as the answer's `X-Request-Id` does; to be given when asking for help.
    request: Option<String>,
    /// Mistakes in what was sent, each at its place; empty when the problem is another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Mistake>,
    /// What it costs to go on, where that is why the request was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    /// When to try again, in seconds from now; a header of the answer.
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// One mistake in what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Mistake {
    /// Which of the files sent, by the name it was sent under, or which field.
    pub file: String,
    /// From 1; absent when the whole file is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// From 1, counted in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request cannot be understood.
    BadRequest,
    /// No token, or none that is known.
    Unauthorized,
    /// The token, or the page that asks, may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// It took too long.
    Timeout,
    /// It is in no state to have this done.
    Conflict,
    /// The body is larger than allowed.
    TooLarge,
    /// The body is of a type that is not read here.
    UnsupportedMedia,
    /// The range is outside the object.
    RangeNotSatisfiable,
    /// Script, cast or settings: a person must change something.
    Unprocessable,
    /// An idempotency key came again with another request.
    KeyReused,
    /// Too many requests.
    TooMany,
    /// A fault of this server's, or of what it stands on; a person must act.
    Internal,
    /// The store cannot do this.
    NotSupported,
    /// Queue or store cannot be reached now, or too much is going on.
    Unavailable,
}

impl Kind {
    /// Status, word and title.
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => (S::BAD_REQUEST, "bad-request", "The request is malformed"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "A token is needed"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "This is not allowed"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "The path has no such method")
            }
            Self::Timeout => (S::REQUEST_TIMEOUT, "timeout", "It took too long"),
            Self::Conflict => (S::CONFLICT, "conflict", "This cannot be done now"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMedia => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media", "The body's type is not read here")
            }
            Self::RangeNotSatisfiable => (
                S::RANGE_NOT_SATISFIABLE,
                "range-not-satisfiable",
                "The range is outside the object",
            ),
            Self::Unprocessable => {
                (S::UNPROCESSABLE_ENTITY, "unprocessable", "The episode cannot be planned")
            }
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "key-reused",
                "The idempotency key was used for another request",
            ),
            Self::TooMany => (S::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
            Self::NotSupported => (S::NOT_IMPLEMENTED, "not-supported", "The store cannot do this"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment"),
        }
    }
}

impl Problem {
    /// A problem of `kind`; `detail` says what happened and what to do.
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, word, title) = kind.facts();
        Self(Box::new(Told {
            kind: format!("urn:tableread:problem:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            request: None,
            errors: Vec::new(),
            price: None,
            retry_after_s: None,
        }))
    }

    /// A problem of the script, the cast or the settings.
    pub(super) fn mistakes(detail: impl Into<String>, errors: Vec<Mistake>) -> Self {
        let mut problem = Self::new(Kind::Unprocessable, detail);
        problem.0.errors = errors;
        problem
    }

    /// The same, with what it costs to go on.
    pub(super) fn at_price(mut self, price: Price) -> Self {
        self.0.price = Some(price);
        self
    }

    /// The same, to be tried again after some seconds.
    pub(super) fn after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// The same, with the name of the request.
    pub(super) fn of_request(mut self, id: &str) -> Self {
        self.0.request = Some(id.to_owned());
        self
    }

    /// The answer's status.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The kind in words.
    pub(super) fn title(&self) -> &str {
        &self.0.title
    }

    /// What happened, and what to do.
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What an answer of this status means that did not say itself.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMedia,
            _ if status.is_client_error() => Kind::BadRequest,
            _ => Kind::Internal,
        };
        Self::new(kind, "see /openapi.json for what can be asked for")
    }

    /// Writes the answer.
    pub(super) fn render(self) -> Response {
        let json = serde_json::to_vec(&*self.0).expect("a problem is plain text and numbers");
        let mut response = (self.status(), json).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tableread\""));
        }
        response
    }
}

/// The problem travels along with its answer, so that the request's name can be added on the way out.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Makes sure that an answer of status 400 and above is a problem, with the request's name in it.
pub(super) fn finish(mut response: Response, request: &str) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = response.extensions_mut().remove().unwrap_or_else(|| Problem::of_status(status));
    let mut rendered = problem.of_request(request).render();
    for name in [ALLOW, axum::http::header::CONTENT_RANGE] {
        if let Some(value) = response.headers().get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

/// What a handler gives.
pub(super) type Answer<T> = Result<T, Problem>;
