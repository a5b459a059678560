//! How far episodes are.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use queue::{Queue, QueueError};
use schemas::{Manifest, Progress, SubmissionId};

use super::{OF_EPISODES, OF_SUBMISSIONS, about_submission};
use crate::finish::manifest_now;
use crate::serve::api::{Api, Operation, json};
use crate::serve::app::Shared;
use crate::serve::problem::Answer;
use crate::serve::tagged::tagged;
use crate::serve::target::Target;

pub(super) fn routes(mut api: Api) -> Api {
    let list = |path, summary| {
        Operation::get(path, summary).gives(
            StatusCode::OK,
            "The one submitted last first",
            json::<Vec<Progress>>(),
        )
    };
    api = api
        .route(list("/v1/episodes", "How far every episode is: its newest submission"), newest)
        .route(list("/v1/submissions", "How far every submission is"), submissions);
    for kind in [OF_EPISODES, OF_SUBMISSIONS] {
        let progress = Operation::get(kind, "How far it is, as `tableread status --json` says it");
        let manifest = Operation::get(
            format!("{kind}/manifest"),
            "What became of every line, as things stand now",
        );
        let manifest = about_submission(manifest).gives(
            StatusCode::OK,
            "In script order; `ETag` changes with it",
            json::<Manifest>(),
        );
        api = api
            .route(
                about_submission(progress).gives(
                    StatusCode::OK,
                    "As it is now",
                    json::<Progress>(),
                ),
                show,
            )
            .route(manifest, show_manifest);
    }
    api
}

async fn newest(State(app): State<Shared>) -> Answer<Json<Vec<Progress>>> {
    Ok(Json(newest_of_each(app.queue.as_ref()).await?))
}

/// How far the newest submission of every episode is, the one submitted last first.
pub(in crate::serve) async fn newest_of_each(
    queue: &dyn Queue,
) -> Result<Vec<Progress>, QueueError> {
    let mut all = queue.submissions(None).await?;
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|progress| seen.insert(progress.episode.clone()));
    Ok(all)
}

async fn submissions(State(app): State<Shared>) -> Answer<Json<Vec<Progress>>> {
    Ok(Json(app.queue.submissions(None).await?))
}

async fn show(target: Target) -> Json<Progress> {
    Json(target.progress)
}

async fn show_manifest(
    State(app): State<Shared>,
    target: Target,
    headers: axum::http::HeaderMap,
) -> Answer<axum::response::Response> {
    let manifest = manifest_now(app.queue.as_ref(), &app.store, target.id()).await?;
    Ok(tagged(&headers, "application/json", crate::export::manifest_json(&manifest)))
}

/// What the queue says of a submission that is gone by now.
pub(super) fn gone(id: &SubmissionId) -> QueueError {
    QueueError::NoSuchSubmission(id.to_string())
}
