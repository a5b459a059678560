//! Setting failed lines going again, from a form.

use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use queue::Selection;
use schemas::{LineId, LineState, Progress};
use serde::Deserialize;

use crate::serve::app::Shared;
use crate::serve::problem::{Answer, Kind, Problem};
use crate::serve::target::Target;

/// A button that retries one line, or all that failed.
pub(super) fn form(progress: &Progress, line: Option<&LineId>, label: &str) -> Markup {
    html! {
        form.retry method="post" action={ "/episodes/" (progress.episode) "/retry" } data-swap {
            @if let Some(line) = line { input type="hidden" name="line" value=(line); }
            button type="submit" { (label)
                @if let Some(line) = line { span.hush { " " (line) } } }
        }
    }
}

/// What the form says.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// Only this line; all that failed when absent.
    line: Option<String>,
}

/// Sets lines going again and goes back to the page.
pub(super) async fn retry(
    State(app): State<Shared>,
    target: Target,
    Form(wanted): Form<Wanted>,
) -> Answer<Redirect> {
    let failed = failed(&app, &target, wanted.line).await?;
    // One by one, because a retry of all would revive what was cancelled, too.
    for line in failed {
        let selection =
            Selection { submission: target.id().clone(), line: Some(line), character: None };
        app.queue.retry(&selection).await?;
    }
    Ok(Redirect::to(&format!("/episodes/{}", target.progress.episode)))
}

/// The lines to be retried: those of the wanted that failed. One that was retried meanwhile, by
/// somebody else or by a second click, is none of them and no error.
async fn failed(app: &Shared, target: &Target, wanted: Option<String>) -> Answer<Vec<LineId>> {
    let records = app.queue.lines(target.id()).await?;
    let missing = || Problem::new(Kind::NotFound, "the episode has no such line");
    if let Some(wanted) = &wanted
        && !records.iter().any(|record| record.job.id.as_str() == wanted)
    {
        return Err(missing());
    }
    let is_wanted = |line: &LineId| wanted.as_ref().is_none_or(|it| it == line.as_str());
    let failed = records.into_iter().filter(|record| record.state == LineState::Failed);
    Ok(failed.map(|record| record.job.id).filter(is_wanted).collect())
}
