//! The audition as a page: candidates side by side, to be heard one after the other.
//!
//! One file that asks nobody for anything: sound, style and script are inside, and its content policy
//! allows exactly these.

mod waveform;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

pub use waveform::waveform;

const STYLE: &str = include_str!("audition.css");
const SCRIPT: &str = include_str!("audition.js");

/// Two candidates that are more alike than this sound like one person.
pub const SAME_ABOVE: f32 = 0.95;

/// All that an audition shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Audition<'a> {
    /// The voice's name.
    pub name: &'a str,
    /// In the order of their numbers.
    pub candidates: Vec<Shown<'a>>,
    /// Whether a base model has heard them, so that likeness is known.
    pub is_heard: bool,
    /// What is typed to choose a candidate, without its number.
    pub choose: &'a str,
}

/// One candidate as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<'a> {
    /// Its number.
    pub number: u32,
    /// Who was asked for.
    pub description: &'a str,
    /// Which model spoke.
    pub model: &'a str,
    /// Of the sampler.
    pub seed: u64,
    /// What is said.
    pub text: &'a str,
    /// In which language, BCP 47.
    pub language: &'a str,
    /// How long, in milliseconds.
    pub duration_ms: u64,
    /// Median pitch in Hz.
    pub pitch_hz: Option<f32>,
    /// Loudness in LUFS.
    pub lufs: Option<f32>,
    /// Highest sample in dBFS.
    pub peak_dbfs: f32,
    /// Lowest and highest sample of equal stretches, −1 to 1.
    pub peaks: Vec<(f32, f32)>,
    /// The sound: AAC in MP4.
    pub sound: &'a [u8],
    /// Candidates that sound like the same person, and how alike they are.
    pub alike: Vec<(u32, f32)>,
    /// Whether it is the one that was chosen.
    pub is_chosen: bool,
}

/// Writes the page. Pure: the same audition gives the same bytes.
#[must_use]
pub fn page(audition: &Audition<'_>) -> String {
    let policy = format!(
        "default-src 'none'; media-src data:; style-src '{}'; script-src '{}'; base-uri 'none'; \
         form-action 'none'",
        source_of(STYLE),
        source_of(SCRIPT)
    );
    let name = escaped(audition.name);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>Audition: {name}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{}<script>{SCRIPT}</script>\n</body>\n</html>\n",
        body(audition)
    )
}

/// Writes what stands on the page, for a page that has style and script of its own.
#[must_use]
pub fn body(audition: &Audition<'_>) -> String {
    let name = escaped(audition.name);
    let count = audition.candidates.len();
    let noun = if count == 1 { "candidate" } else { "candidates" };
    let mut html = format!(
        "<main>\n<header><h1>Audition: {name}</h1>\n<p>{count} {noun}. {}</p></header>\n",
        if audition.is_heard {
            "Who sounds like the same person is marked."
        } else {
            "No base model has heard them, so nobody is marked who sounds like another: \
             give --models with one."
        }
    );
    if audition.candidates.is_empty() {
        html.push_str("<p>Nobody has auditioned yet.</p>\n");
    }
    html.push_str("<ol class=\"candidates\">\n");
    for shown in &audition.candidates {
        candidate(&mut html, shown, audition.choose);
    }
    html.push_str("</ol>\n</main>\n");
    html
}

fn candidate(html: &mut String, shown: &Shown<'_>, choose: &str) {
    let Shown { number, text, language, .. } = shown;
    let chosen = if shown.is_chosen { " class=\"chosen\"" } else { "" };
    let mark = if shown.is_chosen { " <span class=\"mark\">chosen</span>" } else { "" };
    // Writing to a string does not fail.
    let _written = write!(
        html,
        "<li{chosen} id=\"candidate-{number}\">\n<h2>{number}{mark}</h2>\n{}\n\
         <audio controls preload=\"metadata\" aria-label=\"Candidate {number}\" \
         src=\"data:audio/mp4;base64,{}\"></audio>\n",
        waveform(&shown.peaks, &format!("Waveform of candidate {number}")),
        STANDARD.encode(shown.sound)
    );
    html.push_str("<dl>");
    for (term, value) in figures(shown) {
        let _written = write!(html, "<div><dt>{term}</dt><dd>{}</dd></div>", escaped(&value));
    }
    html.push_str("</dl>\n");
    for (other, likeness) in &shown.alike {
        let _written = writeln!(
            html,
            "<p class=\"alike\">Sounds like <a href=\"#candidate-{other}\">candidate {other}</a> \
             ({likeness:.2})</p>"
        );
    }
    let _written = writeln!(
        html,
        "<blockquote lang=\"{}\">{}</blockquote>\n<p class=\"asked\">{}</p>\n<code>{} {number}</code>\n</li>",
        escaped(language),
        escaped(text),
        escaped(shown.description),
        escaped(choose)
    );
}

fn figures(shown: &Shown<'_>) -> Vec<(&'static str, String)> {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    #[expect(clippy::cast_precision_loss, reason = "some seconds in milliseconds")]
    let seconds = shown.duration_ms as f64 / 1e3;
    vec![
        ("Length", format!("{seconds:.1} s")),
        ("Pitch", or_dash(shown.pitch_hz.map(|hz| format!("{hz:.0} Hz")))),
        ("Loudness", or_dash(shown.lufs.map(|lufs| format!("{lufs:.1} LUFS")))),
        ("Peak", format!("{:.1} dBFS", shown.peak_dbfs)),
        ("Model", shown.model.to_owned()),
        ("Seed", shown.seed.to_string()),
    ]
}

/// A text as it may stand between tags and in attributes.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// What a content policy calls a style or script by.
fn source_of(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: u32) -> Shown<'static> {
        Shown {
            number,
            description: "Low <b>and</b> close",
            model: "scratch",
            seed: 7,
            text: "\"Who's there?\" <script>alert(1)</script>",
            language: "en\" onload=\"alert(1)",
            duration_ms: 9_120,
            pitch_hz: Some(118.4),
            lufs: None,
            peak_dbfs: -1.0,
            peaks: vec![(-0.5, 0.5), (0.0, 0.0)],
            sound: b"sound",
            alike: vec![(2, 0.971)],
            is_chosen: number == 1,
        }
    }

    fn audition(is_heard: bool) -> Audition<'static> {
        Audition {
            name: "<mira>",
            candidates: vec![shown(1), shown(3)],
            is_heard,
            choose: "tableread voices choose mira",
        }
    }

    #[test]
    fn nothing_that_was_written_by_others_is_more_than_text() {
        let page = page(&audition(true));
        assert_eq!(page.matches("<script>").count(), 1, "{page}");
        assert!(!page.contains("<b>") && !page.contains("<mira>") && !page.contains("\" onload="));
    }

    #[test]
    fn the_page_asks_nobody_for_anything_and_its_policy_names_what_is_in_it() {
        let page = page(&audition(true));
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
        for content in [STYLE, SCRIPT] {
            assert!(page.contains(&source_of(content)));
            assert!(page.contains(&format!(">{content}</")));
        }
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("style=\"") && !page.contains("onclick"));
    }

    #[test]
    fn a_candidate_is_shown_with_its_figures_and_who_it_sounds_like() {
        let html = body(&audition(true));
        for part in [
            "9.1 s",
            "118 Hz",
            "<dd>–</dd>",
            "-1.0 dBFS",
            "candidate 2</a> (0.97)",
            "choose mira 3",
            "class=\"chosen\"",
            "base64,c291bmQ=",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(body(&audition(false)).contains("--models"));
    }
}
