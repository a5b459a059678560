//! The line that is looked at: its words, its waveform, what became of it.

use axum::extract::State;
use maud::{Markup, html};
use schemas::{LineRecord, LineState, Progress, Standing};

use super::bar::swatch;
use super::layout::Viewer;
use super::words::{clipped, counted, duration, meaning};
use super::{Page, retry, script, wave};
use crate::serve::app::{App, Shared};
use crate::serve::problem::Answer;
use crate::serve::target::Target;

/// A piece of the page only: what the script puts in place when another line is looked at.
pub(super) async fn show(
    State(app): State<Shared>,
    target: Target,
    viewer: Viewer,
) -> Answer<Page> {
    let record = target.record(app.queue.as_ref()).await?;
    Ok(Page(of_line(&app, &target.progress, &record, &viewer).await))
}

/// The dock of one line.
pub(super) async fn of_line(
    app: &App,
    progress: &Progress,
    record: &LineRecord,
    viewer: &Viewer,
) -> Markup {
    let job = &record.job;
    let standing = Standing::of(record.stage, record.state);
    let delivery = record.delivery.as_ref().filter(|_| record.state == LineState::Done);
    let drawn = match delivery {
        Some(facts) => app.waves.of(&app.store, facts).await,
        None => None,
    };
    let failure = record.failure.as_ref();
    html! {
        section #dock.dock data-docked=(job.id) aria-label={ "Line " (job.id) } {
            button.play.big.needs-script #play-line type="button" data-play-line=(job.id)
                disabled[delivery.is_none()] { (script::play_mark()) span.hush { "Play" } }
            div.sound {
                (wave::picture(drawn.as_deref(), delivery.is_some()))
                @if delivery.is_some() {
                    input #seek.needs-script type="range" min="0" max="1000" value="0"
                        aria-label="Position in the line" data-keep;
                }
            }
            div.words {
                p {
                    (swatch(standing)) " " span.id { (job.id) } " " b { bdi { (job.character) } }
                    " " span.dim { (meaning(standing)) }
                }
                p.said dir="auto" title=(job.text) { (clipped(&job.text, 400)) }
                @match failure {
                    Some(failure) => p.why { bdi { (failure.message) } },
                    None => p.dim.facts { (facts(record)) },
                }
            }
            div.buttons {
                @if viewer.may_change && standing == Standing::Failed {
                    (retry::form(progress, Some(&job.id), "Retry"))
                }
                a.close href={ "/episodes/" (progress.episode) } data-close title="Close" {
                    "×" span.hush { " Close" }
                }
            }
        }
    }
}

/// Who did it, how long it took, how loud it came out.
fn facts(record: &LineRecord) -> String {
    let mut facts = Vec::new();
    if let Some(delivery) = &record.delivery {
        facts.push(duration(delivery.duration_ms()));
        facts.extend(delivery.lufs.map(|lufs| format!("{lufs:.1} LUFS")));
    }
    if let Some(take) = &record.take {
        facts.push(format!("spoken by {} with {}", take.worker, take.engine));
        facts.push(format!("in {}", duration(take.synth_ms)));
    } else if let Some(worker) =
        record.worker.as_ref().filter(|_| record.state == LineState::Leased)
    {
        facts.push(format!("held by {worker}"));
    }
    if record.attempts > 1 {
        facts.push(counted(record.attempts.into(), "attempt"));
    }
    facts.push(record.job.language.clone());
    facts.join(" · ")
}
