//! The HTTP API: episodes submitted, followed, fetched and changed over a network.
//!
//! `routes/` lists what can be asked for; one list makes the router and the OpenAPI document, so
//! neither can know more than the other. Every request passes `gate`: it is named, limited, let in by
//! its token, counted and logged, and whatever goes wrong is answered as a problem, RFC 9457. What is
//! planned and queued goes through [`crate::submit`], as from the command line.
//!
//! `page/` is the status page, for people: the same queue, the same gate.
//!
//! TLS is for a reverse proxy; without tokens the server answers its own machine only.

mod access;
mod api;
mod app;
mod auth;
mod connect;
mod faults;
mod form;
mod gate;
mod hub;
mod idempotency;
mod keeper;
mod limits;
mod metrics;
mod object;
mod openapi;
mod origin;
mod page;
mod patient;
mod problem;
mod ranges;
mod request;
mod routes;
mod tagged;
mod target;
mod upload;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use app::{App, Shared};
use problem::{Kind, Problem};

pub use app::Settings;
pub use auth::{Scope, TokenError, Tokens};
pub use limits::Limits;

/// Bytes that a body may have which is no submission.
const SMALL_BODY: usize = 64 * 1_024;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody on the network could do anything.
    #[error(
        "without tokens everybody who reaches {0} could change everything: give tokens with \
         --token-file, or listen on 127.0.0.1"
    )]
    Open(std::net::SocketAddr),
    /// The socket is of no use.
    #[error("the server cannot listen")]
    Listen(#[source] std::io::Error),
}

/// Answers requests until `stop` is cancelled; requests being answered then are finished first, for
/// up to 20 s, and event streams end at once.
///
/// # Errors
/// [`ServeError`] before the first request; once it answers, nothing ends it but `stop`.
pub async fn serve(
    settings: Settings,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listen)?;
    if settings.tokens.is_empty() && !address.ip().is_loopback() {
        return Err(ServeError::Open(address));
    }
    let limits = settings.limits.clone();
    let (app, router) = build(settings, stop.clone());
    let beside = tokio::spawn({
        let (app, stop) = (app.clone(), stop.clone());
        async move {
            tokio::join!(app.hub.run(stop), keeper::keep_manifests(&app), metrics::watch(&app))
        }
    });
    info!(%address, store = app.store.place(), "server listens");
    connect::serve_connections(listener, router, &limits, stop).await;
    beside.abort();
    info!("server ended");
    Ok(())
}

/// Makes the router and what its handlers share.
fn build(settings: Settings, stop: CancellationToken) -> (Shared, Router) {
    let api::Api { router, operations, access } = routes::all(settings.limits.body_bytes);
    let document = openapi::document(&operations).to_string();
    let app = App::new(settings, access, document.into(), stop);
    let router = router
        .fallback(nothing_there)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(SMALL_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), gate::gate))
        .with_state(app.clone());
    (app, router)
}

async fn nothing_there() -> Problem {
    Problem::new(
        Kind::NotFound,
        "there is nothing at this path; see /openapi.json for what there is",
    )
}

async fn no_such_method() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "see /openapi.json for the methods of this path")
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn fails() -> StatusCode {
        panic!("a bug")
    }

    async fn fails_bare() -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    #[tokio::test]
    async fn a_bug_costs_one_request_and_is_told_as_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            queue: queue::open(folder.path().join("queue.db").to_str().unwrap()).unwrap(),
            store: store::Store::open("memory:").await.unwrap(),
            exports: None,
            tokens: Tokens::default(),
            limits: Limits::default(),
        };
        let stop = CancellationToken::new();
        let (app, _) = build(settings, stop.clone());
        let router = Router::new()
            .route("/panics", get(fails))
            .route("/fails", get(fails_bare))
            .layer(middleware::from_fn_with_state(app, gate::gate));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits::default();
        let serving = connect::serve_connections(listener, router, &limits, stop.clone());
        let asking = async {
            for path in ["/panics", "/fails", "/nowhere"] {
                let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
                let ask =
                    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
                socket.write_all(ask.as_bytes()).await.unwrap();
                let mut told = String::new();
                socket.read_to_string(&mut told).await.unwrap();
                assert!(told.contains("application/problem+json"), "{path}: {told}");
                assert_eq!(told.starts_with("HTTP/1.1 500 "), path != "/nowhere", "{told}");
            }
            stop.cancel();
        };
        tokio::join!(serving, asking);
    }
}
