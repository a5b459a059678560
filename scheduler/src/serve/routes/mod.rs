//! What can be asked for: one file for each thing.

pub(super) mod audio;
mod changes;
pub(super) mod episodes;
mod events;
mod health;
mod lines;
mod submit;
mod workers;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::api::{Api, Operation};
use super::app::Shared;
use super::form::too_large;
use super::page;
use super::problem::{Kind, Problem};
use super::request::bad_json;

/// Every route there is. `body_bytes` bounds what a submission may bring.
pub(super) fn all(body_bytes: usize) -> Api {
    let mut api = health::routes(Api::default());
    api = submit::routes(api, body_bytes);
    api = episodes::routes(api);
    for kind in [OF_EPISODES, OF_SUBMISSIONS] {
        api = changes::routes(api, kind);
        api = lines::routes(api, kind);
        api = audio::routes(api, kind);
        api = events::routes(api, kind);
    }
    api = audio::content_routes(api);
    api = workers::routes(events::farm_route(api));
    page::routes(api)
}

/// The two ways to name a submission; see [`super::target::Target`].
const OF_EPISODES: &str = "/v1/episodes/{id}";
const OF_SUBMISSIONS: &str = "/v1/submissions/{id}";

/// What every route about a submission has in common.
fn about_submission(operation: Operation) -> Operation {
    operation
        .path::<String>("id", "An episode, for its newest submission; or a submission")
        .fails(&[(StatusCode::NOT_FOUND, "There is no such episode, submission or line")])
}

/// A body of JSON, or the default when there is none.
struct Json<T>(T);

impl<T: DeserializeOwned + Default> FromRequest<Shared> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        let body = body(request, app).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        serde_json::from_slice(&body).map(Self).map_err(|err| bad_json(&err))
    }
}

/// A request's whole body.
async fn body(request: Request, app: &Shared) -> Result<axum::body::Bytes, Problem> {
    axum::body::Bytes::from_request(request, app).await.map_err(|err| {
        if err.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return too_large();
        }
        Problem::new(Kind::BadRequest, "the body broke off before its end; send it again")
    })
}

/// What a query says.
struct Query<T>(T);

impl<T: DeserializeOwned> axum::extract::FromRequestParts<Shared> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &Shared,
    ) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|query| Self(query.0)).map_err(|err| {
            let detail = format!("the query cannot be read: {}", err.body_text());
            Problem::new(Kind::BadRequest, detail)
        })
    }
}
