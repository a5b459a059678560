//! `/`: every episode, and who renders them.

use axum::extract::State;
use maud::{Markup, html};
use schemas::{Progress, SubmissionState};

use super::bar::{bar, told};
use super::farm::Farm;
use super::layout::{Shell, Viewer};
use super::words::{ago, counted, duration, of_submission, times_real_time};
use super::{Page, shown, workers};
use crate::pace;
use crate::serve::app::Shared;
use crate::serve::problem::Answer;
use crate::serve::routes::episodes::newest_of_each;

/// Finished episodes shown; the API lists all of them.
const MOST_FINISHED: usize = 200;

pub(super) async fn show(State(app): State<Shared>, viewer: Viewer) -> Answer<Page> {
    let all = newest_of_each(app.queue.as_ref()).await?;
    let farm = Farm::look(&app, &all).await?;
    let said = said(&all);
    let title = match all.iter().filter(|progress| progress.lines.open() > 0).count() {
        0 => "Episodes".to_owned(),
        open => format!("{open} in progress"),
    };
    let main = html! {
        h1.hush { "Episodes and workers" }
        (summary(&all, &farm))
        @if all.is_empty() { (first_episode(viewer.name.is_some())) } @else { (episodes(&all, &farm)) }
        (workers::section(&farm))
    };
    let dock = html! {};
    let shell =
        Shell { title: &title, events: "/v1/events", said: &said, dock: &dock, looks_every_s: 5 };
    Ok(shown(&shell, &viewer, &main))
}

fn said(all: &[Progress]) -> String {
    let open = all.iter().filter(|progress| progress.lines.open() > 0).count() as u64;
    let failed: u64 = all.iter().map(|progress| progress.lines.failed).sum();
    format!("{} in progress, {} failed", counted(open, "episode"), counted(failed, "line"))
}

/// The farm in one line of figures.
fn summary(all: &[Progress], farm: &Farm) -> Markup {
    let open = all.iter().filter(|progress| progress.lines.open() > 0);
    let (episodes, lines, audio_ms) = open.fold((0, 0, 0), |(episodes, lines, ms), progress| {
        (episodes + 1, lines + progress.lines.open(), ms + progress.estimated_open_ms)
    });
    let failed: u64 = all.iter().map(|progress| progress.lines.failed).sum();
    let alive = farm.cards.iter().filter(|card| !workers::is_silent(card, farm.now_ms)).count();
    html! {
        dl.figures {
            (figure("in progress", &episodes))
            (figure("lines open", &lines))
            (figure("to speak", &duration(audio_ms)))
            div class=(if failed > 0 { "bad" } else { "fine" }) {
                dt { "lines failed" } dd { (failed) }
            }
            (figure("workers", &alive))
            (figure("× real time", &workers::speed(farm.speed)))
        }
    }
}

fn figure(name: &str, value: &dyn std::fmt::Display) -> Markup {
    html! { div { dt { (name) } dd { (value.to_string()) } } }
}

fn episodes(all: &[Progress], farm: &Farm) -> Markup {
    let of = |wanted: fn(&Progress) -> bool| all.iter().filter(|it| wanted(it)).collect::<Vec<_>>();
    let open = of(|it| it.lines.open() > 0);
    let failed = of(|it| it.lines.open() == 0 && it.lines.failed > 0);
    let finished = of(|it| it.lines.open() == 0 && it.lines.failed == 0);
    let left_out = finished.len().saturating_sub(MOST_FINISHED);
    html! {
        @for (id, heading, some) in [
            ("open", "In progress", &open[..]),
            ("failed", "Ended with failures", &failed[..]),
            ("finished", "Finished", &finished[..finished.len().min(MOST_FINISHED)]),
        ] {
            @if !some.is_empty() {
                section aria-labelledby={ (id) "-heading" } {
                    h2 id={ (id) "-heading" } { (heading) " " span.dim { (some.len()) } }
                    table.episodes {
                        thead { tr {
                            th scope="col" { "Episode" }
                            th scope="col" { "Progress" }
                            th.n scope="col" { "Lines" }
                            th.n scope="col" { "Failed" }
                            th.n scope="col" { (if id == "open" { "Left" } else { "Changed" }) }
                            th.n scope="col" { "Audio" }
                            th.n scope="col" { "× real time" }
                            th.n scope="col" { "Priority" }
                        } }
                        tbody { @for progress in some { (row(progress, farm)) } }
                    }
                }
            }
        }
        @if left_out > 0 {
            p.dim { (counted(left_out as u64, "finished episode")) " more: "
                a href="/v1/episodes" { "/v1/episodes" } " lists all." }
        }
    }
}

fn row(progress: &Progress, farm: &Farm) -> Markup {
    let lines = &progress.lines;
    let when = if lines.open() > 0 {
        left(progress, farm.speed)
    } else {
        ago(farm.now_ms.saturating_sub(progress.changed_at_ms))
    };
    let failed = if lines.failed > 0 { "n failed bad" } else { "n failed none" };
    html! {
        tr id={ "e-" (progress.episode) } data-episode=(progress.episode)
            data-done=(lines.done) data-total=(lines.total()) data-failed=(lines.failed) {
            th scope="row" {
                a href={ "/episodes/" (progress.episode) } { bdi { (progress.title) } }
                " " (chip(progress.state))
            }
            td.progress { (bar(lines)) }
            td.n.lines title=(told(lines)) { b { (lines.done) } span.dim { " / " (lines.total()) } }
            td class=(failed) { (lines.failed) span.unit { " failed" } }
            td.n.left { (when) }
            td.n.audio { (duration(progress.audio_ms)) span.unit { " of audio" } }
            td.n.speed { (times(progress)) }
            td.n.priority { span.unit { "priority " } (progress.priority) }
        }
    }
}

/// How long an episode will still take, as `tableread status` says it.
pub(super) fn left(progress: &Progress, speed: f64) -> String {
    if progress.state == SubmissionState::Paused {
        return "paused".to_owned();
    }
    let left = pace::left_ms(progress, speed);
    left.map_or_else(|| "–".to_owned(), |ms| format!("about {}", duration(ms)))
}

/// Seconds of audio made in a second of one worker, as `tableread status` says it.
pub(super) fn times(progress: &Progress) -> String {
    let times = times_real_time(progress.audio_ms, progress.synth_ms);
    times.trim_end_matches(" ×").to_owned()
}

/// A submission's state, in colour and in a word.
pub(super) fn chip(state: SubmissionState) -> Markup {
    let word = of_submission(state);
    html! { span class={ "chip " (word) } { (word) } }
}

/// What an empty farm says: how the first episode comes here.
fn first_episode(has_tokens: bool) -> Markup {
    let token = if has_tokens { "-H \"Authorization: Bearer $TOKEN\" " } else { "" };
    html! {
        section.empty {
            h2 { "No episode yet" }
            p { "Submit a screenplay and its cast, and its lines appear here. On this machine:" }
            pre tabindex="0" { code {
                "tableread cast pilot.fountain > cast.toml\n"
                "tableread enqueue pilot.fountain --cast cast.toml --out FOLDER"
            } }
            p { "From anywhere that reaches this server:" }
            pre tabindex="0" { code #submit-example {
                "curl " (token) "-F script=@pilot.fountain -F cast=@cast.toml \\\n  "
                span data-origin { "http://127.0.0.1:8080" } "/v1/episodes"
            } }
            p.dim { "FOLDER is what this server was started with as --out. "
                a href="/openapi.json" { "All that can be asked for" } }
        }
    }
}
