//! The screenplays that are shipped: the clean ones raise no doubt, the doubtful one every kind.

use screenplay::{ElementKind, Script, print_fountain, read_path};

fn fixture(name: &str) -> Script {
    let path = fixtures::path(&format!("screenplays/{name}"));
    read_path(&path).expect("the fixture is readable")
}

#[test]
fn clean_screenplays_raise_no_doubt() {
    for name in ["lighthouse", "night-ferry", "german", "crlf-bom", "edits/v1", "edits/v2"] {
        assert_eq!(fixture(&format!("{name}.fountain")).doubts, [], "{name}");
    }
}

#[test]
fn the_doubtful_screenplay_raises_every_doubt_it_was_written_for() {
    let script = fixture("doubts.fountain");
    let codes: Vec<_> = script.doubts.iter().map(|doubt| doubt.code).collect();
    for code in [
        "colon_speech",
        "heading_without_blank",
        "cue_as_action",
        "group_cue",
        "heading_in_speech",
        "speech_without_words",
        "unclosed_parenthesis",
        "spoken_direction",
        "unclosed_note",
        "unclosed_boneyard",
        "cue_at_end",
    ] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
}

#[test]
fn a_shipped_screenplay_survives_being_printed() {
    let said = |script: &Script| -> Vec<String> {
        let speeches = script.elements.iter().filter_map(|element| match &element.kind {
            ElementKind::Speech(speech) => Some(speech),
            _ => None,
        });
        speeches.map(|speech| format!("{}: {:?}", speech.speaker, speech.spoken())).collect()
    };
    let script = fixture("lighthouse.fountain");
    let again = screenplay::read("again.fountain", print_fountain(&script).as_bytes());
    let again = again.expect("what was printed is readable");
    assert_eq!(said(&again), said(&script));
    assert_eq!(said(&script).len(), 40);
    assert_eq!(again.doubts, []);
}
