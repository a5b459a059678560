//! Submitting an episode.

use axum::extract::{DefaultBodyLimit, Extension, FromRequest as _, Multipart, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use schemars::JsonSchema;
use schemas::{Edits, EpisodeId, Progress, SubmissionId, SynthKey};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tracing::error;

use super::{Query, body};
use crate::plan::Plan;
use crate::price::{Price, measured_speed};
use crate::serve::api::{Api, Content, Operation, json};
use crate::serve::app::Shared;
use crate::serve::auth::Principal;
use crate::serve::faults::of_submit;
use crate::serve::form;
use crate::serve::idempotency::{self, Claim};
use crate::serve::problem::{Answer, Kind, Problem};
use crate::serve::request::EpisodeRequest;
use crate::serve::upload::{ScriptDoubt, Sent, doubts};
use crate::submit::{Prepared, Upload, choose_engines, prepare, submit};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

pub(super) fn routes(api: Api, body_bytes: usize) -> Api {
    let form = Content { media: "multipart/form-data", ..json::<EpisodeRequest>() };
    let operation = Operation::post("/v1/episodes", "Submits an episode to be rendered")
        .notes(
            "As JSON or as a form of the same fields: there script, cast and lexicon are files, and \
             each recording is a file in a field `recording` under the name that the cast gives it. \
             The same episode again adds nothing; an edited one replaces what is still open of it. \
             With `Idempotency-Key` the same request gives the same answer for 24 hours, marked \
             `Idempotency-Replayed: true`, and another request with that key is refused with 422.",
        )
        .query::<bool>("plan", "Plan only: say what would be rendered, and change nothing")
        .query::<bool>("confirm", "Go on though approved lines go stale that the script did not change")
        .header("Idempotency-Key", "1 to 255 printable ASCII characters, e.g. a UUID")
        .takes(json::<EpisodeRequest>(), true)
        .takes(form, true)
        .gives(StatusCode::ACCEPTED, "Its lines are queued; `Location` follows it", json::<Taken>())
        .gives(StatusCode::OK, "What would be rendered", json::<Planned>())
        .fails(&[
            (
                StatusCode::CONFLICT,
                "Approved lines would go stale: `price` says which, and `confirm` goes on; or the first \
                 request with this key is still being answered",
            ),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is neither JSON nor a form"),
        ]);
    api.add(operation, post(submit_episode).layer(DefaultBodyLimit::max(body_bytes)))
}

/// How a submission is asked for.
#[derive(Debug, Deserialize)]
struct How {
    #[serde(default)]
    plan: bool,
    #[serde(default)]
    confirm: bool,
}

/// What became of a submission that was taken in.
#[derive(Debug, Serialize, JsonSchema)]
struct Taken {
    /// Names it.
    submission: SubmissionId,
    /// The episode it is a submission of.
    episode: EpisodeId,
    /// Lines it has.
    lines: u64,
    /// Lines added now; 0 when it was in the queue already.
    added: u64,
    /// Lines that had failed or were cancelled and are tried again.
    revived: u64,
    /// Open lines of earlier submissions of the episode that are not rendered any more.
    superseded: u64,
    /// Whether its audio was gone from the store and is made again.
    is_restarted: bool,
    /// What it changes against the submission before; absent for the first.
    edits: Option<Edits>,
    /// What the reader of the script was not sure of; the first 100.
    doubts: Vec<ScriptDoubt>,
    /// How far it is.
    progress: Progress,
}

/// What would be rendered.
#[derive(Debug, Serialize, JsonSchema)]
struct Planned {
    /// The episode it would be a submission of.
    episode: EpisodeId,
    /// The plan.
    #[serde(flatten)]
    plan: Plan,
    /// Takes of the plan that are in the store already.
    rendered: Vec<SynthKey>,
    /// What it would change against the last submission; absent when there was none.
    edits: Option<Edits>,
    /// What it costs that lines sound otherwise though the script is the same; absent when none does
    /// that was rendered.
    price: Option<Price>,
    /// What the reader of the script was not sure of; the first 100.
    doubts: Vec<ScriptDoubt>,
}

async fn submit_episode(
    State(app): State<Shared>,
    Extension(who): Extension<Principal>,
    Query(how): Query<How>,
    request: Request,
) -> Answer<Response> {
    let key = key_of(request.headers())?;
    let Ok(received) = app.uploads.clone().acquire_owned().await else { return Err(ending()) };
    let sent = read(request, &app).await?;
    if how.plan {
        let planned = blocking(app, received, move |app| Box::pin(plan_sent(app, sent))).await?;
        return Ok(axum::Json(planned).into_response());
    }
    let claim = match key {
        Some(key) => {
            let hash = sent.sha256();
            Some(idempotency::claim(&key, &who, hash, &app.store, &app.in_flight).await?)
        }
        None => None,
    };
    if let Some(answer) = claim.as_ref().and_then(|claim| claim.answer.clone()) {
        let mut response = accepted(&answer)?;
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        return Ok(response);
    }
    // Goes on when the client hangs up: what was begun is ended, and remembered under its key.
    let task = tokio::spawn(blocking(app, received, move |app| {
        Box::pin(submit_sent(app, sent, claim, how.confirm))
    }));
    accepted(&task.await.map_err(|_| failed())??)
}

fn key_of(headers: &HeaderMap) -> Answer<Option<String>> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let unreadable = || Problem::new(Kind::BadRequest, "the Idempotency-Key is no ASCII text");
    key.to_str().map(|key| Some(key.to_owned())).map_err(|_| unreadable())
}

/// Reads the body, JSON or form.
async fn read(request: Request, app: &Shared) -> Answer<Sent> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return EpisodeRequest::read(&body(request, app).await?);
    }
    if !media.eq_ignore_ascii_case("multipart/form-data") {
        let detail = "send an episode as application/json or multipart/form-data";
        return Err(Problem::new(Kind::UnsupportedMedia, detail));
    }
    let form = Multipart::from_request(request, app).await;
    form::read(form.map_err(|err| Problem::new(Kind::BadRequest, err.body_text()))?).await
}

type Work<T> = std::pin::Pin<Box<dyn Future<Output = Answer<T>> + Send>>;

/// Does work on a thread that may block: reading and planning a script takes as long as it is long.
/// Keeps the seat of what was received for as long.
async fn blocking<T: Send + 'static>(
    app: Shared,
    _received: OwnedSemaphorePermit,
    work: impl FnOnce(Shared) -> Work<T> + Send + 'static,
) -> Answer<T> {
    let Ok(_seat) = app.planning.acquire().await else { return Err(ending()) };
    let shared = app.clone();
    let done = tokio::task::spawn_blocking(move || Handle::current().block_on(work(shared)));
    done.await.map_err(|_| failed())?
}

async fn plan_sent(app: Shared, sent: Sent) -> Answer<Planned> {
    let mut upload = sent.read(&sent.locks(&app.store).await)?;
    let Prepared { plan, takes, edits, price, .. } = prepare_sent(&app, &sent, &mut upload).await?;
    Ok(Planned {
        episode: upload.episode,
        plan,
        rendered: takes.into_keys().collect(),
        edits,
        price,
        doubts: doubts(&upload.script.doubts),
    })
}

/// Submits an episode; gives the answer as it is remembered under the request's key.
async fn submit_sent(
    app: Shared,
    sent: Sent,
    claim: Option<Claim>,
    is_confirmed: bool,
) -> Answer<serde_json::Value> {
    let mut upload = sent.read(&sent.locks(&app.store).await)?;
    let prepared = prepare_sent(&app, &sent, &mut upload).await?;
    if let Some(price) = prepared.price.as_ref().filter(|price| price.approved > 0)
        && !is_confirmed
    {
        let detail = format!(
            "{} approved lines would go stale though the script is the same; send it again with \
             `confirm=true` to render them anew, or take the change of the cast back",
            price.approved
        );
        return Err(Problem::new(Kind::Conflict, detail).at_price(price.clone()));
    }
    if let Some(claim) = &claim {
        claim.begin(&app.store).await?;
    }
    let submitted = submit(&upload, prepared, app.queue.as_ref(), &app.store)
        .await
        .map_err(|err| of_submit(err, &sent.script.name))?;
    let progress = app.queue.progress(&submitted.id).await?.ok_or_else(failed)?;
    let taken = Taken {
        submission: submitted.id,
        episode: upload.episode,
        lines: submitted.prepared.plan.lines.len() as u64,
        added: submitted.added.lines,
        revived: submitted.added.revived,
        superseded: submitted.added.superseded,
        is_restarted: submitted.is_restarted,
        edits: submitted.prepared.edits,
        doubts: doubts(&upload.script.doubts),
        progress,
    };
    let answer = serde_json::to_value(&taken).map_err(|_| failed())?;
    if let Some(claim) = &claim {
        claim.keep(&answer, &app.store).await?;
    }
    Ok(answer)
}

/// Plans an upload for the engines that were named, else for those of the workers.
async fn prepare_sent(app: &Shared, sent: &Sent, upload: &mut Upload) -> Answer<Prepared> {
    let told = |err| of_submit(err, &sent.script.name);
    choose_engines(upload, sent.engines(), app.queue.as_ref()).await.map_err(told)?;
    let mut prepared = prepare(upload, &app.store).await.map_err(told)?;
    if let Some(price) = prepared.price.take() {
        prepared.price = Some(price.at_speed(measured_speed(app.queue.as_ref()).await?));
    }
    Ok(prepared)
}

/// The answer to a submission, now or when it is asked for again.
fn accepted(answer: &serde_json::Value) -> Answer<Response> {
    let id = answer["submission"].as_str().unwrap_or_default();
    let location = format!("/v1/submissions/{id}");
    let location = HeaderValue::from_str(&location).map_err(|_| failed())?;
    let mut response = (StatusCode::ACCEPTED, axum::Json(answer)).into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

fn ending() -> Problem {
    Problem::new(Kind::Unavailable, "the server is ending").after(5)
}

fn failed() -> Problem {
    error!("a submission was not ended");
    Problem::new(Kind::Internal, "the submission failed; the server's log says how")
}
