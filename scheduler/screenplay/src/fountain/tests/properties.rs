//! What holds for every text, and for every script that a grammar gives.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::super::parse;
use crate::fountain::print_fountain;
use crate::script::{
    Dual, Element, ElementKind, Emphasis, Extension, Format, Part, Script, Span, Speech, TitleField,
};
use crate::speaker_key;

const NOWHERE: Span = Span { line: 1, column: 1, start: 0, end: 0 };

/// Pieces from which texts are made that meet every rule.
const PIECES: [&str; 48] = [
    "\n",
    "\n",
    "\n",
    "\n\n",
    "\n\n",
    "\n  \n",
    " ",
    "\t",
    "BOB",
    "ANN",
    "Hello",
    "there.",
    "é鈴",
    "(V.O.)",
    "(CONT'D)",
    "(MORE)",
    "(",
    ")",
    "(beat)",
    "^",
    "[[",
    "]]",
    "[",
    "]",
    "*",
    "**",
    "***",
    "_",
    "\\",
    "!",
    "#",
    "=",
    "===",
    "~",
    ">",
    "<",
    ".",
    "@",
    ":",
    "Title: x",
    "INT. HOUSE - DAY",
    "CUT TO:",
    "\u{0}",
    "\u{200b}",
    "\u{202e}",
    "\u{feff}",
    "1984",
    "& ",
];

fn text() -> impl Strategy<Value = String> {
    vec(select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

fn text_with_boneyards() -> impl Strategy<Value = String> {
    let piece = prop_oneof![6 => select(&PIECES[..]), 1 => select(&["/*", "*/", "/", "\r"][..])];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Everything a script says, without where it says it.
fn content(script: &Script) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| !matches!(key.as_str(), "span" | "cue" | "doubts"));
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut value = serde_json::to_value(script).unwrap();
    strip(&mut value);
    value
}

fn spoken(script: &Script) -> String {
    let speeches = script.elements.iter().filter_map(|element| match &element.kind {
        ElementKind::Speech(speech) => Some(speech.spoken().text),
        _ => None,
    });
    speeches.collect::<Vec<_>>().join("\n")
}

/// Line and column as anyone would count them.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text[..at].strip_prefix('\u{feff}').unwrap_or(&text[..at]);
    let is_inside_line_end = before.ends_with('\r') && text[at..].starts_with('\n');
    let unified =
        before.replace("\r\n", "\n").replace('\r', if is_inside_line_end { "" } else { "\n" });
    let line_start = unified.rfind('\n').map_or(0, |newline| newline + 1);
    (unified.matches('\n').count() + 1, unified[line_start..].chars().count() + 1)
}

fn check(text: &str, span: Span) {
    let (start, end) = (span.start as usize, span.end as usize);
    assert!(text.get(start..end).is_some(), "{span:?} in {text:?}");
    assert_eq!((span.line as usize, span.column as usize), place(text, start), "{text:?}");
}

fn check_spans(text: &str) {
    let script = parse(text);
    for span in script.title_page.iter().map(|field| field.span) {
        check(text, span);
    }
    for doubt in &script.doubts {
        check(text, doubt.span);
    }
    let mut before = 0;
    for element in &script.elements {
        check(text, element.span);
        assert!(before <= element.span.start, "elements are out of order in {text:?}");
        before = element.span.start;
        if let ElementKind::Speech(speech) = &element.kind {
            check(text, speech.cue);
            check_parts(text, element.span, speech);
        }
    }
}

fn check_parts(text: &str, whole: Span, speech: &Speech) {
    let mut before = speech.cue.end;
    for part in &speech.parts {
        let span = match part {
            Part::Words { span, .. }
            | Part::Sung { span, .. }
            | Part::Parenthetical { span, .. } => *span,
            Part::EmptyLine => continue,
        };
        check(text, span);
        assert!(before <= span.start && span.end <= whole.end, "{span:?} in {text:?}");
        before = span.end;
    }
}

const WORDS: [&str; 16] = [
    "Hello",
    "there",
    "5",
    "*",
    "_",
    "a*b",
    "snake_case",
    "#1",
    "--",
    "it's",
    "é",
    "鈴木",
    "&",
    "x:",
    "...",
    "2*",
];

fn words() -> impl Strategy<Value = String> {
    (select(&["Well", "So,", "No!", "É"][..]), vec(select(&WORDS[..]), 0..5))
        .prop_map(|(first, rest)| [vec![first], rest].concat().join(" "))
}

/// Words of which some are emphasised.
fn spoken_words() -> impl Strategy<Value = Part> {
    vec((select(&["Well", "so", "*", "a_b", "é"][..]), 0_u8..12), 1..6).prop_map(|words| {
        let (mut text, mut emphasis) = ("Oh".to_owned(), Vec::new());
        for (word, style) in words {
            text.push(' ');
            let start = u32::try_from(text.len()).unwrap();
            text += word;
            let end = u32::try_from(text.len()).unwrap();
            let (is_italic, is_bold, is_underlined) =
                (style & 1 != 0, style & 2 != 0, style & 4 != 0);
            if style & 7 != 0 {
                emphasis.push(Emphasis { start, end, is_italic, is_bold, is_underlined });
            }
        }
        Part::Words { text, emphasis, span: NOWHERE }
    })
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => spoken_words(),
        1 => words().prop_map(|text| Part::Sung { text, span: NOWHERE }),
        1 => words().prop_map(|text| Part::Parenthetical { text, span: NOWHERE }),
        1 => Just(Part::EmptyLine),
    ]
}

fn speech() -> impl Strategy<Value = Speech> {
    let names = [
        "BOB",
        "McAvoy",
        "鈴木",
        "DR. SMITH",
        "R2D2",
        "INT. MAN",
        "CUT TO:",
        "THE DOOR SLAMS.",
        "A*B",
        "#1",
        "...",
        "O'HARA",
        "BOB & ANN",
        "~X",
        "FADE IN:",
        "@ANN",
        "!",
        "X_Y_Z",
    ];
    let extensions = [
        Extension::VoiceOver,
        Extension::OffScreen,
        Extension::PreLap,
        Extension::Filtered("on the radio".into()),
        Extension::Other("SUBTITLED".into()),
        Extension::Other("a *b*".into()),
    ];
    let notes = vec(select(&["id:sc001-l0001", "vo: x", "two\nlines"][..]), 0..3);
    (
        select(names.to_vec()),
        vec(select(extensions.to_vec()), 0..3),
        vec(part(), 0..4),
        spoken_words(),
        notes,
    )
        .prop_map(|(name, extensions, mut parts, last, notes)| {
            if matches!(parts.first(), Some(Part::EmptyLine)) {
                parts.remove(0);
            }
            if matches!(parts.first(), Some(Part::EmptyLine)) {
                parts.clear();
            }
            parts.push(last);
            Speech {
                speaker: name.to_owned(),
                speaker_key: speaker_key(name),
                cue: NOWHERE,
                extensions,
                dual: None,
                parts,
                notes: notes.into_iter().map(str::to_owned).collect(),
            }
        })
}

fn action() -> impl Strategy<Value = String> {
    let odd = select(
        &[
            "BOB",
            "INT. HOUSE",
            "Key: value",
            "!x",
            "# x",
            "  indented",
            "",
            "===",
            "~x",
            "(paren",
            "> x <",
            "...",
            ".X",
            "@x",
            "CUT TO:",
            "BOB (on the phone)",
            "-- x",
            "= x",
            "    BOB",
        ][..],
    );
    vec(prop_oneof![odd.prop_map(str::to_owned), words()], 1..5).prop_map(|lines| lines.join("\n"))
}

fn kinds() -> impl Strategy<Value = Vec<ElementKind>> {
    let headings = select(&["INT. HOUSE - DAY", "SNIPER", "7th floor", "Est. x *", "int x"][..]);
    let transitions = select(&["CUT TO:", "FADE OUT.", "Burn to white.", "!TO:"][..]);
    prop_oneof![
        (1_u8..=6, words()).prop_map(|(level, text)| vec![ElementKind::Section { level, text }]),
        words().prop_map(|text| vec![ElementKind::Synopsis { text }]),
        (headings, option::of(select(&["1", "12-A.b"][..]))).prop_map(|(text, number)| {
            let number = number.map(str::to_owned);
            vec![ElementKind::SceneHeading { text: text.to_owned(), number }]
        }),
        action().prop_map(|text| vec![ElementKind::Action { text }]),
        words().prop_map(|text| vec![ElementKind::Lyric { text }]),
        transitions.prop_map(|text| vec![ElementKind::Transition { text: text.to_owned() }]),
        words().prop_map(|text| vec![ElementKind::Centered { text }]),
        Just(vec![ElementKind::PageBreak]),
        words().prop_map(|text| vec![ElementKind::Note { text }]),
        speech().prop_map(|speech| vec![ElementKind::Speech(speech)]),
        (speech(), speech()).prop_map(|(left, right)| {
            let left = Speech { dual: Some(Dual::Left), ..left };
            let right = Speech { dual: Some(Dual::Right), ..right };
            vec![ElementKind::Speech(left), ElementKind::Speech(right)]
        }),
    ]
}

fn title_page() -> impl Strategy<Value = Vec<TitleField>> {
    let value = prop_oneof![words(), Just(String::new()), Just("One\nTwo *\nThree: 3".to_owned())];
    let field = (select(&["Author", "Mood", "Draft date"][..]), value);
    (any::<bool>(), vec(field, 0..3)).prop_map(|(has_title, fields)| {
        let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
        let title = ("Title".to_owned(), "T_1".to_owned());
        let fields: Vec<_> =
            if has_title { std::iter::once(title).chain(fields).collect() } else { Vec::new() };
        fields.into_iter().map(|(key, value)| TitleField { key, value, span: NOWHERE }).collect()
    })
}

fn script() -> impl Strategy<Value = Script> {
    (title_page(), vec(kinds(), 0..8)).prop_map(|(title_page, kinds)| {
        let mut elements: Vec<Element> = Vec::new();
        for kind in kinds.into_iter().flatten() {
            let is_action = |kind: &ElementKind| matches!(kind, ElementKind::Action { .. });
            let follows_action = elements.last().is_some_and(|last| is_action(&last.kind));
            if !(is_action(&kind) && follows_action) {
                elements.push(Element { span: NOWHERE, kind });
            }
        }
        let (doubts, listed_characters) = (Vec::new(), Vec::new());
        Script { format: Format::Fountain, title_page, elements, doubts, listed_characters }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read_and_every_span_is_right(text in text_with_boneyards()) {
        check_spans(&text);
    }

    #[test]
    fn any_characters_are_read(text in any::<String>()) {
        check_spans(&text);
    }

    #[test]
    fn line_ends_make_no_difference(text in text()) {
        let script = content(&parse(&text));
        prop_assert_eq!(&content(&parse(&text.replace('\n', "\r\n"))), &script);
        prop_assert_eq!(&content(&parse(&text.replace('\n', "\r"))), &script);
    }

    #[test]
    fn a_byte_order_mark_makes_no_difference(text in text()) {
        prop_assume!(!text.starts_with('\u{feff}'));
        prop_assert_eq!(content(&parse(&format!("\u{feff}{text}"))), content(&parse(&text)));
    }

    #[test]
    fn what_is_printed_reads_as_the_same_script(script in script()) {
        let printed = print_fountain(&script);
        prop_assert_eq!(content(&parse(&printed)), content(&script), "{}", printed);
    }

    #[test]
    fn a_boneyard_anywhere_is_never_spoken(text in text(), at in any::<prop::sample::Index>()) {
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (before, after) = text.split_at(*at.get(&places));
        let text = format!("{before}/* ZQX\n\nZQX\nZQX (ZQX) [[ZQX\n*/{after}");
        prop_assert!(!spoken(&parse(&text)).contains("ZQX"), "{}", text);
    }

    #[test]
    fn a_note_inside_words_is_never_spoken(note in words(), before in words(), after in words()) {
        let script = parse(&format!("BOB\n{before} [[{note}]] {after}\n"));
        let plain = parse(&format!("BOB\n{before} {after}\n"));
        prop_assert_eq!(spoken(&script), spoken(&plain));
    }

    #[test]
    fn a_key_is_its_own_key(name in "[^*_\\\\]*") {
        prop_assert_eq!(speaker_key(&speaker_key(&name)), speaker_key(&name));
    }
}

/// Reading any of these with a nested scan would take minutes.
#[test]
fn markers_in_bulk_are_read() {
    for piece in
        ["[[", "]]", "/*", "*/", "(", ")", "*", "_", "* ", " *a", "_a", "[[a]]", "(\n", "^", "#"]
    {
        for cue in ["", "BOB\n", "BOB ("] {
            let text = format!("{cue}{}", piece.repeat(200_000));
            assert!(!print_fountain(&parse(&text)).is_empty() || cue.is_empty(), "{piece:?}");
        }
    }
    for line in [
        "BOB\n[[\n\n",
        "[[\n\n",
        "BOB\n(\n",
        "BOB\nA (MORE)\n\n",
        "BOB^\nx\n\n",
        "/*a*/\n",
        "BOB\n",
    ] {
        assert_eq!(parse(&line.repeat(100_000)).title_page, []);
    }
}
