//! What a take looks like.

use std::fmt::Write as _;

use ::voices::Take;
use audio::Pcm;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Height of each of `columns` equal stretches, 0 to 1, against the highest.
fn heights(pcm: &Pcm, columns: usize) -> Vec<f32> {
    let heights: Vec<f32> =
        audio::peaks(pcm, columns).iter().map(|(low, high)| high.abs().max(low.abs())).collect();
    let highest = heights.iter().copied().fold(0.0, f32::max);
    heights.iter().map(|height| if highest > 0.0 { height / highest } else { 0.0 }).collect()
}

/// A take in one line of text.
pub(super) fn sparkline(pcm: &Pcm, columns: usize) -> String {
    let block = |height: &f32| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1, so 0 to 7"
        )]
        let step = (height * 7.0).round() as usize;
        BLOCKS[step.min(7)]
    };
    heights(pcm, columns).iter().map(block).collect()
}

/// Takes one below the other as an SVG that needs nothing else.
pub(super) fn svg(title: &str, takes: &[(&Take, Pcm)]) -> String {
    const WIDTH: usize = 720;
    const ROW: usize = 96;
    let height = 40 + takes.len() * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>{0}</title>\n\
         <text x=\"10\" y=\"24\" font-size=\"16\">{0}</text>\n",
        escaped(title)
    );
    for (row, (take, pcm)) in takes.iter().enumerate() {
        let top = 40 + row * ROW;
        let middle = top + 54;
        let mut path = String::new();
        for (column, height) in heights(pcm, WIDTH - 20).into_iter().enumerate() {
            let reach = height * 34.0;
            let x = column + 10;
            // Writing into a string does not fail.
            _ = write!(path, "M{x} {middle}m0 -{reach:.1}v{:.1}", 2.0 * reach);
        }
        _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{}\">{} · {} · {}</text>\n<path d=\"{path}\" stroke=\"#2a6f97\"/>",
            top + 14,
            escaped(&take.mood),
            escaped(&take.language),
            escaped(take.transcript.as_deref().unwrap_or("no transcript")),
        );
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_is_drawn_as_loud_as_it_is() {
        let samples = [vec![0.0; 100], vec![0.5; 100], vec![-1.0; 100], vec![0.0; 100]].concat();
        let pcm = Pcm { samples, rate_hz: 24_000 };
        assert_eq!(sparkline(&pcm, 4), "▁▅█▁");
        assert_eq!(sparkline(&Pcm::default(), 3), "▁▁▁");
    }
}
