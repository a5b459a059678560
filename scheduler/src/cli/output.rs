//! Standard output: what the user asked for, and nothing else.

use std::io::{self, IsTerminal, Write as _};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

/// Writes `text` and a line end.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Writes one JSON value on one line.
pub(crate) fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?)
}

/// Writes one JSON value over several lines.
pub(crate) fn json_pretty(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Tells the user something that is no result: on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    // Nobody can be told that standard error is gone.
    let _gone = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// Whether a person is looking at standard error.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// One rule under the header and one below the last row.
const STYLE: TableStyle = TableStyle::new()
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// Starts a table; columns named in `right` are aligned to the right, as numbers are.
pub(crate) fn table(header: &[&str], right: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.to_vec());
    for (i, name) in header.iter().enumerate() {
        if right.contains(name)
            && let Some(column) = table.column_mut(i)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Milliseconds as a person reads them: `0.4 s`, `12 s`, `3:05`, `1:02:03`.
pub(crate) fn duration(ms: u64) -> String {
    let s = ms / 1_000;
    match s {
        0..10 => format!("{}.{} s", s, ms / 100 % 10),
        10..60 => format!("{s} s"),
        60..3_600 => format!("{}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60),
    }
}

/// Text from a script or a worker, without what a terminal would take for a command.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How many times faster than real time, e.g. `82 ×`; a dash when nothing was measured.
pub(crate) fn times_real_time(audio_ms: u64, wall_ms: u64) -> String {
    if audio_ms == 0 || wall_ms == 0 {
        return "–".into();
    }
    let tenths = audio_ms * 10 / wall_ms;
    if tenths < 100 {
        format!("{}.{} ×", tenths / 10, tenths % 10)
    } else {
        format!("{} ×", tenths / 10)
    }
}

/// `1 line`, `2 lines`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let shown: Vec<_> =
            [0, 450, 9_999, 59_999, 60_000, 185_000, 3_723_000].map(duration).to_vec();
        assert_eq!(shown, ["0.0 s", "0.4 s", "9.9 s", "59 s", "1:00", "3:05", "1:02:03"]);
    }

    #[test]
    fn no_text_moves_the_cursor() {
        assert_eq!(plain("Who\u{1b}[2J is\nthere\u{9b}?"), "Who [2J is there ?");
    }

    #[test]
    fn a_rate_of_nothing_is_a_dash() {
        assert_eq!(times_real_time(0, 5), "–");
        assert_eq!(times_real_time(5, 0), "–");
        assert_eq!(times_real_time(8_250, 1_000), "8.2 ×");
        assert_eq!(times_real_time(82_500, 1_000), "82 ×");
    }
}
