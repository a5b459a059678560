//! Retrying, cancelling, pausing, resuming and forgetting.

use axum::extract::State;
use axum::http::StatusCode;
use queue::{Selection, SubmissionChange};
use schemars::JsonSchema;
use schemas::{LineId, LineRecord, Progress, SubmissionId};
use serde::{Deserialize, Serialize};

use super::episodes::gone;
use super::{Json, about_submission};
use crate::serve::api::{Api, Operation, json};
use crate::serve::app::{App, Shared};
use crate::serve::problem::{Answer, Kind, Problem};
use crate::serve::target::Target;

pub(super) fn routes(api: Api, kind: &str) -> Api {
    let of_lines = |what: &str, summary| {
        about_submission(Operation::post(format!("{kind}/{what}"), summary))
            .takes(json::<Lines>(), false)
            .gives(StatusCode::OK, "How many lines that were", json::<Changed>())
    };
    let of_whole = |what: &str, summary| {
        about_submission(Operation::post(format!("{kind}/{what}"), summary)).gives(
            StatusCode::OK,
            "How far it is",
            json::<Progress>(),
        )
    };
    let forget = about_submission(Operation::delete(
        kind,
        "Deletes a finished submission from the queue; what was rendered stays in the store",
    ))
    .gives(StatusCode::OK, "How many lines it had", json::<Changed>())
    .fails(&[(StatusCode::CONFLICT, "It has open lines: cancel it first")]);
    api.route(of_lines("retry", "Sets failed and cancelled lines going again"), retry)
        .route(of_lines("cancel", "Stops wanting lines"), cancel)
        .route(of_whole("pause", "Hands out no more lines"), pause)
        .route(of_whole("resume", "Takes back a pause"), resume)
        .route(forget, forget_it)
}

/// Which lines a change is about; all of them when it says neither.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lines {
    /// Only this one.
    line: Option<LineId>,
    /// Only those of this character, in capitals or not.
    character: Option<String>,
}

/// How many lines were changed.
#[derive(Debug, Serialize, JsonSchema)]
struct Changed {
    /// Of which submission.
    submission: SubmissionId,
    /// So many.
    lines: u64,
}

async fn retry(
    State(app): State<Shared>,
    target: Target,
    Json(lines): Json<Lines>,
) -> Answer<axum::Json<Changed>> {
    let selection = select(&app, &target, lines).await?;
    let lines = app.queue.retry(&selection).await?;
    Ok(axum::Json(Changed { submission: selection.submission, lines }))
}

async fn cancel(
    State(app): State<Shared>,
    target: Target,
    Json(lines): Json<Lines>,
) -> Answer<axum::Json<Changed>> {
    let selection = select(&app, &target, lines).await?;
    let lines = app.queue.cancel(&selection).await?;
    Ok(axum::Json(Changed { submission: selection.submission, lines }))
}

async fn pause(State(app): State<Shared>, target: Target) -> Answer<axum::Json<Progress>> {
    change(&app, &target, SubmissionChange::Pause).await
}

async fn resume(State(app): State<Shared>, target: Target) -> Answer<axum::Json<Progress>> {
    change(&app, &target, SubmissionChange::Resume).await
}

async fn change(
    app: &App,
    target: &Target,
    change: SubmissionChange,
) -> Answer<axum::Json<Progress>> {
    app.queue.change(target.id(), change).await?;
    let progress = app.queue.progress(target.id()).await?;
    Ok(axum::Json(progress.ok_or_else(|| gone(target.id()))?))
}

async fn forget_it(State(app): State<Shared>, target: Target) -> Answer<axum::Json<Changed>> {
    let lines = app.queue.forget(target.id()).await?;
    Ok(axum::Json(Changed { submission: target.progress.submission, lines }))
}

async fn select(app: &App, target: &Target, lines: Lines) -> Answer<Selection> {
    let submission = target.id().clone();
    let Lines { line, character } = lines;
    if line.is_none() && character.is_none() {
        return Ok(Selection { submission, line, character });
    }
    let records = app.queue.lines(&submission).await?;
    if let Some(line) = &line
        && !records.iter().any(|record| record.job.id == *line)
    {
        return Err(Problem::new(Kind::NotFound, format!("no line `{line}` in {submission}")));
    }
    let character = match character {
        Some(wanted) => Some(character_called(&wanted, &records, &submission)?),
        None => None,
    };
    Ok(Selection { submission, line, character })
}

/// The character of that name as it is cast.
fn character_called(
    wanted: &str,
    records: &[LineRecord],
    submission: &SubmissionId,
) -> Answer<String> {
    let folded = wanted.to_lowercase();
    let names = || records.iter().map(|record| record.job.character.as_str());
    let exact = names().find(|name| *name == wanted);
    let found = exact.or_else(|| names().find(|name| name.to_lowercase() == folded));
    found.map(str::to_owned).ok_or_else(|| {
        let detail =
            format!("no character of that name in {submission}; its lines name those it has");
        Problem::new(Kind::NotFound, detail)
    })
}
