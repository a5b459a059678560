//! What the reader says it is not sure of, and what it does not bother anyone with.

use super::doubts;
use crate::script::Severity;

#[test]
fn a_clean_script_raises_no_doubt() {
    let text = "Title: Clean\nAuthor: Nobody\n\nFADE IN:\n\n# Act one\n= It begins.\n\n\
        INT. HOUSE - DAY #1#\n\nBANG!\n\nTHE DOOR SLAMS. Bob looks up.\n\nWHOOSH!\nBob ducks.\n\n\
        CRASH --\n\nLATER\n\nBOB\n(whispering)\nWho's *there?*\n\nANN (V.O.)\nNobody. NOBODY!\nReally.\n\n\
        BOB ^\nOh.\n\nSUPER: THREE YEARS LATER\n\nHe looks at the clock: 10:30. It reads: NO ENTRY.\n\n\
        DR. SMITH (on the phone)\nHello (again), Bob (my friend).\n\nCUT TO:\n\nEXT. ROAD - NIGHT\n\n\
        ~La la la\n\n> CENTRE <\n\n[[a note]]\n\n/* gone */\n\nMONTAGE - THE ROAD\n\n> FADE OUT.\n\nTHE END\n";
    let text = text.replace("WHOOSH!\nBob ducks.", "A WHOOSH!\n\nBob ducks.");
    assert_eq!(doubts(&text), [""; 0]);
}

#[test]
fn an_unclosed_boneyard_is_an_error_and_is_read() {
    let script = crate::fountain::parse("BOB\nHello.\n/* and\n\nANN\nHi.\n");
    assert_eq!(script.doubts[0].code, "unclosed_boneyard");
    assert_eq!(script.doubts[0].severity, Severity::Error);
    assert_eq!((script.doubts[0].span.line, script.doubts[0].span.column), (3, 1));
}

#[test]
fn an_unclosed_note_is_reported_where_it_opens() {
    assert_eq!(doubts("Bob [[sits.\n\nHe stands]].\n"), ["1:5 unclosed_note"]);
}

#[test]
fn a_name_that_was_read_as_action_is_reported() {
    let known = "BOB\nHello.\n\n";
    assert_eq!(doubts(&format!("{known}He sits.\nBOB\nHello.\n")), ["5:1 cue_as_action"]);
    assert_eq!(doubts(&format!("{known}BOB\n\nHello.\n")), ["4:1 cue_as_action"]);
    assert_eq!(doubts(&format!("{known}Bob\nHello.\n")), ["4:1 cue_as_action"]);
    assert_eq!(doubts("He sits.\nANN\nHello.\n"), ["2:1 cue_as_action"]);
    assert_eq!(doubts("ANN\n\nHello.\n"), ["1:1 cue_as_action"]);
    assert_eq!(doubts("THE GREAT ANN (V.O.)\n\nHello.\n"), ["1:1 cue_as_action"]);
    assert_eq!(doubts("McDONALD\nHello.\n"), ["1:1 cue_as_action"]);
    assert_eq!(doubts("鈴木\nこんにちは。\n"), ["1:1 cue_as_action"]);
    assert_eq!(doubts("He sits.\n@ann\nHello.\n"), ["2:1 cue_as_action"]);
}

#[test]
fn forced_action_is_never_doubted() {
    assert_eq!(doubts("BOB\nHello.\n\n!BOB\n\n!INT. HOUSE\nIt rains.\n"), [""; 0]);
}

#[test]
fn a_name_at_the_end_is_reported() {
    assert_eq!(doubts("He sits.\n\nANN\n\n"), ["3:1 cue_at_end"]);
    assert_eq!(doubts("He sits.\n\nTHE END\n"), [""; 0]);
}

#[test]
fn a_name_with_a_colon_is_reported() {
    assert_eq!(
        doubts("It rains.\n\nBOB: Hello.\n\nAnn: Hi.\n"),
        ["3:1 colon_speech", "5:1 colon_speech"]
    );
    assert_eq!(doubts("It rains.\n\nTITLE: Later\n\nThen: silence.\n"), [""; 0]);
    assert_eq!(doubts("BOB:\nHello.\n"), ["1:1 cue_with_colon"]);
}

#[test]
fn a_group_is_an_error() {
    for cue in ["BOB & ANN", "ALL", "BOB/ANN", "CROWD (VARIOUS)", "@Bob and Ann"] {
        let script = crate::fountain::parse(&format!("{cue}\nHello.\n"));
        assert_eq!(script.doubts.len(), 1, "{cue}");
        assert_eq!(script.doubts[0].code, "group_cue", "{cue}");
        assert_eq!(script.doubts[0].severity, Severity::Error, "{cue}");
    }
}

#[test]
fn a_heading_without_blank_lines_is_reported() {
    assert_eq!(doubts("INT. HOUSE - DAY\nBOB\nHello.\n"), ["1:1 heading_without_blank"]);
    assert_eq!(doubts("It rains.\nINT. HOUSE - DAY\n\nHello.\n"), ["2:1 heading_as_action"]);
    assert_eq!(doubts("BOB\nHello.\nINT. HOUSE - DAY\n\nIt rains.\n"), ["3:1 heading_in_speech"]);
    assert_eq!(doubts("CUT TO:\nBOB\nHello.\n"), ["1:1 transition_without_blank"]);
}

#[test]
fn a_known_name_inside_a_speech_is_reported() {
    let known = "ANN\nHi.\n\n";
    assert_eq!(doubts(&format!("{known}BOB\nHello.\nANN\nHi.\n")), ["6:1 cue_in_speech"]);
    assert_eq!(doubts(&format!("{known}BOB\nHello.\nAnn: Hi.\n")), ["6:1 cue_in_speech"]);
    assert_eq!(doubts(&format!("{known}BOB\nHello.\nSTOP IT\nNow.\n")), [""; 0]);
    assert_eq!(doubts(&format!("{known}BOB\nThe truth: nothing.\n")), [""; 0]);
}

#[test]
fn a_caret_without_a_neighbour_is_reported() {
    assert_eq!(doubts("BOB ^\nHello.\n"), ["1:1 lone_dual"]);
    assert_eq!(doubts("ANN\nHi.\n\nIt rains.\n\nBOB ^\nHello.\n"), ["6:1 lone_dual"]);
    assert_eq!(doubts("ANN\nHi.\n\nBOB ^\nHello.\n\nTOM ^\nHey.\n"), ["7:1 lone_dual"]);
}

#[test]
fn a_title_page_of_no_known_key_is_an_error() {
    assert_eq!(doubts("BOB: Hello.\nANN: Hi.\n\nIt rains.\n"), ["1:1 unlikely_title_page"]);
    assert_eq!(
        doubts("Title: X\nINT. HOUSE - DAY\n\nIt rains.\n"),
        ["2:1 title_page_without_blank"]
    );
}

#[test]
fn a_speech_without_words_is_reported() {
    assert_eq!(doubts("BOB\n(beat)\n"), ["1:1 speech_without_words"]);
    assert_eq!(doubts("BOB\n...\n"), ["1:1 speech_without_words"]);
}

#[test]
fn an_open_bracket_is_reported_and_a_sad_face_is_not() {
    assert_eq!(doubts("BOB\n(whispers\nHello.\n"), ["2:1 unclosed_parenthesis"]);
    assert_eq!(doubts("BOB\nOh no :(\n"), [""; 0]);
    assert_eq!(doubts("BOB (V.O.\nHello.\n"), ["1:1 ragged_cue"]);
}

#[test]
fn a_direction_between_words_is_reported() {
    assert_eq!(doubts("BOB\nMind (WHISPERING) the glass.\n"), ["2:1 spoken_direction"]);
    assert_eq!(doubts("BOB\nWell (sighs) no.\n"), ["2:1 spoken_direction"]);
    assert_eq!(doubts("BOB\nWell (as you know) no (I).\n"), [""; 0]);
}

#[test]
fn a_very_long_direction_is_reported() {
    assert_eq!(
        doubts(&format!("BOB\n(so {})\nHello.\n", "and so ".repeat(40))),
        ["2:1 long_parenthetical"]
    );
}

#[test]
fn action_that_became_a_cue_is_reported() {
    assert_eq!(doubts("THE DOOR SLAMS.\nBob jumps.\n"), ["1:1 unlikely_cue"]);
    assert_eq!(doubts("DR. JONES JR.\nHello.\n"), [""; 0]);
}

#[test]
fn an_unknown_name_is_reported_once_and_a_known_one_every_time() {
    assert_eq!(doubts("ANN\n\nIt rains.\n\nANN\n\nIt pours.\n").len(), 1);
    assert_eq!(doubts("ANN\n\nIt rains.\n\nANN\n\nIt pours.\n\nANN\nHi.\n").len(), 2);
}
