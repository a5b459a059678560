//! Which submission a path is about.

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use queue::Queue;
use schemas::{BadId, EpisodeId, LineId, LineRecord, Progress, SubmissionId, WorkerId};

use super::app::Shared;
use super::problem::{Kind, Problem};

/// The submission that a path names: `/v1/episodes/{id}` is the newest of an episode, as is the page
/// `/episodes/{id}`; `/v1/submissions/{id}` is one of that name.
#[derive(Debug)]
pub(super) struct Target {
    /// How far it is.
    pub(super) progress: Progress,
    /// The line, where the path has one; not looked up yet.
    pub(super) line: Option<LineId>,
}

impl Target {
    /// The submission's name.
    pub(super) fn id(&self) -> &SubmissionId {
        &self.progress.submission
    }

    /// All that the queue knows of the path's line.
    ///
    /// # Errors
    /// When there is no such line, or the queue cannot be asked.
    pub(super) async fn record(&self, queue: &dyn Queue) -> Result<LineRecord, Problem> {
        let records = queue.lines(self.id()).await?;
        let found = records.into_iter().find(|record| Some(&record.job.id) == self.line.as_ref());
        found.ok_or_else(|| {
            let line = self.line.as_ref().map_or("", LineId::as_str);
            Problem::new(Kind::NotFound, format!("no line `{line}` in {}", self.id()))
        })
    }
}

impl FromRequestParts<Shared> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let route = MatchedPath::from_request_parts(parts, app).await.map_err(|_| odd_path())?;
        let id = path_part(parts, app, "id").await?.ok_or_else(odd_path)?;
        let line = match path_part(parts, app, "line").await? {
            Some(line) => Some(LineId::parse(line).map_err(bad_id)?),
            None => None,
        };
        let is_of_episode =
            ["/v1/episodes/", "/episodes/"].iter().any(|kind| route.as_str().starts_with(kind));
        let progress = if is_of_episode {
            newest(app.queue.as_ref(), &EpisodeId::parse(id).map_err(bad_id)?).await?
        } else {
            let id = SubmissionId::parse(id).map_err(bad_id)?;
            let gone =
                || Problem::new(Kind::NotFound, format!("no submission `{id}` in this queue"));
            app.queue.progress(&id).await?.ok_or_else(gone)?
        };
        Ok(Self { progress, line })
    }
}

async fn newest(queue: &dyn Queue, episode: &EpisodeId) -> Result<Progress, Problem> {
    let all = queue.submissions(Some(episode)).await?;
    all.into_iter().next().ok_or_else(|| {
        let detail = format!(
            "no episode `{episode}` in this queue; /v1/episodes lists those that there are"
        );
        Problem::new(Kind::NotFound, detail)
    })
}

/// The worker that a path names; whether there is one is for the queue to say.
#[derive(Debug)]
pub(super) struct Named(pub(super) WorkerId);

impl FromRequestParts<Shared> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let name = path_part(parts, app, "name").await?.ok_or_else(odd_path)?;
        WorkerId::parse(name).map(Self).map_err(bad_id)
    }
}

/// One part of the path, percent-decoded; `None` when the route has none of that name.
pub(super) async fn path_part(
    parts: &mut Parts,
    app: &Shared,
    name: &str,
) -> Result<Option<String>, Problem> {
    let all = RawPathParams::from_request_parts(parts, app).await.map_err(|_| odd_path())?;
    let found = all.iter().find(|(key, _)| *key == name);
    Ok(found.map(|(_, value)| value.to_owned()))
}

fn odd_path() -> Problem {
    Problem::new(Kind::BadRequest, "the path cannot be read; see /openapi.json for those there are")
}

/// Tells what an id may be; the one given is not repeated, it could be anything.
pub(super) fn bad_id(_: BadId) -> Problem {
    let detail = "the path has something that is no id: those are 1 to 80 of the letters a-z A-Z, \
                  digits, `-`, `_` and `.`, starting with a letter or digit";
    Problem::new(Kind::BadRequest, detail)
}
