//! How far a submission is, in one bar and one legend.

use maud::{Markup, html};
use schemas::{Counts, Standing};

/// From what is through to what is not, and what went wrong at the end, where it is seen.
const ORDER: [Standing; 8] = [
    Standing::Done,
    Standing::Mastering,
    Standing::Spoken,
    Standing::Speaking,
    Standing::Delayed,
    Standing::Waiting,
    Standing::Cancelled,
    Standing::Failed,
];

/// One bar, each standing as wide as it has lines. A failure among thousands is still seen.
pub(super) fn bar(lines: &Counts) -> Markup {
    let total = lines.total();
    let mut x = 0;
    let parts = ORDER.map(|standing| {
        let width = lines.of(standing);
        x += width;
        let least = if standing == Standing::Failed && width > 0 { total.div_ceil(100) } else { 0 };
        let width = width.max(least);
        (standing, x - width.min(x), width)
    });
    html! {
        svg.bar viewBox={ "0 0 " (total.max(1)) " 1" } preserveAspectRatio="none" role="img"
            aria-label=(told(lines)) {
            @for (standing, x, width) in parts.iter().filter(|(_, _, width)| *width > 0) {
                rect class=(standing.word()) x=(x) y="0" width=(width) height="1" {}
            }
        }
    }
}

/// What the bar shows, in words.
pub(super) fn told(lines: &Counts) -> String {
    let failed =
        if lines.failed > 0 { format!(", {} failed", lines.failed) } else { String::new() };
    format!("{} of {} lines done{failed}", lines.done, lines.total())
}

/// Every standing with its mark and its count; all of them, so that nothing moves when one comes up.
pub(super) fn legend(lines: &Counts) -> Markup {
    html! {
        ul.legend {
            @for standing in Standing::ALL {
                @let count = lines.of(standing);
                li class=(if count == 0 { "none" } else { "some" }) {
                    (swatch(standing))
                    span.word { (standing.word()) }
                    b data-count=(standing.word()) { (count) }
                }
            }
        }
    }
}

/// A standing as it is drawn, told apart by its shape as well as by its colour.
pub(super) fn swatch(standing: Standing) -> Markup {
    html! {
        svg class={ "cell " (standing.word()) } viewBox="0 0 14 18" width="14" height="18"
            aria-hidden="true" {
            rect x="1" y="1" width="12" height="16" rx="3" {}
            (mark(standing))
        }
    }
}

/// The shape inside a cell of 14 by 18.
pub(super) fn mark(standing: Standing) -> Markup {
    let path = match standing {
        Standing::Waiting | Standing::Done => return html! {},
        Standing::Speaking => "M5 5.5v7l5-3.5z",
        Standing::Delayed => "M7 5v4.5l2.5 2",
        Standing::Spoken => "M4 9.5l2 2.2 4-5",
        Standing::Mastering => "M4 7h6M4 11h6",
        Standing::Failed => "M4 6l6 6M10 6l-6 6",
        Standing::Cancelled => "M4 9h6",
    };
    html! { path d=(path) {} }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_in_the_bar_once_and_one_failure_in_thousands_is_seen() {
        let lines = Counts { done: 30, waiting: 8, failed: 2, ..Counts::default() };
        let drawn = bar(&lines).into_string();
        assert!(drawn.contains(r#"<rect class="done" x="0" y="0" width="30""#), "{drawn}");
        assert!(drawn.contains(r#"<rect class="waiting" x="30" y="0" width="8""#), "{drawn}");
        assert!(drawn.contains(r#"<rect class="failed" x="38" y="0" width="2""#), "{drawn}");
        assert!(drawn.contains("30 of 40 lines done, 2 failed"), "{drawn}");
        let many = Counts { done: 9_999, failed: 1, ..Counts::default() };
        assert!(bar(&many).into_string().contains(r#"class="failed" x="9900" y="0" width="100""#));
        assert!(bar(&Counts::default()).into_string().contains("0 0 1 1"));
    }
}
