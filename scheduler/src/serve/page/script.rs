//! The script as it is rendered: scenes to be read and played, line by line.

use maud::{Markup, html};
use schemas::{DeliveryFacts, LineId, LineRecord, LineState, Standing};

use super::bar::swatch;
use super::places::{Scene, places, scenes};
use super::words::{counted, duration, meaning};
use crate::export::Place;

/// Lines up to which every scene is shown open.
const SHORT: usize = 80;

/// The whole script. Long ones come folded, but for the scene of the chosen line.
pub(super) fn script(records: &[LineRecord], chosen: Option<&LineId>) -> Markup {
    let places = places(records);
    html! {
        section #script aria-labelledby="script-heading" {
            h2 #script-heading { "Script" }
            @for scene in scenes(records) {
                (one_scene(&scene, records, &places, chosen))
            }
        }
    }
}

fn one_scene(
    scene: &Scene<'_>,
    records: &[LineRecord],
    places: &[Place],
    chosen: Option<&LineId>,
) -> Markup {
    let lines = &records[scene.lines.clone()];
    let done = lines.iter().filter(|record| record.state == LineState::Done).count();
    let failed = lines.iter().filter(|record| record.state == LineState::Failed).count();
    let is_open = records.len() <= SHORT || lines.iter().any(|it| Some(&it.job.id) == chosen);
    let is_through = lines.iter().all(|record| record.state.is_final());
    let title =
        if is_through { "Play this scene" } else { "Can be played once its lines are through" };
    html! {
        details.scene id={ "scene-" (scene.number) } open[is_open] {
            summary {
                span.number { (scene.number) }
                span.heading { bdi { (if scene.heading.is_empty() { "Before the first scene" } else { scene.heading }) } }
                span.tally.dim {
                    (done) " of " (counted(lines.len() as u64, "line"))
                    @if failed > 0 { " · " span.bad { (failed) " failed" } }
                }
                button.play.needs-script type="button" data-play-scene=(scene.number)
                    disabled[!is_through || done == 0] title=(title) {
                    (play_mark()) span.hush { "Play scene " (scene.number) }
                }
            }
            ol.lines {
                @for (record, place) in lines.iter().zip(&places[scene.lines.clone()]) {
                    (line(record, place, Some(&record.job.id) == chosen))
                }
            }
        }
    }
}

fn line(record: &LineRecord, place: &Place, is_chosen: bool) -> Markup {
    let job = &record.job;
    let standing = Standing::of(record.stage, record.state);
    let delivery = record.delivery.as_ref().filter(|_| record.state == LineState::Done);
    let dual = if job.is_with_previous { " dual" } else { "" };
    let on = if is_chosen { " on" } else { "" };
    html! {
        li id={ "l-" (job.id) } class={ "line " (standing.word()) (dual) (on) } {
            span.stand title=(meaning(standing)) { (swatch(standing)) span.hush { (standing.word()) } }
            a.text href={ "?line=" (job.id) } aria-current=[is_chosen.then_some("true")] {
                b.character { bdi { (job.character) } }
                @if job.is_with_previous { span.dim { " together with the line before" } }
                span.said dir="auto" { (job.text) }
            }
            span.length.dim { @if let Some(delivery) = delivery { (duration(delivery.duration_ms())) } }
            (play(job.id.as_str(), job.scene_number, delivery, place))
        }
    }
}

/// What plays a line: a link to its audio, which the script plays in place. The same room is taken
/// before there is any.
fn play(id: &str, scene: u32, delivery: Option<&DeliveryFacts>, place: &Place) -> Markup {
    html! {
        @match delivery {
            Some(facts) => a.play href={ "/v1/deliveries/" (facts.master_key) } data-src=(id)
                data-scene=(scene) data-start=(place.start_ms) data-end=(place.end_ms) title="Play" {
                (play_mark()) span.hush { "Play " (id) }
            },
            None => span.play.none {},
        }
    }
}

/// A triangle.
pub(super) fn play_mark() -> Markup {
    html! {
        svg.glyph viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" {
            path.go d="M3 1.5v9l7-4.5z" {}
            path.stop d="M2.5 1.5h2.5v9H2.5zM7 1.5h2.5v9H7z" {}
        }
    }
}
