//! Audio: of lines, by content, and of the whole episode.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use schemas::{
    DeliveryFacts, LineRecord, LineState, Manifest, MasterKey, delivery_object, master_object,
};
use serde::{Deserialize, Serialize};

use super::{Query, about_submission};
use crate::serve::api::{Api, Operation, bytes, json};
use crate::serve::app::{App, Shared};
use crate::serve::object::{Object, Source};
use crate::serve::problem::{Answer, Kind, Problem};
use crate::serve::target::{Target, bad_id, path_part};

const M4A: &str = "audio/mp4";
const WAV: &str = "audio/wav";
/// How long a presigned link holds when the client does not say, in seconds.
const USUAL_LINK_S: u64 = 15 * 60;
/// How long one may hold, in seconds.
const LONGEST_LINK_S: u64 = 60 * 60;

pub(super) fn routes(api: Api, kind: &str) -> Api {
    let of_line = |file: &str, summary, media| {
        let path = format!("{kind}/lines/{{line}}/{file}");
        linked(about_submission(ranged(Operation::get(path, summary), media)))
            .path::<String>("line", "A line, e.g. `sc001-l0004`")
            .notes(
                "The line's audio as it is now: it changes when the line is rendered again, so ask \
                 with `If-None-Match`. `Content-Location` names these very bytes for good.",
            )
            .fails(&[(StatusCode::CONFLICT, "The line is not delivered")])
    };
    let mix = Operation::get(format!("{kind}/episode.m4a"), "The episode's mix, once exported")
        .notes(
            "What `tableread export`, `render` or `enqueue --wait` last wrote of this very \
             submission into the server's --out folder.",
        );
    api.route(of_line("audio.m4a", "A line's delivery: AAC in MP4", M4A), line_delivery)
        .route(of_line("master.wav", "A line's master: 24-bit WAV", WAV), line_master)
        .route(about_submission(ranged(mix, M4A)), episode_mix)
}

pub(super) fn content_routes(api: Api) -> Api {
    let by_key = |path: &str, summary, media| {
        linked(ranged(Operation::get(path, summary), media))
            .path::<String>("key", "64 hex digits: `master_key` in a line's delivery")
            .fails(&[(StatusCode::NOT_FOUND, "There is nothing of that key")])
            .notes("Never changes: keep it for as long as you like.")
    };
    api.route(by_key("/v1/deliveries/{key}", "A delivery by its key", M4A), delivery_by_key)
        .route(by_key("/v1/masters/{key}", "A master by its key", WAV), master_by_key)
}

/// What can be asked for in pieces.
fn ranged(operation: Operation, media: &'static str) -> Operation {
    operation
        .header("Range", "`bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`")
        .header("If-Range", "Answer whole unless the tag is this one")
        .header("If-None-Match", "Answer with nothing if the tag is this one")
        .gives(StatusCode::OK, "All of it", bytes(media))
        .gives(StatusCode::PARTIAL_CONTENT, "The range asked for", bytes(media))
        .gives_nothing(StatusCode::NOT_MODIFIED, "The client has it already")
        .fails(&[(StatusCode::RANGE_NOT_SATISFIABLE, "The range is outside of it")])
}

/// What the store may be asked for directly.
fn linked(operation: Operation) -> Operation {
    operation
        .query::<bool>("presign", "Answer with a link that fetches it from the store, for a while")
        .query::<u64>("expires_s", "How long the link holds: 1 to 3600 s, 900 when absent")
        .gives(StatusCode::OK, "With `presign`, the link", json::<Link>())
        .fails(&[(StatusCode::NOT_IMPLEMENTED, "The store gives no links: fetch it from here")])
}

/// How audio is asked for.
#[derive(Debug, Deserialize)]
struct How {
    #[serde(default)]
    presign: bool,
    expires_s: Option<u64>,
}

/// A link that fetches an object from the store without a token.
#[derive(Debug, Serialize, JsonSchema)]
struct Link {
    /// Whoever has it may fetch the object.
    url: String,
    /// When it stops to work; Unix milliseconds by the server's clock.
    expires_at_ms: u64,
}

/// The key that a path names.
struct Key(MasterKey);

impl FromRequestParts<Shared> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let key = path_part(parts, app, "key").await?.unwrap_or_default();
        MasterKey::parse(key).map(Self).map_err(bad_id)
    }
}

async fn line_delivery(
    State(app): State<Shared>,
    target: Target,
    headers: HeaderMap,
    Query(how): Query<How>,
) -> Answer<Response> {
    let facts = delivered(target.record(app.queue.as_ref()).await?)?;
    let object = Object {
        source: Source::Store(delivery_object(&facts.master_key)),
        media: M4A,
        etag: facts.delivery_sha256.clone(),
        bytes: facts.delivery_bytes,
        content_location: Some(format!("/v1/deliveries/{}", facts.master_key)),
        never_changes: false,
    };
    answer(&app, object, &headers, &how).await
}

async fn line_master(
    State(app): State<Shared>,
    target: Target,
    headers: HeaderMap,
    Query(how): Query<How>,
) -> Answer<Response> {
    let facts = delivered(target.record(app.queue.as_ref()).await?)?;
    let object = Object {
        source: Source::Store(master_object(&facts.master_key)),
        media: WAV,
        etag: facts.master_key.to_string(),
        bytes: facts.master_bytes,
        content_location: Some(format!("/v1/masters/{}", facts.master_key)),
        never_changes: false,
    };
    answer(&app, object, &headers, &how).await
}

async fn delivery_by_key(
    State(app): State<Shared>,
    Key(key): Key,
    headers: HeaderMap,
    Query(how): Query<How>,
) -> Answer<Response> {
    by_key(&app, &key, (delivery_object(&key), M4A), &headers, &how).await
}

async fn master_by_key(
    State(app): State<Shared>,
    Key(key): Key,
    headers: HeaderMap,
    Query(how): Query<How>,
) -> Answer<Response> {
    by_key(&app, &key, (master_object(&key), WAV), &headers, &how).await
}

async fn by_key(
    app: &App,
    key: &MasterKey,
    (object, media): (String, &'static str),
    headers: &HeaderMap,
    how: &How,
) -> Answer<Response> {
    let missing = || Problem::new(Kind::NotFound, "there is no audio of that key in the store");
    let bytes = app.store.size(&object).await?.ok_or_else(missing)?;
    let object = Object {
        source: Source::Store(object),
        media,
        etag: key.to_string(),
        bytes,
        content_location: None,
        never_changes: true,
    };
    answer(app, object, headers, how).await
}

/// What was delivered of a line.
fn delivered(record: LineRecord) -> Answer<DeliveryFacts> {
    match (record.state, record.delivery) {
        (LineState::Done, Some(facts)) => Ok(facts),
        (state, _) => {
            let state = format!("{state:?}").to_lowercase();
            let why = record.failure.map(|failure| format!(": {}", failure.message));
            let (line, why) = (&record.job.id, why.unwrap_or_default());
            let detail = format!("line {line} has no audio: it is {state}{why}");
            Err(Problem::new(Kind::Conflict, detail))
        }
    }
}

async fn answer(app: &App, object: Object, headers: &HeaderMap, how: &How) -> Answer<Response> {
    if !how.presign {
        return object.answer(&app.store, headers).await;
    }
    let seconds = how.expires_s.unwrap_or(USUAL_LINK_S);
    if !(1..=LONGEST_LINK_S).contains(&seconds) {
        let detail = format!("choose an expires_s of 1 to {LONGEST_LINK_S}");
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let holds = Duration::from_secs(seconds);
    let expires_at = SystemTime::now() + holds;
    let Source::Store(key) = &object.source else { return Err(no_links()) };
    let url = app.store.presign(key, holds).await?.ok_or_else(no_links)?;
    let since = expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let expires_at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Ok(axum::Json(Link { url, expires_at_ms }).into_response())
}

fn no_links() -> Problem {
    Problem::new(Kind::NotSupported, "this store gives no links; leave `presign` out")
}

async fn episode_mix(
    State(app): State<Shared>,
    target: Target,
    headers: HeaderMap,
) -> Answer<Response> {
    let missing = || {
        let detail = "this submission's mix was not exported into the server's folder; run \
                      `tableread export` there";
        Problem::new(Kind::NotFound, detail)
    };
    let exports = app.exports.clone().ok_or_else(missing)?;
    let found = tokio::task::spawn_blocking(move || exported_mix(exports, &target)).await;
    let (path, etag, bytes) = found.ok().flatten().ok_or_else(missing)?;
    let object = Object {
        source: Source::File(path),
        media: M4A,
        etag,
        bytes,
        content_location: None,
        never_changes: false,
    };
    object.answer(&app.store, &headers).await
}

/// The mix's file, its tag and its length in bytes, when the folder holds that of this submission.
pub(in crate::serve) fn exported_mix(
    exports: PathBuf,
    target: &Target,
) -> Option<(PathBuf, String, u64)> {
    let of_its_own = exports.join("episodes").join(target.progress.episode.as_str());
    [exports, of_its_own].into_iter().find_map(|folder| {
        let json = std::fs::read(folder.join("manifest.json")).ok()?;
        let manifest: Manifest = serde_json::from_slice(&json).ok()?;
        if manifest.submission != *target.id() {
            return None;
        }
        let path = folder.join("episode.m4a");
        let bytes = std::fs::metadata(&path).ok()?.len();
        // The mix follows from the manifest, which is written after it.
        Some((path, schemas::hex(&<sha2::Sha256 as sha2::Digest>::digest(&json)), bytes))
    })
}
