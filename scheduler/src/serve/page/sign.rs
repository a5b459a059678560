//! Signing in with a token, and out.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{HTML, Page, layout};
use crate::serve::app::Shared;
use crate::serve::auth::cookie_of;
use crate::serve::origin::{COOKIE_NAME, is_secure, refuse_foreign_forms};
use crate::serve::problem::{Answer, Kind, Problem};

/// How long a browser stays signed in, in seconds: 30 days.
const STAYS_S: u64 = 30 * 24 * 60 * 60;

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub(super) struct Then {
    to: Option<String>,
}

/// What the form says.
#[derive(Deserialize)]
pub(super) struct SignIn {
    token: String,
    to: Option<String>,
}

pub(super) async fn form(Query(then): Query<Then>) -> Page {
    Page(page(&own_path(then.to), None, false))
}

/// Takes a token and gives the browser a cookie in its place.
pub(super) async fn sign_in(
    State(app): State<Shared>,
    headers: HeaderMap,
    Form(SignIn { token, to }): Form<SignIn>,
) -> Answer<Response> {
    let to = own_path(to);
    if app.tokens.is_empty() {
        return Ok(Redirect::to(&to).into_response());
    }
    // Nor may another site sign a browser in, with a token of its own.
    refuse_foreign_forms(&headers)?;
    let token = token.trim();
    if app.tokens.find(token).is_none() {
        let text = page(&to, Some("This server does not know that token."), false).into_string();
        let html = HeaderValue::from_static(HTML);
        return Ok((StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, html)], text).into_response());
    }
    with_cookie(&headers, &cookie_of(token), STAYS_S, &to)
}

/// Takes the cookie back. Nothing of it is kept here, so there is nothing more to do.
pub(super) async fn sign_out(headers: HeaderMap) -> Answer<Response> {
    with_cookie(&headers, "", 0, "/")
}

fn with_cookie(headers: &HeaderMap, value: &str, max_age_s: u64, to: &str) -> Answer<Response> {
    let secure = if is_secure(headers) { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE_NAME}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"
    );
    let cookie = HeaderValue::from_str(&cookie)
        .map_err(|_| Problem::new(Kind::Internal, "the cookie cannot be written"))?;
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// A path of this server; the first page for everything else.
fn own_path(to: Option<String>) -> String {
    let is_own = |to: &String| {
        let is_plain = to.chars().all(|c| c.is_ascii_graphic() && c != '\\');
        to.starts_with('/') && !to.starts_with("//") && is_plain && !to.starts_with("/sign-in")
    };
    to.filter(is_own).unwrap_or_else(|| "/".to_owned())
}

/// Asks for a token; `wrong` says what was wrong with the last.
pub(super) fn page(to: &str, wrong: Option<&str>, is_by_link: bool) -> Markup {
    let main = html! {
        form.sign #sign-in method="post" action="/sign-in" data-by-link[is_by_link] {
            h1 { "Sign in" }
            p.dim { "This server asks for a token. Whoever started it has given it some, with "
                code { "--token-file" } "; one to read with is enough to look." }
            // For whoever's browser keeps passwords: it keeps them by a name.
            input type="text" name="user" value="tableread" autocomplete="username" hidden;
            label for="token" { "Token" }
            input #token type="password" name="token" required autofocus autocomplete="current-password"
                aria-describedby=[wrong.map(|_| "wrong")] spellcheck="false";
            @if let Some(wrong) = wrong { p.why #wrong role="alert" { (wrong) } }
            input type="hidden" name="to" value=(to);
            button.first type="submit" { "Sign in" }
        }
    };
    layout::bare("Sign in", &main)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        let goes = |to: &str| own_path(Some(to.to_owned()));
        assert_eq!(goes("/episodes/ferry?line=sc001-l0001"), "/episodes/ferry?line=sc001-l0001");
        for to in
            ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\nb", "/sign-in"]
        {
            assert_eq!(goes(to), "/", "{to}");
        }
        assert_eq!(own_path(None), "/");
    }
}
