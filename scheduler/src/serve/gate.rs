//! What every request passes: its name, who asks, how much may be asked, and the way out.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use telemetry::metrics::{HTTP_ACTIVE_REQUESTS, HTTP_REQUEST_DURATION};
use tokio::time::Instant;
use tracing::info;
use ulid::Ulid;

use super::access::Access;
use super::app::{App, Shared};
use super::auth::Principal;
use super::limits::Payer;
use super::origin;
use super::page::Asked;
use super::problem::{self, Kind, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request came from; put into it by the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Lets a request in if it may come in, and tells log and metrics what became of it.
///
/// Paths and bodies are not logged: a route's pattern is, and the request's name.
pub(super) async fn gate(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let active = Active::begin(method);
    let page = Asked::of(&app, &request);
    let answer = match admit(&app, &request) {
        Ok(principal) => {
            let who = principal.name.clone();
            request.extensions_mut().insert(principal);
            (who, answer(&app, request, next).await)
        }
        Err(problem) => ("–".into(), problem.into_response()),
    };
    let (who, response) = answer;
    let mut response = match page {
        Some(asked) => asked.finish(response, &id),
        None => problem::finish(response, &id),
    };
    let status = response.status().as_u16();
    drop(active);
    let took = began.elapsed().as_secs_f64();
    HTTP_REQUEST_DURATION.record(took, [method, route, &status.to_string()]);
    let ms = millis(began.elapsed());
    info!(request = id, method, route, status, ms, who = %who, "answered");
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// A request that is being answered, until this is dropped, also because its client went away.
struct Active(&'static str);

impl Active {
    fn begin(method: &'static str) -> Self {
        HTTP_ACTIVE_REQUESTS.add(1.0, [method]);
        Self(method)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        HTTP_ACTIVE_REQUESTS.add(-1.0, [self.0]);
    }
}

/// Answers a request that was let in, within its time and while there is a seat.
async fn answer(app: &App, request: Request, next: Next) -> Response {
    let Ok(_seat) = app.requests.try_acquire() else {
        return Problem::new(Kind::Unavailable, "too many requests are being answered")
            .after(1)
            .into_response();
    };
    // A bug costs the request in which it shows, and no other.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(app.limits.request_time, answered).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            Problem::new(Kind::Internal, "the server failed; its log says how").into_response()
        }
        Err(_) => Problem::new(
            Kind::Timeout,
            format!(
                "the request was not done after {} s; send it again, with the same Idempotency-Key \
                 if it had one",
                app.limits.request_time.as_secs()
            ),
        )
        .into_response(),
    }
}

/// Says who asks, if they may.
///
/// Payers are tokens, or addresses for whoever shows none that is known: guessing tokens is slow.
fn admit(app: &App, request: &Request) -> Result<Principal, Problem> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let address = Payer::Address(peer.unwrap_or([0, 0, 0, 0].into()));
    let known = known(app, request)?;
    let payer = match &known {
        Some(principal) if !app.tokens.is_empty() => Payer::Token(principal.name.clone()),
        Some(_) | None => address,
    };
    app.rate.take(payer, Instant::now()).map_err(|seconds| {
        Problem::new(Kind::TooMany, "too many requests; slow down").after(seconds)
    })?;
    let route = request.extensions().get::<MatchedPath>();
    let access = route.and_then(|route| app.access.of(route.as_str(), request.method()));
    match (access, known) {
        (Some(Access::Token(_)), None) => Err(Problem::new(
            Kind::Unauthorized,
            "send `Authorization: Bearer TOKEN` with a token that this server knows",
        )),
        (Some(Access::Token(scope)), Some(principal)) if principal.scope < scope => {
            let detail = format!("the token `{}` may read and not change anything", principal.name);
            Err(Problem::new(Kind::Forbidden, detail))
        }
        // What is nowhere is answered by the router; it tells nothing that /openapi.json does not.
        (_, known) => Ok(known.unwrap_or_else(nobody)),
    }
}

/// Who asks: by a token, or by the cookie of a browser that was signed in with one.
fn known(app: &App, request: &Request) -> Result<Option<Principal>, Problem> {
    let headers = request.headers();
    if app.tokens.is_empty() {
        origin::refuse_foreign_pages(headers, origin::is_link(request))?;
        return Ok(Some(Principal::local()));
    }
    if headers.contains_key(AUTHORIZATION) {
        return Ok(bearer(headers).and_then(|token| app.tokens.find(token)));
    }
    let found = origin::cookies(headers).find_map(|cookie| app.tokens.find_cookie(cookie));
    if found.is_some() && !request.method().is_safe() {
        origin::refuse_foreign_forms(headers)?;
    }
    Ok(found)
}

/// Whoever asks for something public without a token.
fn nobody() -> Principal {
    Principal { name: "–".into(), scope: super::auth::Scope::Read }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The client's own name for its request if it is a plain one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let is_plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(is_plain);
    given.map_or_else(|| Ulid::generate().to_string(), str::to_owned)
}

/// Methods are counted and logged by name; one that nobody knows could be anything.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_request_keeps_a_plain_name_and_is_given_one_in_place_of_another() {
        assert_eq!(request_id(&headers(&[("x-request-id", "build-7.a_b")])), "build-7.a_b");
        for odd in ["", "a b", "a\"b", "a/b", &"a".repeat(65)] {
            let given = request_id(&headers(&[("x-request-id", odd)]));
            assert!(given != odd && given.len() == 26, "{odd:?} {given}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer(&headers(&[("authorization", "bearer abc")])), Some("abc"));
        assert_eq!(bearer(&headers(&[("authorization", "Basic abc")])), None);
        assert_eq!(bearer(&headers(&[("authorization", "abc")])), None);
    }
}
