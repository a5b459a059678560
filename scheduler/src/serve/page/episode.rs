//! `/episodes/NAME`: one episode, with where every line of it stands.

use std::path::PathBuf;

use axum::extract::{Query, State};
use maud::{Markup, html};
use schemas::{LineId, LineRecord, LineState, Progress};
use serde::Deserialize;

use super::bar::{bar, legend, told};
use super::layout::{Shell, Viewer};
use super::overview::{chip, left, times};
use super::words::{ago, clipped, counted, duration, percent};
use super::{Page, dock, places, retry, score, script, shown};
use crate::pace;
use crate::serve::app::Shared;
use crate::serve::problem::Answer;
use crate::serve::routes::audio::exported_mix;
use crate::serve::target::Target;

/// Failures listed; the script below has the rest.
const MOST_FAILURES: usize = 100;

/// How the page is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct How {
    /// The line that is looked at; what is no line is none.
    line: Option<String>,
}

pub(super) async fn show(
    State(app): State<Shared>,
    target: Target,
    viewer: Viewer,
    Query(how): Query<How>,
) -> Answer<Page> {
    let progress = &target.progress;
    let records = app.queue.lines(target.id()).await?;
    let now_ms = pace::now_ms();
    let speed = pace::speed(&app.queue.workers().await?, now_ms);
    let chosen = how.line.and_then(|line| LineId::parse(line).ok());
    let looked_at = records.iter().find(|record| Some(&record.job.id) == chosen.as_ref());
    let dock = if let Some(record) = looked_at {
        dock::of_line(&app, progress, record, &viewer).await
    } else {
        html! {}
    };
    let has_mix = has_mix(app.exports.clone(), &target).await;
    let chosen = looked_at.map(|record| &record.job.id);
    let main = html! {
        (head(progress, &Head { now_ms, speed, has_mix, viewer: &viewer }))
        @if !records.is_empty() {
            (score::score(&records, &places::scenes(&records), chosen))
            (failures(progress, &records, &viewer))
            (script::script(&records, chosen))
        }
    };
    let shell = Shell {
        title: &title(progress),
        events: &format!("/v1/episodes/{}/events", progress.episode),
        said: &format!(
            "{}: {}, {} failed",
            progress.title,
            super::words::of_submission(progress.state),
            counted(progress.lines.failed, "line")
        ),
        dock: &dock,
        looks_every_s: if progress.lines.open() > 0 { 5 } else { 60 },
    };
    Ok(shown(&shell, &viewer, &main))
}

/// In the tab: how far it is, before what it is.
fn title(progress: &Progress) -> String {
    let lines = &progress.lines;
    if lines.open() == 0 {
        return progress.title.clone();
    }
    format!("{}% {}", percent(lines.done, lines.total()), progress.title)
}

/// What the head of the page tells besides how far the episode is.
struct Head<'a> {
    now_ms: u64,
    speed: f64,
    has_mix: bool,
    viewer: &'a Viewer,
}

fn head(progress: &Progress, head: &Head<'_>) -> Markup {
    let lines = &progress.lines;
    let is_open = lines.open() > 0;
    let changed = ago(head.now_ms.saturating_sub(progress.changed_at_ms));
    let submitted = ago(head.now_ms.saturating_sub(progress.submitted_at_ms));
    html! {
        p.way { a href="/" { "Episodes" } }
        div.head data-done=(lines.done) data-total=(lines.total()) data-failed=(lines.failed) {
            h1 { bdi { (progress.title) } " " (chip(progress.state)) }
            div.actions {
                button.needs-script #play-episode type="button" data-play-all
                    disabled[is_open || lines.done == 0]
                    title=(if is_open { "Can be played once every line is through" } else { "Play every line in order" }) {
                    (script::play_mark()) " Play episode"
                }
                @if head.has_mix {
                    a.button href={ "/v1/episodes/" (progress.episode) "/episode.m4a" }
                        download={ (progress.episode) ".m4a" } { "Download mix" }
                }
                @if head.viewer.may_change && lines.failed > 0 {
                    (retry::form(progress, None, &format!("Retry all failed ({})", lines.failed)))
                }
            }
        }
        (bar(lines))
        (legend(lines))
        dl.figures.small {
            div { dt { "done" } dd title=(told(lines)) { (lines.done) " of " (lines.total()) } }
            @if is_open {
                div { dt { "left" } dd { (left(progress, head.speed)) } }
            } @else {
                div { dt { "changed" } dd { (changed) } }
            }
            div { dt { "audio" } dd { (duration(progress.audio_ms)) } }
            div { dt { "× real time" } dd { (times(progress)) } }
            div { dt { "priority" } dd { (progress.priority) } }
            div { dt { "submitted" } dd { (submitted) } }
        }
    }
}

/// What failed and why, each with its button.
fn failures(progress: &Progress, records: &[LineRecord], viewer: &Viewer) -> Markup {
    let failed: Vec<_> = records.iter().filter(|it| it.state == LineState::Failed).collect();
    let more = failed.len().saturating_sub(MOST_FAILURES);
    html! {
        @if !failed.is_empty() {
            section #failures aria-labelledby="failures-heading" {
                h2 #failures-heading { (counted(failed.len() as u64, "line")) " failed" }
                ul.failures {
                    @for record in failed.iter().take(MOST_FAILURES) {
                        @let why = record.failure.as_ref().map_or("no reason was kept", |it| &it.message);
                        li id={ "f-" (record.job.id) } {
                            div {
                                p { a.id href={ "?line=" (record.job.id) } { (record.job.id) }
                                    " " b { bdi { (record.job.character) } }
                                    " " span.said { bdi { (clipped(&record.job.text, 120)) } } }
                                p.why { bdi { (why) } span.dim { " (" (counted(record.attempts.into(), "attempt")) ")" } }
                            }
                            @if viewer.may_change { (retry::form(progress, Some(&record.job.id), "Retry")) }
                        }
                    }
                }
                @if more > 0 { p.dim { "and " (more) " more, in the script below." } }
            }
        }
    }
}

/// Whether this very submission's mix is in the server's folder.
async fn has_mix(exports: Option<PathBuf>, target: &Target) -> bool {
    let Some(exports) = exports.filter(|_| target.progress.lines.open() == 0) else { return false };
    let target = Target { progress: target.progress.clone(), line: None };
    let found = tokio::task::spawn_blocking(move || exported_mix(exports, &target)).await;
    found.ok().flatten().is_some()
}
