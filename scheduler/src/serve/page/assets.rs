//! The page's own files, inside the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// Name, media type and content of every file.
const FILES: [(&str, &str, &str); 6] = [
    ("page.css", "text/css; charset=utf-8", include_str!("assets/page.css")),
    ("theme.js", "text/javascript; charset=utf-8", include_str!("assets/theme.js")),
    ("page.js", "text/javascript; charset=utf-8", include_str!("assets/page.js")),
    ("morph.js", "text/javascript; charset=utf-8", include_str!("assets/morph.js")),
    ("player.js", "text/javascript; charset=utf-8", include_str!("assets/player.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// Names this very set of files: a part of their path, so that browsers may keep them for good and a
/// newer server's page never gets an older server's script.
static EDITION: LazyLock<String> = LazyLock::new(|| {
    let whole = FILES.iter().fold(Sha256::new(), |hash, (name, _, text)| {
        hash.chain_update(name).chain_update([0]).chain_update(text).chain_update([0])
    });
    schemas::hex(&whole.finalize())[..12].to_owned()
});

/// The edition of the files.
pub(super) fn edition() -> &'static str {
    &EDITION
}

/// Where a file is.
pub(super) fn path(name: &str) -> String {
    format!("/assets/{}/{name}", edition())
}

/// Answers with a file.
pub(super) async fn serve(Path((wanted, name)): Path<(String, String)>) -> Response {
    let found = FILES.iter().find(|(known, ..)| wanted == edition() && *known == name);
    let Some((_, media, text)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = (*text).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    let for_good = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, for_good);
    response
}
