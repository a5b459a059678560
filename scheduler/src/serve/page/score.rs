//! The episode as a picture: scenes along, a lane for each character, one cell for each line.

use std::collections::BTreeMap;

use maud::{Markup, html};
use schemas::{LineId, LineRecord, Standing};

use super::bar::mark;
use super::places::{Scene, characters};
use super::words::{clipped, meaning};

/// Pixels from a lane to the next; the style sheet gives the names the same.
const LANE: usize = 26;
/// Pixels above the first lane, for the scenes' headings; likewise.
const TOP: usize = 26;
/// Pixels between two scenes.
const BETWEEN: usize = 8;
/// Pixels that there are on a usual screen.
const ROOM: usize = 960;
/// A cell's own width and height in pixels.
const CELL: (usize, usize) = (14, 18);

/// Draws it. The chosen line is marked; arrow keys go from cell to cell, so only one of them is a
/// stop for the tab key.
pub(super) fn score(
    records: &[LineRecord],
    scenes: &[Scene<'_>],
    chosen: Option<&LineId>,
) -> Markup {
    let names = characters(records);
    let lanes: BTreeMap<&str, usize> = names.iter().copied().zip(0..).collect();
    // Few lines have room; many are scrolled through.
    let room = ROOM.saturating_sub(scenes.len() * BETWEEN);
    let pitch = (room / records.len().max(1)).clamp(CELL.0 + 2, 26);
    let width = records.len() * pitch + scenes.len() * BETWEEN;
    let height = TOP + names.len() * LANE;
    let stop = chosen.or_else(|| records.first().map(|record| &record.job.id));
    html! {
        section #score aria-labelledby="score-heading" {
            h2 #score-heading { "Lines" }
            div.score {
                ol.names aria-hidden="true" { @for name in &names { li title=(name) { bdi { (name) } } } }
                div.along #along {
                    svg width=(width) height=(height) role="group"
                        aria-label="Every line by scene and character; arrow keys go from line to line" {
                        @for (i, scene) in scenes.iter().enumerate() { (band(scene, i, pitch, height)) }
                        @for (i, scene) in scenes.iter().enumerate() {
                            @for at in scene.lines.clone() {
                                @let record = &records[at];
                                @let lane = lanes.get(record.job.character.as_str()).copied().unwrap_or(0);
                                (cell(record, (at * pitch + i * BETWEEN, TOP + lane * LANE), &Choice { chosen, stop }))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn band(scene: &Scene<'_>, i: usize, pitch: usize, height: usize) -> Markup {
    let x = scene.lines.start * pitch + i * BETWEEN;
    let width = scene.lines.len() * pitch;
    let label = label(scene, width);
    html! {
        a.scene href={ "#scene-" (scene.number) } tabindex="-1" {
            title { (scene.number) " " (scene.heading) }
            rect class=(if i.is_multiple_of(2) { "band even" } else { "band odd" }) x=(x) y="0" width=(width)
                height=(height) rx="4" {}
            text x=(x + 4) y="15" { (label) }
        }
    }
}

/// A scene's number, and of its heading what there is room for; the tooltip has the rest.
fn label(scene: &Scene<'_>, width: usize) -> String {
    // About 6.5 pixels a letter.
    let letters = width.saturating_sub(6) * 2 / 13;
    if letters < 6 {
        return scene.number.to_string();
    }
    clipped(&format!("{} {}", scene.number, scene.heading), letters - 1)
}

/// Which line is looked at, and which the tab key stops at.
struct Choice<'a> {
    chosen: Option<&'a LineId>,
    stop: Option<&'a LineId>,
}

fn cell(record: &LineRecord, (x, y): (usize, usize), choice: &Choice<'_>) -> Markup {
    let job = &record.job;
    let standing = Standing::of(record.stage, record.state);
    let is_chosen = choice.chosen == Some(&job.id);
    let class = if is_chosen { "cell on " } else { "cell " };
    let why = record.failure.as_ref().map(|failure| format!(": {}", failure.message));
    let why = why.filter(|_| matches!(standing, Standing::Failed | Standing::Delayed));
    html! {
        a id={ "c-" (job.id) } class={ (class) (standing.word()) } href={ "?line=" (job.id) }
            tabindex=(if choice.stop == Some(&job.id) { "0" } else { "-1" })
            aria-current=[is_chosen.then_some("true")]
            transform={ "translate(" (x + 1) " " (y + 4) ")" } {
            title { (job.id) " " (job.character) "\n" (clipped(&job.text, 80)) "\n"
                (meaning(standing)) (why.unwrap_or_default()) }
            rect x="1" y="1" width=(CELL.0 - 2) height=(CELL.1 - 2) rx="3" {}
            (mark(standing))
        }
    }
}
