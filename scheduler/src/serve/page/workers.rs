//! Who renders: state, what they hold, how fast they are, and what is wrong.

use maud::{Markup, html};
use queue::WorkerCard;
use schemas::{EngineState, WorkerReport, WorkerState};

use super::farm::{Farm, Held};
use super::words::{ago, counted, of_worker};
use crate::pace::GONE_AFTER_MS;

/// Lines named of what one worker holds.
const NAMED: usize = 4;

/// Whether nothing was heard of a worker for so long that it counts as gone.
pub(super) fn is_silent(card: &WorkerCard, now_ms: u64) -> bool {
    now_ms.saturating_sub(card.seen_at_ms) > GONE_AFTER_MS
}

/// Seconds of audio made in one; a dash when nothing was measured.
pub(super) fn speed(times: f64) -> String {
    match times {
        0.0 => "–".to_owned(),
        0.0..10.0 => format!("{times:.1}"),
        _ => format!("{times:.0}"),
    }
}

/// All workers heard of within the last hour.
pub(super) fn section(farm: &Farm) -> Markup {
    html! {
        section #workers aria-labelledby="workers-heading" {
            h2 #workers-heading { "Workers " span.dim { (farm.cards.len()) } }
            @if farm.cards.is_empty() {
                div.empty {
                    p { "No worker was heard of within the last hour. Lines wait until one comes:" }
                    pre tabindex="0" { code { "tableread-worker run --out FOLDER" } }
                }
            } @else {
                table.workers {
                    thead { tr {
                        th scope="col" { "Worker" }
                        th scope="col" { "Renders now" }
                        th.n scope="col" { "Slots" }
                        th.n scope="col" { "× real time" }
                        th.n scope="col" { "Spoken" }
                        th.n scope="col" { "Failed" }
                        th.n scope="col" { "Seen" }
                    } }
                    tbody { @for card in &farm.cards { (row(card, farm)) } }
                }
            }
        }
    }
}

fn row(card: &WorkerCard, farm: &Farm) -> Markup {
    let (word, class) = state(card, farm.now_ms);
    let report = card.report.as_ref();
    let is_gone = is_silent(card, farm.now_ms);
    let failed = report.map_or(0, |report| report.failed);
    html! {
        tr id={ "w-" (card.worker) } data-worker=(card.worker) data-held=(card.lines_held) {
            th scope="row" {
                span.name { (card.worker) } " " span class={ "chip " (class) } { (word) }
                @if let Some(report) = report {
                    p.dim { bdi { (report.hardware) } " · " (models(report)) }
                    @if let Some(detail) = &report.detail { p.why { bdi { (detail) } } }
                }
            }
            td.now { (now(card, farm.held.get(&card.worker).map_or(&[], Vec::as_slice))) }
            td.n.slots { (report.filter(|_| !is_gone).map_or_else(|| html! { "–" }, slots)) }
            td.n.speed { (report.map_or_else(|| "–".to_owned(), speeds)) span.unit { " × real time" } }
            td.n.spoken { (report.map_or(0, |report| report.spoken)) span.unit { " spoken" } }
            td class=(if failed > 0 { "n failed bad" } else { "n failed none" }) {
                (failed) span.unit { " failed" }
            }
            td.n.seen { (ago(farm.now_ms.saturating_sub(card.seen_at_ms))) }
        }
    }
}

/// The state in a word, and its class.
fn state(card: &WorkerCard, now_ms: u64) -> (&'static str, &'static str) {
    if is_silent(card, now_ms) {
        return ("silent", "failed");
    }
    match card.report.as_ref().map(|report| report.state) {
        // The order has not reached it yet.
        Some(WorkerState::Idle | WorkerState::Rendering) if card.is_ordered_to_drain => {
            ("draining", "paused")
        }
        Some(state @ WorkerState::Rendering) => (of_worker(state), "active"),
        Some(state @ WorkerState::Draining) => (of_worker(state), "paused"),
        Some(state @ WorkerState::Paused) => (of_worker(state), "failed"),
        Some(state @ (WorkerState::Starting | WorkerState::Idle)) => (of_worker(state), "idle"),
        None => ("unknown", "idle"),
    }
}

fn models(report: &WorkerReport) -> String {
    let loaded = report.engines.iter().filter(|engine| engine.is_loaded);
    let mut names: Vec<_> = loaded.map(|engine| engine.model.clone()).collect();
    let on_disk = report.engines.len() - names.len();
    if on_disk > 0 {
        names.push(format!("+{on_disk} on disk"));
    }
    if names.is_empty() { "no model".to_owned() } else { names.join(", ") }
}

fn now(card: &WorkerCard, held: &[Held]) -> Markup {
    let last = card.report.as_ref().and_then(|report| report.last_line.as_ref());
    let more = card.lines_held.saturating_sub(held.len().min(NAMED) as u64);
    html! {
        @if card.lines_held == 0 {
            span.dim { "nothing"
                @if let Some(last) = last { ", last " (last) } }
        } @else {
            ul.held {
                @for line in held.iter().take(NAMED) {
                    li { a href={ "/episodes/" (line.episode) "?line=" (line.line) } { (line.line) }
                        " " span.dim { bdi { (line.character) } } }
                }
                @if more > 0 {
                    li.dim { @if held.is_empty() { (counted(more, "line")) } @else { "and " (more) " more" } }
                }
            }
        }
    }
}

/// Seats taken and seats there are.
fn slots(report: &WorkerReport) -> Markup {
    let sum = |of: fn(&EngineState) -> u32| {
        report.engines.iter().filter(|engine| engine.is_loaded).map(of).sum::<u32>()
    };
    let (busy, all) = (sum(|engine| engine.slots_busy), sum(|engine| engine.slots));
    html! {
        svg.bar.small viewBox={ "0 0 " (all.max(1)) " 1" } preserveAspectRatio="none"
            aria-hidden="true" {
            rect.speaking x="0" y="0" width=(busy.min(all)) height="1" {}
        }
        " " (busy) "/" (all) span.unit { " slots" }
    }
}

fn speeds(report: &WorkerReport) -> String {
    let measured: Vec<_> =
        report.engines.iter().filter_map(|it| it.times_real_time).map(speed).collect();
    if measured.is_empty() { "–".to_owned() } else { measured.join(", ") }
}
