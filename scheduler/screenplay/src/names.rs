//! Who speaks: the name, what stands in brackets behind it, and names that are several people.

use unicode_normalization::UnicodeNormalization;

use crate::inline::{is_space, plain, trim};
use crate::script::Extension;

/// What names of several people are made of.
const GROUP_NAMES: [&str; 8] =
    ["ALL", "BOTH", "EVERYBODY", "EVERYONE", "TOGETHER", "ALL TOGETHER", "THE OTHERS", "VARIOUS"];

/// What says in brackets that a name is several people.
const GROUP_EXTENSIONS: [&str; 6] =
    ["VARIOUS", "ALL", "TOGETHER", "IN UNISON", "UNISON", "SIMULTANEOUSLY"];

/// Words by which an extension says that a device is between the voice and the ear.
const DEVICES: [&str; 25] = [
    "ANSWERPHONE",
    "CB",
    "COMM",
    "COMMS",
    "EARPIECE",
    "FILTER",
    "FILTERED",
    "HEADSET",
    "INTERCOM",
    "LOUDSPEAKER",
    "MEGAPHONE",
    "PA",
    "PHONE",
    "RADIO",
    "RECORDED",
    "RECORDING",
    "SPEAKER",
    "SPEAKERPHONE",
    "TAPE",
    "TELEPHONE",
    "TELEVISION",
    "TV",
    "VOICEMAIL",
    "WALKIE",
    "WALKIE-TALKIE",
];

/// A cue taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cue {
    /// As written, without extensions and markup; spaces as written. Empty when there is no name.
    pub(crate) speaker: String,
    /// Normalised and in order, without `CONT'D`.
    pub(crate) extensions: Vec<Extension>,
    /// Whether a `^` ends it.
    pub(crate) is_dual: bool,
    /// Whether a `CONT'D` was dropped.
    pub(crate) is_continued: bool,
    /// Whether it holds a bracket that never closes, or words behind one.
    pub(crate) is_ragged: bool,
}

/// What speakers' names are compared by: markup removed, NFC, upper case, inner spaces collapsed,
/// typographic apostrophes straightened.
#[must_use]
pub fn speaker_key(name: &str) -> String {
    let upper: String = plain(name).nfc().flat_map(char::to_uppercase).nfc().collect();
    let upper = upper.replace(['\u{2019}', '\u{02bc}'], "'");
    let words: Vec<_> = upper.split(is_space).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Takes a cue apart, e.g. `MOM (O.S.) (CONT'D) ^`; a leading `@` is the caller's to remove.
///
/// Words behind a bracket are added to the name, and a bracket that never closes ends with the
/// text: both make the cue ragged.
pub(crate) fn parse_cue(text: &str) -> Cue {
    let text = plain(text);
    let (text, is_dual) = without_caret(&text);
    let (name, mut rest) = text.split_at(text.find('(').unwrap_or(text.len()));
    let (name, is_inner_dual) = without_caret(name);
    let mut cue = Cue {
        speaker: name.to_owned(),
        extensions: Vec::new(),
        is_dual: is_dual || is_inner_dual,
        is_continued: false,
        is_ragged: false,
    };
    while !rest.is_empty() {
        rest = cue.take(rest);
    }
    cue
}

/// Cuts the `^` off the end, whatever space is around it.
fn without_caret(text: &str) -> (&str, bool) {
    let text = trim(text);
    let bare = text.trim_end_matches(|char| char == '^' || is_space(char));
    (bare, bare.len() < text.len())
}

impl Cue {
    /// Takes one bracket, or the words before the next one, off the front of `rest`.
    fn take<'t>(&mut self, rest: &'t str) -> &'t str {
        if !rest.starts_with('(') {
            let (words, rest) = rest.split_at(rest.find('(').unwrap_or(rest.len()));
            if !trim(words).is_empty() {
                self.is_ragged = true;
                if !self.speaker.is_empty() {
                    self.speaker.push(' ');
                }
                self.speaker += trim(words);
            }
            return rest;
        }
        let close = closing_bracket(rest);
        self.is_ragged |= close.is_none();
        self.extend(&rest[1..close.unwrap_or(rest.len())]);
        close.map_or("", |close| &rest[close + 1..])
    }

    /// Adds what one bracket says.
    fn extend(&mut self, inside: &str) {
        let inside = trim(inside);
        let pieces = match known_extension(inside) {
            Some(known) => vec![known],
            None => known_pieces(inside),
        };
        if pieces.is_empty() && !inside.is_empty() {
            self.extensions.push(Extension::Other(inside.to_owned()));
        }
        for piece in pieces {
            match piece {
                Known::Continued => self.is_continued = true,
                Known::Extension(extension) => self.extensions.push(extension),
            }
        }
    }

    /// Whether a bracket says something that only stands behind a name, e.g. `V.O.`.
    pub(crate) fn has_known_extension(&self) -> bool {
        let is_known = |extension: &Extension| !matches!(extension, Extension::Other(_));
        self.is_continued || self.extensions.iter().any(is_known)
    }

    /// Whether several people speak, e.g. `BOB & ANN`, `ALL` or `CROWD (VARIOUS)`.
    pub(crate) fn is_group(&self) -> bool {
        let is_joined = |word: &str| matches!(word, "&" | "+" | "AND") || is_pair(word);
        let key = speaker_key(&self.speaker);
        let says_group = |extension: &Extension| match extension {
            Extension::Other(text) => GROUP_EXTENSIONS.contains(&speaker_key(text).as_str()),
            Extension::VoiceOver
            | Extension::OffScreen
            | Extension::PreLap
            | Extension::Filtered(_) => false,
        };
        GROUP_NAMES.contains(&key.as_str())
            || key.split(' ').any(is_joined)
            || key.contains(", ")
            || self.extensions.iter().any(says_group)
    }
}

/// Whether a word is two names: `BOB/ANN` or `BOB&ANN`.
fn is_pair(word: &str) -> bool {
    let has_letter = |part: &str| part.chars().any(char::is_alphabetic);
    word.split_once(['/', '&', '+']).is_some_and(|(one, two)| has_letter(one) && has_letter(two))
}

/// Where the bracket that `text` starts with closes, counting nested ones.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.bytes().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

enum Known {
    Extension(Extension),
    Continued,
}

/// What `text` says, when it is one of the extensions with a meaning.
fn known_extension(text: &str) -> Option<Known> {
    let letters: String =
        text.chars().filter(|char| char.is_alphabetic()).flat_map(char::to_uppercase).collect();
    let extension = match letters.as_str() {
        "VO" | "VOICEOVER" => Extension::VoiceOver,
        "OS" | "OC" | "OFFSCREEN" | "OFFCAMERA" => Extension::OffScreen,
        "PRELAP" => Extension::PreLap,
        "CONTD" | "CONT" | "CONTINUED" | "CONTINUING" => return Some(Known::Continued),
        _ if is_device(text) => Extension::Filtered(text.to_owned()),
        _ => return None,
    };
    Some(Known::Extension(extension))
}

fn is_device(text: &str) -> bool {
    let bare = |word: &str| word.replace('.', "").to_uppercase();
    !text.contains(['/', ',', ';'])
        && text.split(is_space).any(|word| DEVICES.contains(&bare(word).as_str()))
}

/// What `text` says piece by piece, e.g. `V.O., ON PHONE`; nothing unless every piece is known.
fn known_pieces(text: &str) -> Vec<Known> {
    let pieces = |separators: &[char]| -> Option<Vec<Known>> {
        let pieces = text.split(separators).map(trim).filter(|piece| !piece.is_empty());
        pieces.map(known_extension).collect()
    };
    pieces(&['/', ',', ';', '&']).or_else(|| pieces(&['/', ',', ';', '&', ' '])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let cue = parse_cue(text);
        let extensions: Vec<String> = cue.extensions.iter().cloned().map(String::from).collect();
        let mut shown = format!("{} [{}]", cue.speaker, extensions.join("|"));
        for (is_so, word) in
            [(cue.is_dual, " dual"), (cue.is_continued, " continued"), (cue.is_ragged, " ragged")]
        {
            shown += if is_so { word } else { "" };
        }
        shown
    }

    #[test]
    fn a_cue_may_have_several_extensions() {
        assert_eq!(show("MOM (O.S.) (CONT'D)"), "MOM [O.S.] continued");
        assert_eq!(show("MOM(V.O.)(SUBTITLED)"), "MOM [V.O.|SUBTITLED]");
        assert_eq!(show("MOM (V.O., ON PHONE)"), "MOM [V.O.|ON PHONE]");
        assert_eq!(show("MOM (V.O. CONT'D)"), "MOM [V.O.] continued");
    }

    #[test]
    fn spellings_of_an_extension_are_one() {
        for text in ["V.O.", "VO", "V.O", "v.o.", "V/O", "Voice Over"] {
            assert_eq!(show(&format!("A ({text})")), "A [V.O.]", "{text}");
        }
        for text in ["O.S.", "OS", "O.C.", "off-screen", "O/S"] {
            assert_eq!(show(&format!("A ({text})")), "A [O.S.]", "{text}");
        }
        for text in ["CONT'D", "CONT’D", "cont'd", "CONT.", "Continued"] {
            assert_eq!(show(&format!("A ({text})")), "A [] continued", "{text}");
        }
        assert_eq!(show("A (pre-lap)"), "A [PRE-LAP]");
    }

    #[test]
    fn devices_keep_their_words() {
        assert_eq!(
            parse_cue("A (on the radio)").extensions,
            [Extension::Filtered("on the radio".into())]
        );
        assert_eq!(parse_cue("A (FILTERED)").extensions, [Extension::Filtered("FILTERED".into())]);
        assert_eq!(parse_cue("A (subtitled)").extensions, [Extension::Other("subtitled".into())]);
    }

    #[test]
    fn a_caret_at_the_end_is_dual_whatever_the_spacing() {
        for text in ["BOB^", "BOB ^", "BOB   ^ ", "BOB ^^"] {
            assert_eq!(show(text), "BOB [] dual", "{text}");
        }
        assert_eq!(show("BOB (V.O.)^"), "BOB [V.O.] dual");
        assert_eq!(show("BOB ^ (V.O.)"), "BOB [V.O.] dual");
    }

    #[test]
    fn a_ragged_cue_loses_nothing() {
        assert_eq!(show("BOB (V.O."), "BOB [V.O.] ragged");
        assert_eq!(show("BOB (V.O.) SMITH"), "BOB SMITH [V.O.] ragged");
        assert_eq!(show("BOB (a (b) c)"), "BOB [a (b) c]");
        assert_eq!(show(""), " []");
    }

    #[test]
    fn a_group_is_recognised() {
        for text in ["BOB & ANN", "BOB AND ANN", "ALL", "BOB/ANN", "CROWD (VARIOUS)", "A, B"] {
            assert!(parse_cue(text).is_group(), "{text}");
        }
        for text in ["BOB", "ALLAN", "AC/", "ANDY", "BRANDON", "GUARD #1", "CROWD"] {
            assert!(!parse_cue(text).is_group(), "{text}");
        }
    }

    #[test]
    fn a_key_forgets_case_spacing_markup_and_composition() {
        assert_eq!(speaker_key("  **Renée**   o’Brien "), "RENÉE O'BRIEN");
        assert_eq!(speaker_key("Rene\u{301}e"), speaker_key("REN\u{c9}E"));
        assert_eq!(speaker_key("Strauß"), "STRAUSS");
        assert_eq!(speaker_key(""), "");
    }

    #[test]
    fn a_key_is_its_own_key() {
        for name in ["Renée", "  a  b ", "ŉ", "ǰ", "鈴木", "O’Neil"] {
            assert_eq!(speaker_key(&speaker_key(name)), speaker_key(name), "{name}");
        }
    }
}
