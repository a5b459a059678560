//! The lines of a submission.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use schemas::{LineRecord, LineState, QueueEvent, SubmissionId};
use serde::{Deserialize, Serialize};

use super::{Query, about_submission};
use crate::serve::api::{Api, Operation, json};
use crate::serve::app::Shared;
use crate::serve::problem::{Answer, Kind, Problem};
use crate::serve::target::Target;

/// Lines on one page when the client does not say.
const USUAL: usize = 100;
/// Lines on one page at most.
const MOST: usize = 1_000;

pub(super) fn routes(api: Api, kind: &str) -> Api {
    let list = about_submission(Operation::get(format!("{kind}/lines"), "Its lines, page by page"))
        .query::<u32>("after", "Only lines behind the one of this order: `next` of the page before")
        .query::<usize>("limit", "Lines on the page, 1 to 1000; 100 when absent")
        .query::<LineState>("state", "Only lines that stand there")
        .query::<String>("character", "Only lines of this character, as cast")
        .gives(StatusCode::OK, "In script order", json::<Page>());
    let one = about_submission(Operation::get(
        format!("{kind}/lines/{{line}}"),
        "One line: where it stands, what happened to it, and why it failed",
    ))
    .path::<String>("line", "A line, e.g. `sc001-l0004`")
    .gives(StatusCode::OK, "As it is now", json::<Story>());
    api.route(list, page).route(one, story)
}

/// Which lines are asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    after: Option<u32>,
    limit: Option<usize>,
    state: Option<LineState>,
    character: Option<String>,
}

/// Some lines of a submission.
#[derive(Debug, Serialize, JsonSchema)]
struct Page {
    /// Of which submission.
    submission: SubmissionId,
    /// In script order.
    lines: Vec<LineRecord>,
    /// What to send as `after` for the next page; absent when there is none.
    next: Option<u32>,
}

/// One line and what happened to it.
#[derive(Debug, Serialize, JsonSchema)]
struct Story {
    /// Of which submission.
    submission: SubmissionId,
    /// All that the queue knows of it.
    line: LineRecord,
    /// What happened to it, oldest first, as far as the queue remembers.
    events: Vec<QueueEvent>,
}

async fn page(
    State(app): State<Shared>,
    target: Target,
    Query(asked): Query<Asked>,
) -> Answer<Json<Page>> {
    let Asked { after, limit, state, character } = asked;
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::new(Kind::BadRequest, format!("choose a limit of 1 to {MOST}")));
    }
    let mut lines = app.queue.lines(target.id()).await?;
    lines.retain(|record| {
        after.is_none_or(|after| record.order > after)
            && state.is_none_or(|state| record.state == state)
            && character.as_ref().is_none_or(|name| record.job.character == *name)
    });
    let next = lines.get(limit - 1).filter(|_| lines.len() > limit).map(|record| record.order);
    lines.truncate(limit);
    Ok(Json(Page { submission: target.progress.submission, lines, next }))
}

async fn story(State(app): State<Shared>, target: Target) -> Answer<Json<Story>> {
    let line = target.record(app.queue.as_ref()).await?;
    let events = app.queue.line_events(target.id(), &line.job.id).await?;
    Ok(Json(Story { submission: target.progress.submission, line, events }))
}
