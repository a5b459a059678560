//! One screenplay as Fountain and as FDX says the same.

mod support;

use proptest::{collection::vec, prelude::*, sample::select};
use screenplay::{print_fdx, read};
use support::{Said, said};

fn twin_of(fountain: &str) -> (Vec<Said>, Vec<Said>) {
    let script = read("a.fountain", fountain.as_bytes()).expect("any text is a screenplay");
    let twin = read("a.fdx", print_fdx(&script).as_bytes()).expect("what we print can be read");
    (said(&script), said(&twin))
}

/// A line that somebody says.
fn words() -> impl Strategy<Value = String> {
    let word = select(
        &[
            "Hello", "né", "& co", "<b>", "\"so\"", "it's", "*really*", "**no**", "_yes_", "漢字",
            "5", "--", "]]>", "(aside)",
        ][..],
    );
    vec(word, 1..6).prop_map(|words| format!("Well {}", words.join(" ")))
}

fn speech() -> impl Strategy<Value = String> {
    let name = select(&["ANN", "BOB", "MRS. O'HARA", "R2D2", "@McAvoy", "RENÉ", "GUARD #2"][..]);
    let extension =
        select(&["", " (V.O.)", " (O.S.) (CONT'D)", " (on the radio)", " (SUBTITLED)", " ^"][..]);
    let line = prop_oneof![
        4 => words(),
        1 => Just("(beat)".to_owned()),
        1 => Just("(to BOB & \"co\")".to_owned()),
        1 => words().prop_map(|words| format!("~{words}")),
        1 => words().prop_map(|words| format!("(laughing) {words}")),
        1 => Just("  ".to_owned()),
        1 => Just("[[id:sc001-l0001]]".to_owned()),
    ];
    (name, extension, words(), vec(line, 0..4)).prop_map(|(name, extension, first, lines)| {
        [vec![format!("{name}{extension}"), first], lines].concat().join("\n")
    })
}

fn element() -> impl Strategy<Value = String> {
    let other = select(
        &[
            "INT. FLEA MARKET - DAY",
            "EXT. <HARBOUR> - NIGHT #12A#",
            "# Act & One",
            "###### Deep",
            "= They meet.",
            "Rain falls on the awning.\nIt stops.",
            "> CUT TO:",
            "> THE END <",
            "===",
            "[[ask about this]]",
            "~La la la",
            "!ANN\nis no cue.",
        ][..],
    );
    prop_oneof![2 => speech(), 1 => other.prop_map(str::to_owned)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_screenplay_says_the_same_as_fdx(elements in vec(element(), 1..12)) {
        let (fountain, fdx) = twin_of(&elements.join("\n\n"));
        prop_assert_eq!(fountain, fdx);
    }
}

#[test]
fn the_shipped_screenplays_say_the_same_as_fdx() {
    for name in ["lighthouse", "german", "doubts", "crlf-bom", "edits/v1", "edits/v2"] {
        let (fountain, fdx) = twin_of(&fixtures::text(&format!("screenplays/{name}.fountain")));
        assert!(fountain.len() > 3, "{name}");
        assert_eq!(fountain, fdx, "{name}");
    }
}

#[test]
fn the_comparison_sees_every_difference() {
    let base = "INT. A - DAY\n\nANN (V.O.)\n(low)\nHello.\n\nBOB ^\nHi.\n";
    let (said, _) = twin_of(base);
    for (from, to) in [
        ("INT. A", "INT. B"),
        ("ANN", "ANNE"),
        ("(V.O.)", "(O.S.)"),
        ("(low)", "(loud)"),
        ("Hello.", "Hello!"),
        (" ^", ""),
    ] {
        assert_ne!(twin_of(&base.replace(from, to)).0, said, "{from}");
    }
}
