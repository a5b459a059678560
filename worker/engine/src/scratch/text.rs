//! From a line's text to what a synthesiser is given.

use schemas::Pause;
use unicode_normalization::UnicodeNormalization;

/// A stretch of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Passage {
    /// To be spoken; may hold nothing that can be.
    Speech(String),
    /// Silence of this many milliseconds; never 0.
    Silence(u32),
}

/// Divides a line at its pauses. Offsets inside a character or beyond the end are moved back to
/// where they make sense; pauses at one place add up.
pub(crate) fn passages(text: &str, pauses: &[Pause]) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut from = 0;
    for pause in pauses {
        let at = usize::try_from(pause.at).unwrap_or(usize::MAX);
        let at = text.floor_char_boundary(at.min(text.len())).max(from);
        push_speech(&mut passages, &text[from..at]);
        from = at;
        match passages.last_mut() {
            Some(Passage::Silence(ms)) => *ms = ms.saturating_add(pause.ms),
            _ if pause.ms > 0 => passages.push(Passage::Silence(pause.ms)),
            _ => {}
        }
    }
    push_speech(&mut passages, &text[from..]);
    passages
}

fn push_speech(passages: &mut Vec<Passage>, text: &str) {
    if !text.trim().is_empty() {
        passages.push(Passage::Speech(text.to_owned()));
    }
}

/// Letters in a row that Pico is given at most; it garbles longer words.
const LONGEST_WORD: usize = 80;

/// What Pico is given for `text`: its letters and punctuation, and nothing it takes for a command.
/// `None` when there is nothing in it that Pico can say.
pub(crate) fn for_pico(text: &str) -> Option<String> {
    let plain: String = text.nfkc().map(plain_punctuation).collect();
    if !plain.chars().any(is_pico_speech) {
        return None;
    }
    let mut given = String::with_capacity(plain.len());
    for word in calm(&plain) {
        push_word(&mut given, &word);
    }
    Some(given.trim_start_matches([',', '.', ' ']).trim_end().to_owned())
}

/// The words, with shouted ones in lower case: Pico spells capitals out. Words are shouted next to
/// others in capitals, alone in the line, or when they are long and have a vowel; what remains, as
/// in `the FBI`, is taken for an abbreviation.
fn calm(text: &str) -> Vec<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let long: Vec<_> = words.iter().copied().filter(|word| letters(word) > 1).collect();
    let mut place = 0_usize;
    let calm = |word: &&str| {
        let before = place.checked_sub(1).and_then(|at| long.get(at));
        let after = long.get(place + 1);
        if letters(word) < 2 {
            return (*word).to_owned();
        }
        place += 1;
        let is_among_others = before.into_iter().chain(after).any(|near| is_capitals(near));
        let is_word = letters(word) > 3 && word.contains(is_vowel);
        let is_shouted = is_capitals(word) && (is_among_others || is_word || long.len() == 1);
        if is_shouted { word.to_lowercase() } else { (*word).to_owned() }
    };
    words.iter().map(calm).collect()
}

fn letters(word: &str) -> usize {
    word.chars().filter(|c| c.is_alphabetic()).count()
}

fn is_capitals(word: &str) -> bool {
    !word.chars().any(char::is_lowercase)
}

fn is_vowel(c: char) -> bool {
    "AEIOUY".contains(c) || (!c.is_ascii() && c.is_alphabetic())
}

/// Pico knows the letters of Western Europe.
fn is_pico_speech(c: char) -> bool {
    c.is_ascii_digit() || (c < '\u{250}' && c.is_alphabetic())
}

/// The closest mark that Pico knows. `<` begins its commands, which a script has no business giving.
fn plain_punctuation(c: char) -> char {
    match c {
        '<' | '>' | '\\' | '[' | ']' | '{' | '}' | '*' | '_' | '|' | '^' | '`' => ' ',
        '‘' | '’' | 'ʼ' | '´' => '\'',
        '“' | '”' | '„' | '«' | '»' | '‹' | '›' => '"',
        '–' | '—' | '―' => '—',
        '‐' | '‑' | '−' => '-',
        '¡' | '¿' => ' ',
        c if c.is_control() => ' ',
        c if c < '\u{250}' || matches!(c, '€' | '—') => c,
        _ => ' ',
    }
}

/// Appends a word with what a writer's punctuation means to a reader aloud: dashes and dots inside a
/// sentence are short stops, doubled marks are single ones.
fn push_word(given: &mut String, word: &str) {
    let word = word.replace("--", "—");
    let mut letters = 0;
    let mut marks = word.chars().peekable();
    if !given.is_empty() && !given.ends_with(' ') {
        given.push(' ');
    }
    while let Some(c) = marks.next() {
        match c {
            '—' => push_stop(given, ','),
            '.' if marks.peek() == Some(&'.') => push_stop(given, ','),
            '.' if given.ends_with(", ") => {}
            '!' | '?' if marks.peek().is_some_and(|next| matches!(next, '!' | '?')) => {
                // The last one stands, but a question stays one.
                if c == '?' {
                    while marks.next_if(|next| matches!(next, '!' | '?')).is_some() {}
                    given.push('?');
                }
            }
            c => {
                letters = if c.is_alphanumeric() { letters + 1 } else { 0 };
                if letters > LONGEST_WORD {
                    given.push(' ');
                    letters = 1;
                }
                given.push(c);
            }
        }
    }
}

/// Ends a clause, once, however many marks say so.
fn push_stop(given: &mut String, stop: char) {
    let end = given.trim_end().len();
    given.truncate(end);
    if !given.ends_with([',', '.', '!', '?', ';', ':']) && !given.is_empty() {
        given.push(stop);
    }
    given.push(' ');
}

/// What a program is given for `text`: as it stands, without control characters and without the
/// double brackets by which `say` and espeak-ng are given commands. `None` when there is nothing in
/// it to be said.
pub(crate) fn for_program(text: &str) -> Option<String> {
    if !text.chars().any(char::is_alphanumeric) {
        return None;
    }
    let plain = |c: char| if c.is_control() || matches!(c, '[' | ']') { ' ' } else { c };
    Some(text.nfc().map(plain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech(text: &str) -> Passage {
        Passage::Speech(text.to_owned())
    }

    #[test]
    fn a_line_is_divided_at_its_pauses_and_nothing_is_lost() {
        let pauses = [Pause { at: 8, ms: 500 }, Pause { at: 13, ms: 300 }];
        let passages = passages("I think. Yes. No.", &pauses);
        let silence = Passage::Silence;
        assert_eq!(
            passages,
            [speech("I think."), silence(500), speech(" Yes."), silence(300), speech(" No.")]
        );
    }

    #[test]
    fn odd_pauses_are_moved_to_where_they_make_sense() {
        let at = |at| Pause { at, ms: 100 };
        let divided =
            passages("Né.", &[at(0), at(2), at(2), at(99), at(1), Pause { at: 99, ms: 0 }]);
        assert_eq!(
            divided,
            [
                Passage::Silence(100),
                speech("N"),
                Passage::Silence(200),
                speech("é."),
                Passage::Silence(200)
            ]
        );
        assert_eq!(passages("", &[]), []);
    }

    #[test]
    fn pico_is_given_words_and_never_commands() {
        for (text, given) in [
            ("Who's “there”?", "Who's \"there\"?"),
            ("<volume level=\"0\">hi</volume>", "volume level=\"0\" hi /volume"),
            ("a\u{0}b\tc\n\nd", "a b c d"),
            ("Cafe\u{301} ﬁn", "Café fin"),
            ("I was — no", "I was, no"),
            ("I was--", "I was,"),
            ("Wait... what?! No!!!", "Wait, what? No!"),
            ("… and then…", "and then,"),
            ("Er, — yes", "Er, yes"),
            ("Hey 😀 you", "Hey you"),
            ("¿Qué?", "Qué?"),
            ("5 €", "5 €"),
        ] {
            assert_eq!(for_pico(text).as_deref(), Some(given), "{text}");
        }
    }

    /// Spelled out, "WHO ARE YOU" would take three times as long.
    #[test]
    fn shouted_words_are_not_spelled_out_but_abbreviations_are() {
        for (text, given) in [
            ("WHO ARE YOU?", "who are you?"),
            ("NO!", "no!"),
            ("You WON'T.", "You won't."),
            ("I said GET OUT of here", "I said get out of here"),
            ("I AM A KING", "I am A king"),
            ("Call the FBI, now", "Call the FBI, now"),
            ("An MRI at 5", "An MRI at 5"),
        ] {
            assert_eq!(for_pico(text).as_deref(), Some(given), "{text}");
        }
    }

    #[test]
    fn what_pico_cannot_read_is_nothing_to_say() {
        for text in ["", " ", "—", "...?!", "日本語", "Привет!", "😀", "<>", "&"] {
            assert_eq!(for_pico(text), None, "{text}");
        }
    }

    #[test]
    fn words_too_long_for_pico_are_divided() {
        let given = for_pico(&"ba".repeat(100)).unwrap();
        assert!(given.split(' ').all(|word| word.len() <= LONGEST_WORD), "{given}");
        assert_eq!(given.replace(' ', "").len(), 200);
    }

    #[test]
    fn programs_are_given_no_embedded_commands() {
        assert_eq!(for_program("[[rate 500]] hi\u{7}").as_deref(), Some("  rate 500   hi "));
        assert_eq!(for_program("…!"), None);
        assert_eq!(for_program("日本語").as_deref(), Some("日本語"));
    }
}
