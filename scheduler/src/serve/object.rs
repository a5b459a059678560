//! Large answers, whole or in pieces, read as the client takes them.

use std::ops::Range;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream;
use store::Store;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tracing::warn;

use super::problem::{Answer, Kind, Problem};
use super::ranges::{Choice, Conditions};

/// Bytes read at once: what one client costs in memory.
const PIECE: u64 = 512 * 1_024;

/// Something to be sent.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) source: Source,
    pub(super) media: &'static str,
    /// Names these bytes, without quotes.
    pub(super) etag: String,
    /// How many there are.
    pub(super) bytes: u64,
    /// Where these very bytes are for good.
    pub(super) content_location: Option<String>,
    /// Whether its path always gives these bytes.
    pub(super) never_changes: bool,
}

/// Where bytes are.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// An object of the store, by its key.
    Store(String),
    /// A file of this machine.
    File(PathBuf),
}

impl Object {
    /// Answers with what the request's headers ask for.
    ///
    /// # Errors
    /// A problem when the range is outside, or the first piece cannot be read. What fails later ends
    /// the connection, which the client sees by the length.
    pub(super) async fn answer(self, store: &Store, headers: &HeaderMap) -> Answer<Response> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let conditions = Conditions {
            range: text(RANGE),
            if_range: text(IF_RANGE),
            if_none_match: text(IF_NONE_MATCH),
        };
        let etag = format!("\"{}\"", self.etag);
        let mut response = match conditions.choose(&etag, self.bytes) {
            Choice::NotModified => StatusCode::NOT_MODIFIED.into_response(),
            Choice::Whole => self.part(StatusCode::OK, 0..self.bytes, store).await?,
            Choice::Part(range) => {
                let told = format!("bytes {}-{}/{}", range.start, range.end - 1, self.bytes);
                let mut response = self.part(StatusCode::PARTIAL_CONTENT, range, store).await?;
                put(&mut response, CONTENT_RANGE, &told);
                response
            }
            Choice::Unsatisfiable => {
                let detail = format!("it has {} bytes; ask for some of those", self.bytes);
                let mut response = Problem::new(Kind::RangeNotSatisfiable, detail).into_response();
                put(&mut response, CONTENT_RANGE, &format!("bytes */{}", self.bytes));
                return Ok(response);
            }
        };
        put(&mut response, ETAG, &etag);
        put(&mut response, ACCEPT_RANGES, "bytes");
        let keep = if self.never_changes {
            "private, max-age=31536000, immutable"
        } else {
            "private, no-cache"
        };
        put(&mut response, CACHE_CONTROL, keep);
        if let Some(location) = &self.content_location {
            put(&mut response, CONTENT_LOCATION, location);
        }
        Ok(response)
    }

    /// Reads the first piece before it answers, so that what is gone is told as that.
    async fn part(&self, status: StatusCode, range: Range<u64>, store: &Store) -> Answer<Response> {
        let mut reader = Reader { source: self.source.clone(), store: store.clone(), range };
        let length = reader.range.end - reader.range.start;
        let first = reader.piece().await?;
        let pieces = stream::try_unfold((reader, first), |(mut reader, next)| async move {
            let Some(piece) = next else { return Ok::<_, std::io::Error>(None) };
            let next = reader.piece().await.map_err(|problem| {
                warn!(detail = problem.detail(), "an answer broke off");
                std::io::Error::other("the rest cannot be read")
            })?;
            Ok(Some((piece, (reader, next))))
        });
        let mut response = (status, Body::from_stream(pieces)).into_response();
        put(&mut response, CONTENT_TYPE, self.media);
        put(&mut response, CONTENT_LENGTH, &length.to_string());
        Ok(response)
    }
}

/// Reads a range piece by piece.
struct Reader {
    source: Source,
    store: Store,
    /// What is left of it.
    range: Range<u64>,
}

impl Reader {
    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Answer<Option<Bytes>> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let end = self.range.end.min(self.range.start + PIECE);
        let range = self.range.start..end;
        let piece = match &self.source {
            Source::Store(key) => self.store.get_range(key, range.clone()).await?,
            Source::File(path) => read_file(path, &range).await.map_err(|_| changed())?,
        };
        if piece.len() as u64 != end - self.range.start {
            return Err(changed());
        }
        self.range.start = end;
        Ok(Some(piece))
    }
}

async fn read_file(path: &std::path::Path, range: &Range<u64>) -> std::io::Result<Bytes> {
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(std::io::SeekFrom::Start(range.start)).await?;
    let mut piece = Vec::new();
    file.take(range.end - range.start).read_to_end(&mut piece).await?;
    Ok(piece.into())
}

fn changed() -> Problem {
    Problem::new(Kind::Unavailable, "it was replaced while it was read; ask again").after(1)
}

/// Sets a header to text that is known to be fit for one.
fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
