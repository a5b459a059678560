//! A sound as a picture.

use std::fmt::Write as _;

use super::escaped;

/// Height of the picture in its own units; a column is one wide.
const HEIGHT: f32 = 60.0;

/// Draws peaks, lowest and highest sample of equal stretches, as an SVG that takes the width it is given.
#[must_use]
pub fn waveform(peaks: &[(f32, f32)], label: &str) -> String {
    let mut path = String::new();
    for (column, (low, high)) in peaks.iter().enumerate() {
        let (top, bottom) = (height_of(*high), height_of(*low));
        // Silence is a thin line, so that a pause is seen to be one.
        let bottom = bottom.max(top + 0.6);
        // Writing to a string does not fail.
        let _written = write!(path, "M{column}.5 {top:.1}V{bottom:.1}");
    }
    let (width, label) = (peaks.len().max(1), escaped(label));
    format!(
        "<svg class=\"wave\" viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{label}\"><path d=\"{path}\"/></svg>"
    )
}

fn height_of(sample: f32) -> f32 {
    let sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
    (1.0 - sample) / 2.0 * HEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_fills_the_picture_and_what_is_no_number_stays_in_it() {
        let svg = waveform(&[(-1.0, 1.0), (f32::NAN, 9.0), (0.0, 0.0)], "a");
        assert!(svg.contains("M0.5 0.0V60.0M1.5 0.0V30.0M2.5 30.0V30.6"), "{svg}");
        assert!(waveform(&[], "a").contains("viewBox=\"0 0 1 60\""));
    }
}
