//! The HTTP API: episodes submitted, followed, fetched and changed over a network.
//!
//! `routes/` lists what can be asked for; one list makes the router and the OpenAPI document, so
//! neither can know more than the other. Every request passes `gate`: it is named, limited, let in by
//! its token, counted and logged, and whatever goes wrong is answered as a problem, RFC 9457. What is
//! planned and queued goes through [`crate::submit`], as from the command line.
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
mod limits;
mod metrics;
mod object;
mod openapi;
mod patient;
mod problem;
mod ranges;
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
    let reader = tokio::spawn({
        let (app, stop) = (app.clone(), stop.clone());
        async move { app.hub.run(stop).await }
    });
    info!(%address, store = app.store.place(), "server listens");
    connect::serve_connections(listener, router, &limits, stop).await;
    reader.abort();
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
