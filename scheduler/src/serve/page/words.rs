//! Words and figures, the same as in the terminal.

use schemas::{Standing, SubmissionState, WorkerState};

pub(super) use crate::cli::output::{counted, duration, times_real_time};

/// A submission's state: its class in the style sheet, and its word.
pub(super) fn of_submission(state: SubmissionState) -> &'static str {
    match state {
        SubmissionState::Active => "active",
        SubmissionState::Paused => "paused",
        SubmissionState::Done => "done",
        SubmissionState::Failed => "failed",
        SubmissionState::Cancelled => "cancelled",
    }
}

/// A worker's state in a word.
pub(super) fn of_worker(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Starting => "starting",
        WorkerState::Idle => "idle",
        WorkerState::Rendering => "rendering",
        WorkerState::Draining => "draining",
        WorkerState::Paused => "paused",
    }
}

/// What a standing means, in a sentence without its stop.
pub(super) fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting => "waits for a worker",
        Standing::Speaking => "is being spoken",
        Standing::Delayed => "failed and is tried again soon",
        Standing::Spoken => "is spoken and waits for the other lines of its voice",
        Standing::Mastering => "is being mastered",
        Standing::Done => "is done",
        Standing::Failed => "failed",
        Standing::Cancelled => "is not wanted any more",
    }
}

/// How long ago, e.g. `12 s ago`, `5 min ago`, `3 h ago`, `2 days ago`.
pub(super) fn ago(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..5 => "now".to_owned(),
        5..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Whole hundredths of `part` in `whole`, 100 only when it is all of it.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(0)
}

/// The first letters of a text, at most `most` of them.
pub(super) fn clipped(text: &str, most: usize) -> String {
    let mut letters = text.chars();
    let start: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() { format!("{}…", start.trim_end()) } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_read_as_people_say_them() {
        let shown: Vec<_> = [0, 90_000, 150_000, 9_000_000, 400_000_000].map(ago).to_vec();
        assert_eq!(shown, ["now", "90 s ago", "2 min ago", "2 h ago", "4 days ago"]);
        assert_eq!([percent(0, 0), percent(1, 3), percent(999, 1_000)], [0, 33, 99]);
        assert_eq!(clipped("Who has the key?", 8), "Who has…");
        assert_eq!(clipped("Who", 3), "Who");
    }
}
