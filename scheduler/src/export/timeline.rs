//! The episode as a picture: who speaks when, how loud, and what is missing.

use std::fmt::Write as _;

use super::place::Place;

/// One line in the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar<'a> {
    /// Where it stands.
    pub place: Place,
    /// Whose lane it is in.
    pub character: &'a str,
    /// Shown when pointed at, e.g. the line's id.
    pub id: &'a str,
    /// Shown when pointed at.
    pub text: &'a str,
    /// Lowest and highest sample of equal stretches, −1 to 1; empty for a line without audio.
    pub peaks: Vec<(f32, f32)>,
    /// Why there is no audio; absent for a delivered line.
    pub missing: Option<&'a str>,
}

/// One scene in the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneBand<'a> {
    /// From its first line to its last.
    pub place: Place,
    /// The scene's heading.
    pub heading: &'a str,
}

const GUTTER: f64 = 190.0;
const HEADER: f64 = 96.0;
const LANE: f64 = 44.0;
const MARGIN: f64 = 16.0;

/// Draws the picture as one self-contained SVG: no scripts, no outside references.
///
/// Characters have a lane each, in order of their first line. Ten pixels a second, fewer for
/// episodes beyond ten minutes, so that the picture stays below 6 200 pixels.
#[must_use]
pub fn timeline(title: &str, bars: &[Bar<'_>], scenes: &[SceneBand<'_>]) -> String {
    let lanes = lanes(bars);
    let end_ms = bars.iter().map(|bar| bar.place.end_ms).max().unwrap_or(0);
    let scale = Scale::fitting(end_ms);
    let (width, height) = (scale.x(end_ms) + MARGIN, HEADER + LANE * count(lanes.len()) + MARGIN);

    let mut svg = String::new();
    open(&mut svg, width, height);
    heading(&mut svg, title, bars, end_ms);
    for (i, scene) in scenes.iter().enumerate() {
        scene_band(&mut svg, scene, &scale, Stripe { is_even: i % 2 == 0, height });
    }
    ticks(&mut svg, &scale, end_ms, height);
    for (i, lane) in lanes.iter().enumerate() {
        let top = HEADER + LANE * count(i);
        lane_name(&mut svg, lane, top, hue(i));
        for bar in bars.iter().filter(|bar| bar.character == lane.character) {
            line_bar(&mut svg, bar, &scale, Lane { top, hue: hue(i) });
        }
    }
    svg.push_str("</svg>\n");
    svg
}

struct LaneName<'a> {
    character: &'a str,
    lines: usize,
    speaking_ms: u64,
}

fn lanes<'a>(bars: &[Bar<'a>]) -> Vec<LaneName<'a>> {
    let mut lanes: Vec<LaneName<'a>> = Vec::new();
    for bar in bars {
        let spoken = bar.place.end_ms - bar.place.start_ms;
        match lanes.iter_mut().find(|lane| lane.character == bar.character) {
            Some(lane) => {
                lane.lines += 1;
                lane.speaking_ms += spoken;
            }
            None => {
                lanes.push(LaneName { character: bar.character, lines: 1, speaking_ms: spoken });
            }
        }
    }
    lanes
}

struct Scale {
    pixels_per_ms: f64,
}

impl Scale {
    fn fitting(end_ms: u64) -> Self {
        let natural = ms(end_ms) * 0.01;
        let width = natural.clamp(900.0, 6_000.0);
        Self { pixels_per_ms: width / ms(end_ms).max(1.0) }
    }

    fn x(&self, at_ms: u64) -> f64 {
        GUTTER + ms(at_ms) * self.pixels_per_ms
    }
}

#[expect(clippy::cast_precision_loss, reason = "an episode is far below 2^52 ms long")]
fn ms(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "a cast is far below 2^52 characters")]
fn count(value: usize) -> f64 {
    value as f64
}

/// Neighbouring lanes get hues far apart: steps of the golden angle.
fn hue(lane: usize) -> f64 {
    (count(lane) * 137.508 + 205.0) % 360.0
}

fn push(svg: &mut String, element: std::fmt::Arguments<'_>) {
    svg.write_fmt(element).expect("writing to a string cannot fail");
    svg.push('\n');
}

fn open(svg: &mut String, width: f64, height: f64) {
    push(
        svg,
        format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img">
<style>
svg {{ background: #fbfaf8; color: #1d1d1f; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; }}
text {{ fill: currentColor; }} .dim {{ opacity: .6; }} .title {{ font-size: 18px; font-weight: 600; }}
.name {{ font-size: 13px; font-weight: 600; }} .even {{ fill: #8881; }} .odd {{ fill: #8882; }}
.tick {{ stroke: currentColor; opacity: .12; }} .missing {{ fill: none; stroke: #d33; stroke-width: 1.5; stroke-dasharray: 4 3; }}
@media (prefers-color-scheme: dark) {{ svg {{ background: #17181b; color: #ececf0; }} }}
</style>"#
        ),
    );
}

fn heading(svg: &mut String, title: &str, bars: &[Bar<'_>], end_ms: u64) {
    let missing = bars.iter().filter(|bar| bar.missing.is_some()).count();
    let title = escape(title);
    push(svg, format_args!("<title>{title}</title>"));
    push(svg, format_args!(r#"<text class="title" x="{MARGIN}" y="30">{title}</text>"#));
    let lines = bars.len();
    let missing = if missing == 0 { String::new() } else { format!(", {missing} without audio") };
    let length = clock(end_ms);
    push(
        svg,
        format_args!(
            r#"<text class="dim" x="{MARGIN}" y="50">{lines} lines, {length}{missing}</text>"#
        ),
    );
}

#[derive(Clone, Copy)]
struct Stripe {
    is_even: bool,
    height: f64,
}

fn scene_band(svg: &mut String, scene: &SceneBand<'_>, scale: &Scale, stripe: Stripe) {
    let (x, width) = extent(scene.place, scale);
    let class = if stripe.is_even { "even" } else { "odd" };
    let (y, height) = (HEADER - 34.0, stripe.height - HEADER + 34.0 - MARGIN / 2.0);
    let heading = escape(scene.heading);
    // About 7.5 pixels a capital; what does not fit is in the tooltip.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "widths are 0 to 6 000 pixels"
    )]
    let shown = escape(&fit(scene.heading, ((width - 8.0) / 7.5) as usize));
    push(
        svg,
        format_args!(
            r#"<g><title>{heading}</title><rect class="{class}" x="{x:.1}" y="{y}" width="{width:.1}" height="{height:.1}" rx="4"/><text class="dim" x="{:.1}" y="{:.1}">{shown}</text></g>"#,
            x + 5.0,
            y + 14.0,
        ),
    );
}

fn extent(place: Place, scale: &Scale) -> (f64, f64) {
    let x = scale.x(place.start_ms);
    (x, (scale.x(place.end_ms) - x).max(1.0))
}

fn fit(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        text.to_owned()
    } else if columns < 4 {
        String::new()
    } else {
        text.chars().take(columns - 1).chain(['…']).collect()
    }
}

fn ticks(svg: &mut String, scale: &Scale, end_ms: u64, height: f64) {
    let step_ms = [5_000, 10_000, 30_000, 60_000, 300_000]
        .into_iter()
        .find(|step| ms(*step) * scale.pixels_per_ms >= 70.0)
        .unwrap_or(600_000);
    for at in (0..=end_ms / step_ms).map(|i| i * step_ms) {
        let (x, bottom, label) = (scale.x(at), height - MARGIN / 2.0, clock(at));
        push(
            svg,
            format_args!(
                r#"<line class="tick" x1="{x:.1}" y1="{HEADER}" x2="{x:.1}" y2="{bottom:.1}"/><text class="dim" x="{:.1}" y="{:.1}">{label}</text>"#,
                x + 3.0,
                HEADER - 6.0,
            ),
        );
    }
}

fn lane_name(svg: &mut String, lane: &LaneName<'_>, top: f64, hue: f64) {
    let name = escape(&fit(lane.character, 20));
    let (lines, length) = (lane.lines, clock(lane.speaking_ms));
    let plural = if lines == 1 { "" } else { "s" };
    push(
        svg,
        format_args!(
            r#"<rect x="{MARGIN}" y="{:.1}" width="5" height="{:.1}" rx="2" fill="hsl({hue:.0} 60% 52%)"/><text class="name" x="{:.1}" y="{:.1}">{name}</text><text class="dim" x="{:.1}" y="{:.1}">{lines} line{plural}, {length}</text>"#,
            top + 6.0,
            LANE - 12.0,
            MARGIN + 12.0,
            top + 19.0,
            MARGIN + 12.0,
            top + 34.0,
        ),
    );
}

#[derive(Clone, Copy)]
struct Lane {
    top: f64,
    hue: f64,
}

fn line_bar(svg: &mut String, bar: &Bar<'_>, scale: &Scale, lane: Lane) {
    let (x, width) = extent(bar.place, scale);
    let (top, hue) = (lane.top + 4.0, lane.hue);
    let height = LANE - 8.0;
    let (id, text) = (escape(bar.id), escape(bar.text));
    let start = clock(bar.place.start_ms);
    let note = bar.missing.map(|why| format!("\n{}", escape(why))).unwrap_or_default();
    let shape = match bar.missing {
        Some(_) => format!(
            r#"<rect class="missing" x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" rx="3"/>"#
        ),
        None => format!(
            r#"<rect x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" rx="3" fill="hsl({hue:.0} 60% 52% / .18)"/><path fill="hsl({hue:.0} 60% 52%)" d="{}"/>"#,
            waveform(&bar.peaks, x, width, top + height / 2.0, height / 2.0)
        ),
    };
    push(svg, format_args!("<g><title>{id}  {start}\n{text}{note}</title>{shape}</g>"));
}

/// One closed outline: along the highest samples, back along the lowest, square root for the eye.
fn waveform(peaks: &[(f32, f32)], x: f64, width: f64, middle: f64, half: f64) -> String {
    let step = width / count(peaks.len().max(1));
    let bend = |sample: f32| f64::from(sample.abs().sqrt().min(1.0)) * (half - 1.0);
    let mut path = format!("M{x:.1} {middle:.1}");
    for (i, (_, high)) in peaks.iter().enumerate() {
        let _infallible =
            write!(path, "L{:.1} {:.1}", x + step * (count(i) + 0.5), middle - bend(*high));
    }
    for (i, (low, _)) in peaks.iter().enumerate().rev() {
        let _infallible =
            write!(path, "L{:.1} {:.1}", x + step * (count(i) + 0.5), middle + bend(*low));
    }
    path.push('Z');
    path
}

fn clock(at_ms: u64) -> String {
    let s = at_ms / 1_000;
    if s >= 3_600 {
        format!("{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

/// Escapes for element content, and drops what XML 1.0 cannot hold at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(character: &str, start_ms: u64, end_ms: u64) -> Bar<'_> {
        Bar {
            place: Place { start_ms, end_ms },
            character,
            id: "sc001-l0001",
            text: "Hello",
            peaks: vec![(-0.5, 0.25), (-0.1, 0.1)],
            missing: None,
        }
    }

    #[test]
    fn every_character_has_one_lane_in_order_of_appearance() {
        let bars = [bar("MIRA", 0, 900), bar("OTTO", 1_000, 2_000), bar("MIRA", 2_100, 3_000)];
        let svg = timeline("Test", &bars, &[]);
        let names: Vec<_> = svg.matches(r#"class="name""#).collect();
        assert_eq!(names.len(), 2);
        assert!(svg.find("MIRA").unwrap() < svg.find("OTTO").unwrap());
        assert!(svg.contains("2 lines, 0:01"), "lanes sum what is spoken: {svg}");
    }

    #[test]
    fn script_text_cannot_become_markup() {
        let mut hostile = bar("<script>alert(1)</script>", 0, 900);
        hostile.text = "\"><image href=x onerror=alert(1)>\u{0}";
        let scenes =
            [SceneBand { place: hostile.place, heading: "</title><script>alert(2)</script>" }];
        let svg = timeline("<b>&", &[hostile], &scenes);
        assert!(!svg.contains("<script") && !svg.contains("<image") && !svg.contains('\u{0}'));
        assert!(svg.contains("&lt;b&gt;&amp;"));
    }

    #[test]
    fn a_line_without_audio_is_outlined_and_says_why() {
        let mut failed = bar("MIRA", 0, 900);
        failed.missing = Some("the text cannot be spoken");
        let svg = timeline("Test", &[failed], &[]);
        assert!(svg.contains(r#"class="missing""#) && svg.contains("the text cannot be spoken"));
        assert!(svg.contains("1 without audio"));
    }

    #[test]
    fn an_empty_episode_is_still_a_picture() {
        assert!(timeline("Empty", &[], &[]).ends_with("</svg>\n"));
    }
}
