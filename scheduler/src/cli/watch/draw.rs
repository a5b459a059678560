//! The picture: episodes above; voices, workers and failures of the chosen one below.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};
use schemas::{Progress, Standing, SubmissionState};

use super::bar::{bar, look_of};
use super::look::Look;
use super::panels::{failures, titled, voices, workers};
use super::rate::Measured;
use crate::cli::answer;
use crate::cli::moment::clock;
use crate::cli::output::{counted, duration, plain};
use crate::pace;

/// From what width on voices and workers are side by side.
const WIDE: u16 = 120;

/// All that a picture is drawn from.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// What the queue told last.
    pub(super) look: Look,
    /// What gets done, once it was measured.
    pub(super) measured: Option<Measured>,
    /// Number of the episode that is shown in detail.
    pub(super) chosen: usize,
    /// Why the queue could not be asked, when it could not.
    pub(super) trouble: Option<String>,
    /// Whether one submission is watched until it is over.
    pub(super) is_one: bool,
}

/// Draws it, in whatever room there is.
pub(super) fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let height = frame.area().height;
    let listed = u16::try_from(picture.look.all.len().max(1)).unwrap_or(u16::MAX);
    let episodes = (listed + 1).min((height / 3).max(2));
    let failed = u16::try_from(picture.look.failures().len()).unwrap_or(u16::MAX);
    let failed = if failed == 0 { 0 } else { (failed + 1).min((height / 5).max(2)) };
    let [head, list, middle, below, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(episodes),
        Constraint::Fill(1),
        Constraint::Length(failed),
        Constraint::Length(2),
    ])
    .areas(frame.area());
    frame.render_widget(header(picture), head);
    draw_episodes(frame, picture, list);
    let [left, right] = if frame.area().width >= WIDE {
        let sides = [Constraint::Fill(1), Constraint::Fill(1)];
        Layout::horizontal(sides).spacing(2).areas(middle)
    } else {
        let rows = u16::try_from(picture.look.cards.len().max(1)).unwrap_or(u16::MAX);
        let workers = (rows + 2).min((middle.height / 2).max(2));
        Layout::vertical([Constraint::Fill(1), Constraint::Length(workers)]).areas(middle)
    };
    voices(frame, picture, left);
    workers(frame, picture, right);
    failures(frame, picture, below);
    frame.render_widget(footer(picture), foot);
}

/// How the farm does as a whole.
fn header(picture: &Picture) -> Paragraph<'static> {
    let Look { now_ms, all, cards, .. } = &picture.look;
    let alive = cards.iter().filter(|card| pace::is_alive(card, *now_ms)).count();
    let told = format!(
        "  {}, {} open, {}, {} UTC",
        counted(all.len() as u64, "submission"),
        counted(picture.look.open(), "line"),
        counted(alive as u64, "worker"),
        clock(*now_ms)
    );
    let pace = picture.measured.map_or_else(
        || "measuring …".to_owned(),
        |measured| {
            format!(
                "{:.0} lines/min, {:.1} × real time over the last minute",
                measured.lines_a_minute, measured.times_real_time
            )
        },
    );
    let first = Line::from_iter([Span::from("tableread").bold(), told.into()]);
    Paragraph::new(vec![first, Line::from(pace.dark_gray())])
}

fn state(state: SubmissionState) -> Span<'static> {
    match state {
        SubmissionState::Active => "active".cyan(),
        SubmissionState::Paused => "paused".yellow(),
        SubmissionState::Done => "done".green(),
        SubmissionState::Failed => "failed".red(),
        SubmissionState::Cancelled => "cancelled".dark_gray(),
    }
}

fn draw_episodes(frame: &mut Frame<'_>, picture: &Picture, area: Rect) {
    let Look { all, cards, now_ms, .. } = &picture.look;
    if all.is_empty() {
        let empty = "Nothing was submitted yet: tableread enqueue SCRIPT --cast CAST";
        frame.render_widget(Paragraph::new(empty), area);
        return;
    }
    let names = all.iter().map(|progress| progress.episode.as_str().len());
    let name = u16::try_from(names.max().unwrap_or(0) + 2).unwrap_or(u16::MAX);
    let name = name.clamp(9, (area.width / 3).max(9));
    let bar_width = area.width.saturating_sub(name + 9 + 11 + 7 + 9 + 5);
    let speed = pace::speed(cards, *now_ms);
    let row = |(at, progress): (usize, &Progress)| {
        let is_chosen = at == picture.chosen;
        let mark = if is_chosen && all.len() > 1 { "▸ " } else { "  " };
        let lines = &progress.lines;
        let failed = Span::from(format!("{:>7}", lines.failed));
        let left = pace::left_ms(progress, speed).map_or_else(|| "–".to_owned(), duration);
        let row = Row::new([
            Line::from(format!("{mark}{}", progress.episode)),
            Line::from(state(progress.state)),
            bar(lines, bar_width),
            Line::from(format!("{}/{}", lines.done, lines.total())).right_aligned(),
            Line::from(if lines.failed > 0 { failed.red() } else { failed }),
            Line::from(left).right_aligned(),
        ]);
        if is_chosen { row.style(Style::new().add_modifier(Modifier::BOLD)) } else { row }
    };
    // The chosen one is always in sight.
    let rows_seen = usize::from(area.height.saturating_sub(1)).max(1);
    let first = (picture.chosen + 1).saturating_sub(rows_seen);
    let rows = all.iter().enumerate().skip(first).map(row);
    let widths = [
        Constraint::Length(name),
        Constraint::Length(9),
        Constraint::Length(bar_width),
        Constraint::Length(11),
        Constraint::Length(7),
        Constraint::Length(9),
    ];
    let right = |text: &'static str| Line::from(text).right_aligned();
    let header = Row::new([
        Line::from("  episode"),
        Line::from("state"),
        Line::from("lines"),
        right("done"),
        right("failed"),
        right("left"),
    ]);
    let header = header.style(Style::new().fg(Color::DarkGray));
    frame.render_widget(Table::new(rows, widths).header(header), area);
}

/// What holds the episode up, and what can be typed.
fn footer(picture: &Picture) -> Paragraph<'static> {
    let look = &picture.look;
    let mut hints = look.all.get(picture.chosen).map_or_else(Vec::new, |chosen| {
        if chosen.state == SubmissionState::Paused {
            return vec![answer::standing(chosen, &look.cards, look.now_ms)];
        }
        answer::hold_ups(&look.lines, look.tag.as_ref(), &look.cards, look.now_ms)
    });
    hints.extend(answer::slow_ones(&look.cards, look.now_ms));
    let hint = match &picture.trouble {
        Some(trouble) => Line::from(plain(trouble).red()),
        None => Line::from(hints.first().map(|hint| plain(hint)).unwrap_or_default().yellow()),
    };
    let shapes = [
        Standing::Done,
        Standing::Spoken,
        Standing::Speaking,
        Standing::Delayed,
        Standing::Failed,
        Standing::Waiting,
    ];
    let mut keys = vec![Span::from("q").bold(), " quit  ".into()];
    if !picture.is_one {
        keys.extend([Span::from("↑↓").bold(), " choose  ".into()]);
    }
    for standing in shapes {
        let (shape, color) = look_of(standing);
        keys.push(Span::styled(shape, Style::new().fg(color)));
        keys.push(format!(" {}  ", standing.word()).dark_gray());
    }
    Paragraph::new(vec![hint, Line::from(keys)])
}

/// A heading over a part of the picture, and what is below it.
pub(super) fn below(frame: &mut Frame<'_>, title: Line<'static>, area: Rect) -> Rect {
    frame.render_widget(titled(title), area);
    Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area }
}
