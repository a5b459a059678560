//! What other readers of Fountain get wrong.

use super::dump;

#[test]
fn an_extension_in_lower_case_does_not_lose_the_cue() {
    assert_eq!(dump("HANS (on the radio)\nHallo.\n"), r#"HANS (on the radio): "Hallo.""#);
    assert_eq!(dump("HANS (cont'd)\nHallo.\n"), r#"HANS: "Hallo.""#);
}

#[test]
fn a_star_in_a_boneyard_does_not_leak() {
    assert_eq!(dump("BOB\nOne /* a * b ** c */ two.\n"), r#"BOB: "One two.""#);
}

#[test]
fn a_bracket_in_a_note_is_not_spoken() {
    assert_eq!(dump("BOB\nOne [[a [x] b]] two.\n"), r#"BOB [[a [x] b]]: "One two.""#);
    assert_eq!(dump("BOB\nOne [[a [x]]] two.\n"), r#"BOB [[a [x]]]: "One two.""#);
}

#[test]
fn a_note_over_several_lines_is_not_spoken() {
    assert_eq!(
        dump("BOB\nOne [[a\nb\nc]] two.\nThree.\n"),
        "BOB [[a\nb\nc]]: \"One two.\" \"Three.\""
    );
}

#[test]
fn digits_are_no_cue() {
    assert_eq!(dump("1984\nIt was cold.\n"), r#"action "1984\nIt was cold.""#);
    assert_eq!(dump("R2D2\nBeep.\n"), r#"R2D2: "Beep.""#);
}

#[test]
fn a_lyric_is_sung_without_its_marker_and_what_follows_is_not_lost() {
    assert_eq!(dump("BOB\nListen.\n~La la\nNice?\n"), r#"BOB: "Listen." ~"La la" "Nice?""#);
}

#[test]
fn a_byte_order_mark_does_not_lose_the_heading() {
    assert_eq!(
        dump("\u{feff}INT. HOUSE - DAY\n\nIt rains.\n"),
        "heading \"INT. HOUSE - DAY\"\naction \"It rains.\""
    );
}

#[test]
fn a_direction_at_the_start_of_a_line_does_not_lose_the_line() {
    assert_eq!(dump("BOB\n(laughing) Hello.\n"), r#"BOB: (laughing) "Hello.""#);
}

#[test]
fn an_unclosed_boneyard_does_not_swallow_the_rest() {
    assert_eq!(dump("BOB\nHello. /* oh\n\nANN\nHi.\n"), "BOB: \"Hello. /* oh\"\nANN: \"Hi.\"");
}

#[test]
fn a_first_line_with_a_colon_does_not_vanish() {
    assert_eq!(
        dump("Note: he is late.\n\nIt rains.\n"),
        r#"action "Note: he is late.\n\nIt rains.""#
    );
    assert_eq!(dump("BOB: Hello\n\nIt rains.\n"), r#"action "BOB: Hello\n\nIt rains.""#);
}

#[test]
fn a_forced_name_of_any_script_is_a_cue() {
    assert_eq!(dump("@鈴木\nこんにちは。\n"), r#"鈴木: "こんにちは。""#);
    assert_eq!(dump("ЖЕНЯ\nПривет.\n"), r#"ЖЕНЯ: "Привет.""#);
}

#[test]
fn an_emphasised_direction_is_no_cue() {
    assert_eq!(dump("**END OF SCENE.**\nIt rains.\n"), r#"action "END OF SCENE.\nIt rains.""#);
    assert_eq!(dump("**BOB**\nHello.\n"), r#"BOB: "Hello.""#);
}
