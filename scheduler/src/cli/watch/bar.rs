//! A bar of lines by where they stand, told apart by shape as well as by colour.

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use schemas::{Counts, Standing};

/// From what is over to what has not begun, failures where they are seen.
const ORDER: [Standing; 8] = [
    Standing::Done,
    Standing::Failed,
    Standing::Mastering,
    Standing::Spoken,
    Standing::Speaking,
    Standing::Delayed,
    Standing::Waiting,
    Standing::Cancelled,
];

/// How a part of the bar looks.
pub(super) fn look_of(standing: Standing) -> (&'static str, Color) {
    match standing {
        Standing::Done => ("█", Color::Green),
        Standing::Failed => ("x", Color::Red),
        Standing::Mastering => ("▓", Color::Blue),
        Standing::Spoken => ("▓", Color::Cyan),
        Standing::Speaking => ("▒", Color::Yellow),
        Standing::Delayed => ("~", Color::Magenta),
        Standing::Waiting => ("░", Color::DarkGray),
        Standing::Cancelled => ("·", Color::DarkGray),
    }
}

/// Draws `width` cells, shared out by lines. What has a line has a cell, as long as there are enough.
pub(super) fn bar(counts: &Counts, width: u16) -> Line<'static> {
    let cells = cells(&ORDER.map(|standing| counts.of(standing)), u64::from(width));
    let spans = ORDER.iter().zip(cells).filter(|(_, cells)| *cells > 0).map(|(standing, cells)| {
        let (shape, color) = look_of(*standing);
        let cells = usize::try_from(cells).unwrap_or_default();
        Span::styled(shape.repeat(cells), Style::new().fg(color))
    });
    spans.collect()
}

/// Shares `width` cells out by `parts`: all of them unless there is nothing to share.
fn cells(parts: &[u64; 8], width: u64) -> [u64; 8] {
    let total: u64 = parts.iter().sum();
    if total == 0 {
        return [0; 8];
    }
    let mut cells = parts.map(|part| part * width / total);
    for (cell, part) in cells.iter_mut().zip(parts) {
        *cell = (*cell).max(u64::from(*part > 0));
    }
    // What is too much or too little is taken from or given to the widest.
    loop {
        let shared: u64 = cells.iter().sum();
        let Some(widest) = (0..8).max_by_key(|at| cells[*at]) else { return cells };
        match shared.cmp(&width) {
            std::cmp::Ordering::Equal => return cells,
            std::cmp::Ordering::Less => cells[widest] += width - shared,
            std::cmp::Ordering::Greater => cells[widest] -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_wide_as_it_is_asked_to_be_and_hides_no_failure() {
        let counts = Counts { done: 997, failed: 1, waiting: 2, ..Counts::default() };
        let text = bar(&counts, 10).to_string();
        assert_eq!(text, "████████x░");
        assert_eq!(bar(&Counts { done: 3, ..Counts::default() }, 7).to_string(), "███████");
        assert_eq!(bar(&Counts::default(), 7).to_string(), "");
        for width in 0..30 {
            let all = Counts {
                waiting: 7,
                speaking: 3,
                delayed: 1,
                spoken: 5,
                mastering: 1,
                done: 90,
                failed: 2,
                cancelled: 1,
            };
            assert_eq!(bar(&all, width).width(), usize::from(width));
        }
    }
}
