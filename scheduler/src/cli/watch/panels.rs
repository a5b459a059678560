//! What the picture shows of the chosen episode and of the workers.

use queue::WorkerCard;
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Stylize as _;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};
use schemas::{EngineState, WorkerState};

use super::bar::bar;
use super::draw::{Picture, below};
use crate::cli::output::{counted, plain};
use crate::pace;

/// A heading.
pub(super) fn titled(title: Line<'static>) -> Paragraph<'static> {
    Paragraph::new(title.bold())
}

/// The characters of the chosen episode, those with the most to do first.
pub(super) fn voices(frame: &mut Frame<'_>, picture: &Picture, area: Rect) {
    let look = &picture.look;
    let Some(chosen) = look.all.get(picture.chosen) else { return };
    let (left, all, groups) = look.voices_left();
    let title = if left == 0 {
        format!("{}: no voice is open", chosen.episode)
    } else {
        let groups = counted(groups as u64, "group");
        format!("{}: {left} of {} open, {groups}", chosen.episode, counted(all as u64, "voice"))
    };
    let area = below(frame, title.into(), area);
    let characters = look.characters();
    let longest = characters.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let name = u16::try_from(longest + 2).unwrap_or(u16::MAX).clamp(4, (area.width / 3).max(4));
    let width = area.width.saturating_sub(name + 10 + 2);
    let fits = usize::from(area.height);
    let shown = if characters.len() > fits { fits.saturating_sub(1) } else { characters.len() };
    let mut rows: Vec<_> = characters[..shown]
        .iter()
        .map(|(name, counts)| {
            Row::new([
                Line::from(format!("  {}", plain(name))),
                bar(counts, width),
                Line::from(format!("{}/{}", counts.done, counts.total())).right_aligned(),
            ])
        })
        .collect();
    if shown < characters.len() {
        let more = format!("  and {} more", characters.len() - shown);
        rows.push(Row::new([Line::default(), Line::from(more.dark_gray())]));
    }
    let widths = [Constraint::Length(name), Constraint::Length(width), Constraint::Length(10)];
    frame.render_widget(Table::new(rows, widths), area);
}

/// Who renders, how fast, and what of the chosen episode.
pub(super) fn workers(frame: &mut Frame<'_>, picture: &Picture, area: Rect) {
    let look = &picture.look;
    let area = below(frame, "workers".into(), area);
    if look.cards.is_empty() {
        let none = "  none was heard of within the last hour: tableread-worker run";
        frame.render_widget(Paragraph::new(none.yellow()), area);
        return;
    }
    let slow = pace::slow(&look.cards, look.now_ms);
    let rows = look.cards.iter().map(|card| {
        let is_slow = slow.iter().any(|slow| slow.worker == card.worker);
        let speed = card.report.as_ref().map_or(0.0, |report| {
            report.engines.iter().filter_map(|engine: &EngineState| engine.times_real_time).sum()
        });
        let speed = if speed > 0.0 { format!("{speed:.1} ×") } else { "–".to_owned() };
        let speed = if is_slow { format!("slow {speed}").red() } else { Span::from(speed) };
        Row::new([
            Line::from(format!("  {}", card.worker)),
            Line::from(doing(card, look.now_ms)),
            Line::from(speed).right_aligned(),
            Line::from(rendering(picture, card)),
        ])
    });
    let names = look.cards.iter().map(|card| card.worker.as_str().len()).max().unwrap_or(0);
    let name = u16::try_from(names + 2).unwrap_or(u16::MAX).clamp(6, (area.width / 3).max(6));
    let widths = [
        Constraint::Length(name),
        Constraint::Length(9),
        Constraint::Length(11),
        Constraint::Fill(1),
    ];
    frame.render_widget(Table::new(rows, widths), area);
}

/// What a worker does now: lines of the chosen episode by name, others by number.
fn rendering(picture: &Picture, card: &WorkerCard) -> String {
    let mut held = picture.look.held_by(card);
    let Some(first) = held.next() else {
        let last = card.report.as_ref().and_then(|report| report.last_line.as_ref());
        return match (card.lines_held, last) {
            (0, Some(last)) => format!("last {last}"),
            (0, None) => String::new(),
            (held, _) => counted(held, "line"),
        };
    };
    let more = card.lines_held.saturating_sub(1);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    format!("{} {}{more}", first.job.id, plain(&first.job.character))
}

fn doing(card: &WorkerCard, now_ms: u64) -> Span<'static> {
    if !pace::is_alive(card, now_ms) {
        return "silent".red();
    }
    match card.report.as_ref().map(|report| report.state) {
        Some(WorkerState::Idle | WorkerState::Rendering) if card.is_ordered_to_drain => {
            "draining".yellow()
        }
        Some(WorkerState::Starting) => "starting".into(),
        Some(WorkerState::Idle) => "idle".into(),
        Some(WorkerState::Rendering) => "rendering".green(),
        Some(WorkerState::Draining) => "draining".yellow(),
        Some(WorkerState::Paused) => "paused".red(),
        None => "unknown".into(),
    }
}

/// The last failures of the chosen episode, with their reasons.
pub(super) fn failures(frame: &mut Frame<'_>, picture: &Picture, area: Rect) {
    let failed = picture.look.failures();
    if failed.is_empty() || area.height == 0 {
        return;
    }
    let title = format!("{} failed, the last first", counted(failed.len() as u64, "line"));
    let area = below(frame, title.red().into(), area);
    let lines = failed.iter().take(usize::from(area.height)).map(|record| {
        let why = record.failure.as_ref().map_or("no reason was kept", |failure| &failure.message);
        let who = plain(&record.job.character);
        Line::from(format!("  {} {who}: {}", record.job.id, plain(why)))
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}
