//! What all pages have in common: head, header, and who looks.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use maud::{DOCTYPE, Markup, html};

use super::assets;
use crate::serve::app::Shared;
use crate::serve::auth::{Principal, Scope};

/// Who looks at a page.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    /// The token's name; absent where no tokens are asked for.
    pub(super) name: Option<Arc<str>>,
    /// Whether buttons that change something are shown. The gate holds to it whatever is shown.
    pub(super) may_change: bool,
}

impl FromRequestParts<Shared> for Viewer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Infallible> {
        let principal = parts.extensions.get::<Principal>();
        let may_change = principal.is_some_and(|principal| principal.scope >= Scope::Write);
        let name = principal.filter(|_| !app.tokens.is_empty()).map(|it| it.name.clone());
        Ok(Self { name, may_change })
    }
}

/// What a page is set in.
#[derive(Debug)]
pub(super) struct Shell<'a> {
    /// Shown in the browser's tab, before the program's name.
    pub(super) title: &'a str,
    /// Where its news come from: a stream of events. The page is asked for again when it has any.
    pub(super) events: &'a str,
    /// Said aloud when it changes, to whoever cannot see the page; short, and rarely another.
    pub(super) said: &'a str,
    /// What stays at the bottom of the window; may be empty.
    pub(super) dock: &'a Markup,
    /// Seconds after which it is asked for again without news: workers and time make no events.
    pub(super) looks_every_s: u32,
}

/// A page that is kept up to date.
pub(super) fn page(shell: &Shell<'_>, viewer: &Viewer, main: &Markup) -> Markup {
    document(
        shell.title,
        &html! {
            header.top {
                a.skip href="#main" { "Skip to content" }
                a.brand href="/" { (mark()) "Tableread" }
                p #live.live role="status" data-keep { span.dot {} span.word { "not live" } }
                (themes())
                @if let Some(name) = &viewer.name {
                    form.who method="post" action="/sign-out" {
                        span.dim { (name) }
                        button.quiet type="submit" { "Sign out" }
                    }
                }
            }
            main #main data-events=(shell.events) data-every=(shell.looks_every_s) { (main) }
            p #said.hush role="status" { (shell.said) }
            div #dock-place { (shell.dock) }
            div #players hidden data-keep {}
            p #told.told role="alert" data-keep hidden {}
        },
    )
}

/// A page that nothing happens on.
pub(super) fn bare(title: &str, main: &Markup) -> Markup {
    document(
        title,
        &html! {
            header.top {
                a.brand href="/" { (mark()) "Tableread" }
                (themes())
            }
            main #main { (main) }
        },
    )
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-edition=(assets::edition()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                meta name="robots" content="noindex";
                title { (title) " · Tableread" }
                link rel="icon" type="image/svg+xml" href=(assets::path("icon.svg"));
                link rel="stylesheet" href=(assets::path("page.css"));
                // Before anything is drawn, so that it is drawn in the right colours at once.
                script src=(assets::path("theme.js")) {}
                script type="module" src=(assets::path("page.js")) {}
            }
            body { (body) }
        }
    }
}

/// The program's mark: lines of a script, one being spoken.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" {
            path d="M2 3.5h9M2 8h12M2 12.5h6" {}
        }
    }
}

/// Light, dark, or as the system has it; of no use without the script, so the script shows it.
fn themes() -> Markup {
    html! {
        button #theme.quiet type="button" hidden data-keep { "Theme" }
    }
}
