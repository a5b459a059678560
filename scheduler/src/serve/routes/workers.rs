//! The workers of the farm.

use axum::extract::State;
use axum::http::StatusCode;
use queue::WorkerCard;
use schemars::JsonSchema;
use schemas::WorkerId;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::serve::api::{Api, Operation, json};
use crate::serve::app::Shared;
use crate::serve::problem::Answer;
use crate::serve::target::Named;

pub(super) fn routes(api: Api) -> Api {
    api.route(
        Operation::get("/v1/workers", "Workers heard of within the last hour").gives(
            StatusCode::OK,
            "Ordered by name",
            json::<Vec<WorkerCard>>(),
        ),
        list,
    )
    .route(
        Operation::post(
            "/v1/workers/{name}/drain",
            "Orders a worker to finish what it holds and end, or takes the order back",
        )
        .path::<String>("name", "The worker's name")
        .takes(json::<Order>(), false)
        .gives(StatusCode::OK, "The order stands; the worker learns of it soon", json::<Ordered>())
        .fails(&[(StatusCode::NOT_FOUND, "No worker of that name was heard of lately")]),
        drain,
    )
}

/// What a worker is ordered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Whether to drain; true when absent.
    #[serde(default = "yes")]
    drain: bool,
}

fn yes() -> bool {
    true
}

impl Default for Order {
    fn default() -> Self {
        Self { drain: true }
    }
}

/// An order that stands.
#[derive(Debug, Serialize, JsonSchema)]
struct Ordered {
    /// Who was ordered.
    worker: WorkerId,
    /// Whether to drain.
    drain: bool,
}

async fn list(State(app): State<Shared>) -> Answer<axum::Json<Vec<WorkerCard>>> {
    Ok(axum::Json(app.queue.workers().await?))
}

async fn drain(
    State(app): State<Shared>,
    Named(worker): Named,
    Json(Order { drain }): Json<Order>,
) -> Answer<axum::Json<Ordered>> {
    app.queue.order_drain(&worker, drain).await?;
    Ok(axum::Json(Ordered { worker, drain }))
}
