//! Events as they happen: server-sent events, WHATWG HTML section 9.2.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use schemas::{EpisodeId, QueueEvent, SubmissionId};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tracing::debug;

use super::{OF_EPISODES, Query, about_submission};
use crate::serve::api::{Api, Content, Operation, schema_of};
use crate::serve::app::Shared;
use crate::serve::hub::PAGE;
use crate::serve::problem::{Answer, Kind, Problem};
use crate::serve::target::Target;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(super) fn routes(api: Api, kind: &str) -> Api {
    let operation = Operation::get(format!("{kind}/events"), "Its events as they happen");
    let operation = about_submission(described(operation));
    if kind == OF_EPISODES {
        api.route(operation, of_episode)
    } else {
        api.route(operation, of_submission)
    }
}

pub(super) fn farm_route(api: Api) -> Api {
    let operation = Operation::get("/v1/events", "Events of the whole farm as they happen");
    api.route(described(operation), of_farm)
}

fn described(operation: Operation) -> Operation {
    let events = Content { media: "text/event-stream", schema: Some(schema_of::<QueueEvent>()) };
    operation
        .notes(
            "Server-sent events: `id` is the event's number, `event` is `line` or `submission`, \
             `data` the event as JSON. Without a number it begins with what happens from now on. A \
             client that falls too far behind is dropped, and goes on where it was when it comes \
             back with `Last-Event-ID`, as browsers do by themselves. Silence is broken by comments.",
        )
        .header("Last-Event-ID", "Begin behind the event of this number")
        .query::<u64>("after", "The same, where no header can be sent")
        .gives(StatusCode::OK, "For as long as the client listens", events)
}

/// Where to begin.
#[derive(Debug, Deserialize)]
struct Begin {
    after: Option<u64>,
}

/// Whose events a client wants.
enum Whose {
    Farm,
    Submission(SubmissionId),
    /// All submissions of an episode, also those that come later.
    Episode {
        episode: EpisodeId,
        /// Whether a submission is of the episode, for those met so far.
        known: BTreeMap<SubmissionId, bool>,
    },
}

type Events = Sse<axum::response::sse::KeepAliveStream<EventStream>>;
type EventStream = std::pin::Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>;

async fn of_farm(
    State(app): State<Shared>,
    headers: HeaderMap,
    Query(begin): Query<Begin>,
) -> Answer<Events> {
    follow(app, &headers, &begin, Whose::Farm).await
}

async fn of_submission(
    State(app): State<Shared>,
    target: Target,
    headers: HeaderMap,
    Query(begin): Query<Begin>,
) -> Answer<Events> {
    follow(app, &headers, &begin, Whose::Submission(target.progress.submission)).await
}

async fn of_episode(
    State(app): State<Shared>,
    target: Target,
    headers: HeaderMap,
    Query(begin): Query<Begin>,
) -> Answer<Events> {
    let episode = target.progress.episode;
    let known = BTreeMap::from([(target.progress.submission, true)]);
    follow(app, &headers, &begin, Whose::Episode { episode, known }).await
}

async fn follow(app: Shared, headers: &HeaderMap, begin: &Begin, whose: Whose) -> Answer<Events> {
    let after = match headers.get(LAST_EVENT_ID) {
        Some(id) => {
            Some(id.to_str().ok().and_then(|id| id.trim().parse().ok()).ok_or_else(|| {
                Problem::new(Kind::BadRequest, "the Last-Event-ID is no number of an event")
            })?)
        }
        None => begin.after,
    };
    let seat = app.followers.clone().try_acquire_owned().map_err(|_| {
        Problem::new(Kind::Unavailable, "too many clients follow events already").after(10)
    })?;
    let ending = || Problem::new(Kind::Unavailable, "the server is ending").after(5);
    let (receiver, reached) = app.hub.follow().await.ok_or_else(ending)?;
    let heartbeat = app.limits.heartbeat;
    let follower = Follower {
        last: after.unwrap_or(reached),
        is_behind: after.is_some_and(|after| after < reached),
        page: VecDeque::new(),
        app,
        receiver,
        whose,
        _seat: seat,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(written(&event)), follower))
    });
    let events: EventStream = Box::pin(events);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(heartbeat).text("still here")))
}

fn written(event: &QueueEvent) -> Event {
    let data = serde_json::to_string(event).expect("an event is plain text and numbers");
    let kind = if event.line.is_some() { "line" } else { "submission" };
    Event::default().id(event.number.to_string()).event(kind).data(data)
}

/// One client that follows events.
struct Follower {
    app: Shared,
    receiver: broadcast::Receiver<Arc<QueueEvent>>,
    whose: Whose,
    /// The number of the last event it was given, or passed over.
    last: u64,
    /// Whether it still reads what the queue has from before it came.
    is_behind: bool,
    page: VecDeque<QueueEvent>,
    _seat: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event for it; `None` when its stream is to end.
    async fn next(&mut self) -> Option<Arc<QueueEvent>> {
        let stop = self.app.stop.clone();
        tokio::select! {
            () = stop.cancelled() => None,
            event = self.next_wanted() => event,
        }
    }

    async fn next_wanted(&mut self) -> Option<Arc<QueueEvent>> {
        loop {
            let event = if self.is_behind {
                match self.next_of_page().await? {
                    Some(event) => Arc::new(event),
                    None => continue,
                }
            } else {
                match self.receiver.recv().await {
                    Ok(event) => event,
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        debug!(missed, "a follower fell behind and is dropped");
                        return None;
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            };
            // The last page and the receiver overlap.
            if event.number <= self.last {
                continue;
            }
            self.last = event.number;
            if self.is_wanted(&event).await? {
                return Some(event);
            }
        }
    }

    /// The next event of those from before; inside, `None` when there are none left. When the queue
    /// cannot be read the stream ends, and the client comes back.
    async fn next_of_page(&mut self) -> Option<Option<QueueEvent>> {
        if let Some(event) = self.page.pop_front() {
            return Some(Some(event));
        }
        self.page = self.app.queue.events(self.last, PAGE).await.ok()?.into();
        self.is_behind = !self.page.is_empty();
        Some(self.page.pop_front())
    }

    /// Whether the client wants an event; `None` when the queue cannot say, and the client is to come
    /// back.
    async fn is_wanted(&mut self, event: &QueueEvent) -> Option<bool> {
        match &mut self.whose {
            Whose::Farm => Some(true),
            Whose::Submission(id) => Some(event.submission == *id),
            Whose::Episode { episode, known } => {
                if let Some(is_wanted) = known.get(&event.submission) {
                    return Some(*is_wanted);
                }
                let found = self.app.queue.progress(&event.submission).await.ok()?;
                let is_wanted = found.is_some_and(|progress| progress.episode == *episode);
                known.insert(event.submission.clone(), is_wanted);
                Some(is_wanted)
            }
        }
    }
}
