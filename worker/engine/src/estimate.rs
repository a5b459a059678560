//! How long a text will be when it is spoken.

/// Expected audio of `text` in milliseconds, at least 200 for any text; no model needed.
///
/// `language` is BCP 47, by its first part; unknown ones count as English. `rate` is the speaking
/// rate against the usual one, taken as 0.25 to 4; pauses at commas and between sentences do not
/// follow it. Calibrated on Pico; directions' pauses are the caller's to add.
#[must_use]
pub fn estimate_ms(text: &str, language: &str, rate: f32) -> u32 {
    let letter_ms = letter_ms(language);
    let rate = if rate.is_finite() { rate.clamp(0.25, 4.0) } else { 1.0 };
    let mut speech_ms = START_MS;
    let mut pauses_ms = 0.0_f32;
    let mut due_ms = 0.0_f32;
    for c in text.chars() {
        let sound_ms = sound_ms(c, letter_ms);
        if sound_ms > 0.0 {
            speech_ms += sound_ms;
            // A pause counts once something follows it: silence at the end is cut off.
            pauses_ms += due_ms;
            due_ms = 0.0;
        } else {
            due_ms = due_ms.max(pause_ms(c));
        }
    }
    let total_ms = (speech_ms / rate + pauses_ms).round().max(200.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturating is what is wanted"
    )]
    let total_ms = total_ms as u32;
    total_ms
}

/// What a line takes beyond its letters, mostly for its last syllable.
const START_MS: f32 = 120.0;

/// Milliseconds of one letter at the usual rate.
fn letter_ms(language: &str) -> f32 {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    match primary.to_ascii_lowercase().as_str() {
        "de" | "nl" | "sv" | "da" | "nb" | "no" | "fi" | "hu" => 73.0,
        "fr" => 60.0,
        "es" | "pt" | "ca" => 79.0,
        "it" | "ro" => 76.0,
        _ => 69.0,
    }
}

/// What a character adds to the speech; 0 for what is not spoken.
fn sound_ms(c: char, letter_ms: f32) -> f32 {
    match c {
        // A digit is a word, and has "hundred" or "and" beside it.
        '0'..='9' => 6.0 * letter_ms,
        '%' | '&' | '$' | '€' | '£' | '@' | '+' | '=' => 6.0 * letter_ms,
        '\u{3040}'..='\u{30ff}' => 130.0,
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => 230.0,
        '\u{ac00}'..='\u{d7af}' => 190.0,
        c if c.is_alphabetic() => letter_ms,
        _ => 0.0,
    }
}

/// What a mark adds to the pause before what follows.
fn pause_ms(c: char) -> f32 {
    match c {
        '.' | '!' | '?' | '。' | '！' | '？' => 480.0,
        ',' | ';' | ':' | '—' | '–' | '…' | '、' | '，' => 200.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_texts_take_longer_and_faster_speech_less_time() {
        let plain = estimate_ms("Nay, answer me. Stand and unfold yourself.", "en", 1.0);
        assert!((2_500..4_500).contains(&plain), "{plain}");
        assert!(estimate_ms("Nay, answer me.", "en", 1.0) < plain);
        let slow = estimate_ms("Nay, answer me. Stand and unfold yourself.", "en", 0.5);
        assert_eq!(slow - plain, plain - 480 - 200);
    }

    #[test]
    fn digits_and_other_scripts_count_as_they_are_read() {
        assert!(estimate_ms("1984", "en", 1.0) > 3 * estimate_ms("aaaa", "en", 1.0));
        assert_eq!(estimate_ms("夜の船が出る。", "ja", 1.0), 120 + 3 * 230 + 3 * 130);
        assert_eq!(estimate_ms("你好，朋友", "zh-CN", 1.0), 120 + 4 * 230 + 200);
    }

    #[test]
    fn any_input_gives_a_sane_length() {
        assert_eq!(estimate_ms("", "en", 1.0), 200);
        assert_eq!(estimate_ms("...", "", f32::NAN), 200);
        assert_eq!(estimate_ms("abc", "en", 0.0), estimate_ms("abc", "en", 0.25));
    }
}
