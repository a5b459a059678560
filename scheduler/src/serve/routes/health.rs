//! Is it there, can it work, what does it count, what can it do.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use telemetry::metrics::{PROMETHEUS_CONTENT_TYPE, prometheus_text};

use crate::serve::api::{Api, Operation, bytes, json};
use crate::serve::app::{App, Shared};
use crate::serve::problem::{Answer, Kind, Problem};

/// How long queue and store have to answer.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// An object that is never there: asking for it shows whether the store answers.
const NO_OBJECT: &str = "readiness/none";

pub(super) fn routes(api: Api) -> Api {
    api.route(
        Operation::get("/healthz", "Whether the server is there").public().gives(
            StatusCode::OK,
            "It is",
            json::<Health>(),
        ),
        healthz,
    )
    .route(
        Operation::get("/readyz", "Whether queue and store can be reached").public().gives(
            StatusCode::OK,
            "They can",
            json::<Ready>(),
        ),
        readyz,
    )
    .route(
        Operation::get("/metrics", "Counters for Prometheus").gives(
            StatusCode::OK,
            "Prometheus' text format",
            bytes("text/plain"),
        ),
        metrics,
    )
    .route(
        Operation::get("/openapi.json", "This document").public().gives(
            StatusCode::OK,
            "OpenAPI 3.1",
            json::<serde_json::Value>(),
        ),
        openapi,
    )
}

/// Says that the server is there.
#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
}

/// Says that the server can work.
#[derive(Debug, Serialize, JsonSchema)]
struct Ready {
    /// Always `ok`.
    queue: &'static str,
    /// Always `ok`.
    store: &'static str,
}

async fn healthz() -> axum::Json<Health> {
    axum::Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

async fn readyz(State(app): State<Shared>) -> Answer<axum::Json<Ready>> {
    match tokio::time::timeout(READY_WITHIN, reach(&app)).await {
        Ok(reached) => reached.map(axum::Json),
        Err(_) => Err(Problem::new(Kind::Unavailable, "queue or store do not answer").after(5)),
    }
}

async fn reach(app: &App) -> Answer<Ready> {
    let (queue, store) = tokio::join!(app.queue.workers(), app.store.size(NO_OBJECT));
    let unready = |problem: Problem| {
        // Whatever it is: a load balancer is to send requests elsewhere.
        let detail = problem.detail().to_owned();
        Problem::new(Kind::Unavailable, detail).after(5)
    };
    queue.map_err(|err| unready(err.into()))?;
    store.map_err(|err| unready(err.into()))?;
    Ok(Ready { queue: "ok", store: "ok" })
}

async fn metrics(State(app): State<Shared>) -> Answer<Response> {
    app.watch.look(&app).await?;
    Ok(([(CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE)], prometheus_text()).into_response())
}

async fn openapi(State(app): State<Shared>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.openapi.clone()).into_response()
}
