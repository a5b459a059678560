//! The status page: episodes, lines and workers for people, in a browser.
//!
//! The server writes the HTML, from the same counters as `tableread status`; a little script of ours
//! keeps it up to date by asking for the page again when the queue has news, and plays audio. Without
//! the script everything can still be read, played and retried. [`layout`] holds what all pages have
//! in common, `html!` escapes whatever is put into it, and nothing comes from anywhere else: the
//! policy in [`guard`] lets a browser load and run nothing but this server's own files.

mod assets;
mod bar;
mod dock;
mod episode;
mod farm;
mod layout;
mod overview;
mod places;
mod retry;
mod score;
mod script;
mod sign;
mod wave;
mod words;
mod workers;

use axum::extract::Request;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

use super::access::Access;
use super::api::Api;
use super::app::App;
use super::auth::Scope;
use super::origin;
use super::problem::Problem;
use layout::{Shell, Viewer};

pub(super) use wave::Waves;

/// What a browser may do with a page: load this server's own files, and nothing else; send forms here
/// only; be framed by nobody. No inline script or style, so that text from a script cannot become one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";

/// Every page there is.
pub(super) fn routes(api: Api) -> Api {
    let (read, write) = (Access::Token(Scope::Read), Access::Token(Scope::Write));
    api.page(&Method::GET, "/", read, overview::show)
        .page(&Method::GET, "/episodes/{id}", read, episode::show)
        .page(&Method::GET, "/episodes/{id}/lines/{line}", read, dock::show)
        .page(&Method::POST, "/episodes/{id}/retry", write, retry::retry)
        .page(&Method::GET, "/sign-in", Access::Public, sign::form)
        .page(&Method::POST, "/sign-in", Access::Public, sign::sign_in)
        .page(&Method::POST, "/sign-out", Access::Public, sign::sign_out)
        .page(&Method::GET, "/assets/{edition}/{name}", Access::Public, assets::serve)
}

/// A page, as its handler gives it.
pub(super) struct Page(Markup);

impl axum::response::IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.0.into_string().into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
        response
    }
}

/// That a page was asked for, so that whatever goes wrong is told as one.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where to come back to after signing in.
    path: String,
    has_tokens: bool,
    /// Whether another site's link led here: then browsers keep the cookie back.
    is_by_link: bool,
}

impl Asked {
    /// Whether the path is a page's, or none of a browser's that is nowhere.
    pub(super) fn of(app: &App, request: &Request) -> Option<Self> {
        let is_page = match request.extensions().get::<axum::extract::MatchedPath>() {
            Some(route) => app.access.is_page(route.as_str()),
            None => accepts_html(request.headers()),
        };
        let is_look = request.method() == Method::GET;
        let path = request.uri().path_and_query().filter(|_| is_look);
        let path = path.map_or("/", axum::http::uri::PathAndQuery::as_str).to_owned();
        is_page.then_some(Self {
            path,
            has_tokens: !app.tokens.is_empty(),
            is_by_link: origin::is_link_of_another_site(request),
        })
    }

    /// The answer with the policy on it, and as a page if it is a problem.
    pub(super) fn finish(self, mut response: Response, request: &str) -> Response {
        let status = response.status();
        let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|it| it == HTML);
        if !is_page && (status.is_client_error() || status.is_server_error()) {
            let problem = response.extensions_mut().remove();
            let problem = problem.unwrap_or_else(|| Problem::of_status(status));
            response = self.explain(problem, request);
        }
        guard(response.headers_mut());
        response
    }

    fn explain(&self, problem: Problem, request: &str) -> Response {
        let page = if problem.status() == StatusCode::UNAUTHORIZED && self.has_tokens {
            sign::page(&self.path, None, self.is_by_link)
        } else {
            explained(&problem, request)
        };
        // For its status and its headers.
        let mut response = problem.render();
        *response.body_mut() = page.into_string().into();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
        response
    }
}

fn explained(problem: &Problem, request: &str) -> Markup {
    let main = html! {
        section.empty {
            h1 { (problem.title()) }
            p { (problem.detail()) }
            p.dim { "Request " code { (request) } ". The server's log says more under this name." }
            p { a href="/" { "All episodes" } }
        }
    };
    layout::bare(problem.title(), &main)
}

/// Puts on what keeps a browser from doing with a page what it should not.
fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        // Forms tell where they come from, other sites are told nothing.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(axum::http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// A page in its shell.
fn shown(shell: &Shell<'_>, viewer: &Viewer, main: &Markup) -> Page {
    Page(layout::page(shell, viewer, main))
}
