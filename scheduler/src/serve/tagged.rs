//! Small answers that a client may have already.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use super::ranges::{Choice, Conditions};

/// Answers with `bytes` under a tag that is their hash, or with nothing when the client has them.
pub(super) fn tagged(headers: &HeaderMap, media: &'static str, bytes: Vec<u8>) -> Response {
    let etag = format!("\"{}\"", schemas::hex(&Sha256::digest(&bytes)));
    let if_none_match = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let conditions = Conditions { if_none_match, ..Conditions::default() };
    let mut response = match conditions.choose(&etag, bytes.len() as u64) {
        Choice::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Choice::Whole | Choice::Part(_) | Choice::Unsatisfiable => {
            ([(CONTENT_TYPE, media)], bytes).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    response
}
