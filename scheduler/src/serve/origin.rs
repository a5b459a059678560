//! Which page a browser asks from, and who it was signed in as: what keeps other sites' pages from
//! asking in a person's name.

use axum::extract::Request;
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method};

use super::problem::{Kind, Problem};

/// The cookie that a browser is signed in by; see [`super::auth::cookie_of`].
pub(super) const COOKIE_NAME: &str = "tableread";

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether somebody followed a link here: the answer is shown to them, and to no page.
pub(super) fn is_link(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && text(headers, FETCH_MODE) == Some("navigate")
        && text(headers, FETCH_DEST) == Some("document")
}

/// Whether the link was another site's: browsers do not send our cookie with it.
pub(super) fn is_link_of_another_site(request: &Request) -> bool {
    is_link(request) && text(request.headers(), FETCH_SITE) == Some("cross-site")
}

/// Where no token is asked for, keeps web pages of others from reaching this server through the
/// browser of whoever sits at this machine: by a name of theirs that leads here, or by a form.
pub(super) fn refuse_foreign_pages(headers: &HeaderMap, is_link: bool) -> Result<(), Problem> {
    if !is_this_machine(text(headers, HOST).unwrap_or_default()) {
        let detail = "without tokens this server answers to localhost, 127.0.0.1 and [::1] only; \
                      give it tokens to reach it by another name";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let is_foreign_site = !is_link && text(headers, FETCH_SITE) == Some("cross-site");
    if is_foreign_site || text(headers, ORIGIN).is_some_and(|origin| !is_own(headers, origin)) {
        let detail = "a page of another site asks, and may not while this server has no tokens";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    Ok(())
}

/// Keeps forms of other sites from changing anything in the name of who is signed in. Browsers say
/// which page sends a form, and do not let the page lie.
pub(super) fn refuse_foreign_forms(headers: &HeaderMap) -> Result<(), Problem> {
    let is_ours = match text(headers, FETCH_SITE) {
        Some(site) => site == "same-origin",
        // Not sent over plain HTTP.
        None => text(headers, ORIGIN).is_some_and(|origin| is_own(headers, origin)),
    };
    if is_ours {
        return Ok(());
    }
    let detail = "a form has to be sent from this server's own page; programs send \
                  `Authorization: Bearer TOKEN`";
    Err(Problem::new(Kind::Forbidden, detail))
}

/// What the browser is signed in by: the values of all cookies of the name, which is one usually.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })
}

/// Whether the browser came by HTTPS, as far as it or the proxy between tells.
pub(super) fn is_secure(headers: &HeaderMap) -> bool {
    text(headers, ORIGIN).is_some_and(|origin| origin.starts_with("https://"))
        || text(headers, HeaderName::from_static("x-forwarded-proto")) == Some("https")
}

fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let Some((_, place)) = origin.split_once("://") else { return false };
    text(headers, HOST) == Some(place) || text(headers, FORWARDED_HOST) == Some(place)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        Some(_) | None => host,
    };
    name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn without_tokens_only_this_machine_and_its_own_pages_may_ask() {
        for (of, may) in [
            (&[("host", "localhost:8080")] as &[_], true),
            (&[("host", "127.0.0.1")], true),
            (&[("host", "[::1]:1")], true),
            (&[("host", "LOCALHOST")], true),
            (&[("host", "evil.example:8080")], false),
            (&[("host", "127.0.0.1.evil.example")], false),
            (&[("host", "localhost:80:80")], false),
            (&[("host", "")], false),
            (&[], false),
            (&[("host", "localhost:1"), ("origin", "http://localhost:1")], true),
            (&[("host", "localhost:1"), ("origin", "http://localhost:2")], false),
            (&[("host", "localhost:1"), ("origin", "https://evil.example")], false),
            (&[("host", "localhost:1"), ("origin", "null")], false),
            (&[("host", "localhost:1"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "localhost:1"), ("sec-fetch-site", "same-origin")], true),
        ] {
            assert_eq!(refuse_foreign_pages(&headers(of), false).is_ok(), may, "{of:?}");
        }
        let linked = headers(&[("host", "localhost:1"), ("sec-fetch-site", "cross-site")]);
        assert!(refuse_foreign_pages(&linked, true).is_ok());
        assert!(refuse_foreign_pages(&headers(&[("host", "evil.example")]), true).is_err());
    }

    #[test]
    fn who_is_signed_in_sends_forms_from_own_pages_only() {
        for (of, may) in [
            (&[("host", "farm.example"), ("sec-fetch-site", "same-origin")] as &[_], true),
            (&[("host", "farm.example"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "farm.example"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "farm.example"), ("sec-fetch-site", "none")], false),
            (&[("host", "farm.example"), ("origin", "http://farm.example")], true),
            (&[("host", "farm.example"), ("origin", "http://evil.example")], false),
            (&[("host", "farm.example"), ("origin", "null")], false),
            (&[("host", "farm.example")], false),
            (
                &[
                    ("host", "inside:8080"),
                    ("x-forwarded-host", "farm.example"),
                    ("origin", "https://farm.example"),
                ],
                true,
            ),
            (
                &[
                    ("host", "farm.example"),
                    ("origin", "http://farm.example"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
        ] {
            assert_eq!(refuse_foreign_forms(&headers(of)).is_ok(), may, "{of:?}");
        }
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        let headers = headers(&[("cookie", "a=b; tableread=one;tableread2=no; tableread=two; c")]);
        assert_eq!(cookies(&headers).collect::<Vec<_>>(), ["one", "two"]);
    }
}
