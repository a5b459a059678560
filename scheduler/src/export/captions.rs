//! Captions of an episode, as `WebVTT` and `SubRip`.

use std::fmt::Write as _;

use super::place::Place;

/// One caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption<'a> {
    /// When it is shown.
    pub place: Place,
    /// Who speaks.
    pub character: &'a str,
    /// What is said.
    pub text: &'a str,
}

/// Writes `WebVTT`, with speakers as voice spans.
#[must_use]
pub fn webvtt(captions: &[Caption<'_>]) -> String {
    let mut out = String::from("WEBVTT\n");
    for caption in captions {
        let (start, end) = (time(caption.place.start_ms, '.'), time(caption.place.end_ms, '.'));
        let (who, text) = (escape(caption.character), escape(caption.text));
        let _infallible = write!(out, "\n{start} --> {end}\n<v {who}>{text}</v>\n");
    }
    out
}

/// Writes `SubRip`, with speakers in capitals before what they say.
#[must_use]
pub fn subrip(captions: &[Caption<'_>]) -> String {
    let mut out = String::new();
    for (number, caption) in (1..).zip(captions) {
        let (start, end) = (time(caption.place.start_ms, ','), time(caption.place.end_ms, ','));
        let who = caption.character.to_uppercase();
        let _infallible =
            write!(out, "{number}\n{start} --> {end}\n{who}: {}\n\n", one_line(caption.text));
    }
    out
}

fn time(ms: u64, decimal: char) -> String {
    let (s, ms) = (ms / 1_000, ms % 1_000);
    format!("{:02}:{:02}:{:02}{decimal}{ms:03}", s / 3_600, s / 60 % 60, s % 60)
}

/// Keeps text from ending its caption, opening a tag or being taken for a time.
fn escape(text: &str) -> String {
    one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: Caption<'_> = Caption {
        place: Place { start_ms: 3_600_040, end_ms: 3_661_999 },
        character: "Mira",
        text: "a --> b\n\n<script>",
    };

    #[test]
    fn script_text_cannot_break_out_of_its_caption() {
        insta::assert_snapshot!(webvtt(&[HOSTILE]), @"
        WEBVTT

        01:00:00.040 --> 01:01:01.999
        <v Mira>a --&gt; b &lt;script&gt;</v>
        ");
    }

    #[test]
    fn subrip_counts_from_one() {
        insta::assert_snapshot!(subrip(&[HOSTILE]), @"
        1
        01:00:00,040 --> 01:01:01,999
        MIRA: a --> b <script>
        ");
    }
}
