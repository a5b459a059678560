//! The rules of the syntax.

use super::{doubts, dump};
use crate::script::{ElementKind, Part};

fn same(text: &str, expected: &[&str]) {
    assert_eq!(dump(text), expected.join("\n"), "{text:?}");
}

#[test]
fn any_line_end_ends_a_line() {
    for text in ["BOB\nHi.\n\nIt rains.", "BOB\r\nHi.\r\n\r\nIt rains.", "BOB\rHi.\r\rIt rains.\r"]
    {
        same(text, &[r#"BOB: "Hi.""#, r#"action "It rains.""#]);
    }
}

#[test]
fn spans_point_at_the_text_as_it_was_given() {
    let text = "\u{feff}é /* x */ é\r\n\r\nBOB\r\n(a) Hé [[n]] you\r\n";
    let script = crate::fountain::parse(text);
    let at =
        |span: crate::Span| (span.line, span.column, &text[span.start as usize..span.end as usize]);
    assert_eq!(at(script.elements[0].span), (1, 1, "é /* x */ é"));
    let ElementKind::Speech(speech) = &script.elements[1].kind else { panic!("no speech") };
    assert_eq!(at(speech.cue), (3, 1, "BOB"));
    let spans: Vec<_> = speech
        .parts
        .iter()
        .map(|part| match part {
            Part::Words { span, .. } | Part::Parenthetical { span, .. } => at(*span),
            Part::Sung { .. } | Part::EmptyLine => panic!("neither sung nor empty"),
        })
        .collect();
    assert_eq!(spans, [(4, 1, "(a)"), (4, 5, "Hé [[n]] you")]);
}

#[test]
fn a_boneyard_spans_anything_and_ends_at_its_first_close() {
    same("One /* a\n\n[[b\n\nBOB\n*/ two */ three.", &[r#"action "One two */ three.""#]);
    same("BOB\n/* old */\nHi.\n/*\n\nANN\n\n*/\nBye.", &[r#"BOB: "Hi." "Bye.""#]);
    same("[[a /* ]] */ b]] It rains.", &[r#"note "a b""#, r#"action "It rains.""#]);
}

#[test]
fn a_note_is_kept_but_never_spoken_and_never_splits_a_speech() {
    same("BOB\nHi [[a]] there.\n[[b]]\nBye.\n", &[r#"BOB [[a]] [[b]]: "Hi there." "Bye.""#]);
    same(
        "[[id:1]]\nBOB [[id:2]]\nHi.\n[[id:3]]\n\n[[loose]]\n",
        &[r#"BOB [[id:1]] [[id:2]] [[id:3]]: "Hi.""#, r#"note "loose""#],
    );
    same("It rains [[hard]] now.", &[r#"action "It rains now.""#, r#"note "hard""#]);
}

#[test]
fn a_blank_line_breaks_a_note_unless_it_holds_two_spaces() {
    same("[[a\n  \nb]]\n", &["note \"a\\n  \\nb\""]);
    same("[[a\n\nb]]\n", &[r#"action "[[a\n\nb]]""#]);
    same("[[a\n\n[[b]]\n", &[r#"action "[[a""#, r#"note "b""#]);
}

#[test]
fn two_spaces_keep_an_empty_line_inside_a_speech() {
    same("BOB\nHi.\n  \nBye.\n \nIt rains.", &[r#"BOB: "Hi." / "Bye.""#, r#"action "It rains.""#]);
    same("BOB\nHi.\n  \n\nIt rains.", &[r#"BOB: "Hi.""#, r#"action "It rains.""#]);
}

#[test]
fn a_title_page_is_keys_and_indented_lines_at_the_very_top() {
    same(
        "Title:\n    _One_\n\tTwo\nAuthor: Me\n   and you\nX: \n\nIt rains.\n",
        &[r#"Title="One\nTwo""#, r#"Author="Me\nand you""#, r#"X="""#, r#"action "It rains.""#],
    );
    same("It rains.\n\nTitle: X\n", &[r#"action "It rains.\n\nTitle: X""#]);
}

#[test]
fn two_keys_make_a_title_page_even_if_unknown() {
    same(
        "Mood: dark\nPace: slow\n\nIt rains.",
        &[r#"Mood="dark""#, r#"Pace="slow""#, r#"action "It rains.""#],
    );
}

#[test]
fn three_equals_signs_alone_break_the_page() {
    same("===\n=====\n=== x", &["page break", "page break", r#"action "=== x""#]);
}

#[test]
fn sections_and_synopses_need_no_blank_lines() {
    same(
        "It rains.\n# One\n###### Six\n= Why\nBOB\nHi.\n####### Seven",
        &[
            r#"action "It rains.""#,
            r#"section 1 "One""#,
            r#"section 6 "Six""#,
            r#"synopsis "Why""#,
            "BOB: \"Hi.\" \"####### Seven\"",
        ],
    );
}

#[test]
fn an_exclamation_mark_forces_action() {
    same("!BOB\nHi.", &[r#"action "BOB\nHi.""#]);
    same("BOB\nHi.\n!It rains.", &[r#"BOB: "Hi.""#, r#"action "It rains.""#]);
}

#[test]
fn a_full_stop_before_a_letter_or_digit_forces_a_heading() {
    same(".SNIPER\n\n..not\n\n... nor", &[r#"heading "SNIPER""#, r#"action "..not\n\n... nor""#]);
}

#[test]
fn an_at_sign_forces_a_cue_and_keeps_its_case() {
    same("@McAvoy (V.O.)\nHi.", &[r#"McAvoy (V.O.): "Hi.""#]);
    same("@CUT TO:\nHi.", &[r#"CUT TO:: "Hi.""#]);
    same("@McAvoy\n\nHi.", &[r#"action "@McAvoy\n\nHi.""#]);
}

#[test]
fn a_tilde_outside_a_speech_is_nobodys_lyric() {
    same("~La\n~Lo", &[r#"lyric "La""#, r#"lyric "Lo""#]);
}

#[test]
fn a_greater_than_sign_centres_or_forces_a_transition() {
    same("> X <\n> Burn to white.", &[r#"centered "X""#, r#"transition "Burn to white.""#]);
}

#[test]
fn headings_start_in_one_of_six_ways_in_any_case() {
    for start in ["INT.", "int ", "EXT.", "Est. ", "INT./EXT.", "INT/EXT ", "I/E.", "i/e "] {
        let text = format!("{start}HOUSE");
        same(&text, &[&format!("heading {text:?}")]);
    }
    same("INTERIOR\n\nExtra! Extra!", &[r#"action "INTERIOR\n\nExtra! Extra!""#]);
}

#[test]
fn a_heading_may_end_with_a_number() {
    same("INT. HOUSE - DAY #1A-2.b#", &[r#"heading "INT. HOUSE - DAY" #1A-2.b"#]);
    same("INT. HOUSE #a b#", &["heading \"INT. HOUSE #a b#\""]);
    same(".ROOF #7#", &[r#"heading "ROOF" #7"#]);
}

#[test]
fn a_heading_needs_a_blank_line_before_and_behind() {
    same("It rains.\nINT. HOUSE", &[r#"action "It rains.\nINT. HOUSE""#]);
    same("Int. house\nIt rains.", &[r#"action "Int. house\nIt rains.""#]);
}

#[test]
fn a_heading_right_before_a_cue_is_a_heading() {
    same("INT. HOUSE\nBOB\nHi.", &[r#"heading "INT. HOUSE""#, r#"BOB: "Hi.""#]);
    same("Int. house\nBOB\nHi.", &[r#"heading "Int. house""#, r#"BOB: "Hi.""#]);
}

#[test]
fn a_transition_is_in_capitals_and_ends_with_to() {
    same("CUT TO:\n\nDISSOLVE TO:", &[r#"transition "CUT TO:""#, r#"transition "DISSOLVE TO:""#]);
    same("BOB\nHi.\nCUT TO:", &[r#"BOB: "Hi." "CUT TO:""#]);
    same("Cut TO:\n\nFADE OUT.", &[r#"action "Cut TO:\n\nFADE OUT.""#]);
}

#[test]
fn a_cue_has_a_blank_line_before_and_none_behind() {
    same("BOB\nHi.", &[r#"BOB: "Hi.""#]);
    same("It rains.\nBOB\nHi.", &[r#"action "It rains.\nBOB\nHi.""#]);
    same("BOB\n\nHi.", &[r#"action "BOB\n\nHi.""#]);
    same("BOB\n  \nHi.", &[r#"action "BOB\n\nHi.""#]);
    same("  BOB\n  Hi.", &[r#"BOB: "Hi.""#]);
}

#[test]
fn a_name_has_a_capital_and_no_small_letter() {
    same("BoB\nHi.", &[r#"action "BoB\nHi.""#]);
    same("鈴木\nHi.", &[r#"action "鈴木\nHi.""#]);
    same("R2D2\nHi.", &[r#"R2D2: "Hi.""#]);
    same("23\nHi.", &[r#"action "23\nHi.""#]);
}

#[test]
fn extensions_are_normalised_and_continuations_dropped() {
    same("MOM (O.C.) (CONT’D) (on tape) (sad)\nHi.", &[r#"MOM (O.S.) (on tape) (sad): "Hi.""#]);
}

#[test]
fn a_caret_pairs_with_the_speech_right_before() {
    same(
        "BOB\nHi.\n\n[[n]]\n\nANN (V.O.)^\nHo.",
        &[r#"BOB left: "Hi.""#, r#"note "n""#, r#"ANN (V.O.) right: "Ho.""#],
    );
    same("BOB\nHi.\n\n===\n\nANN ^\nHo.", &[r#"BOB: "Hi.""#, "page break", r#"ANN: "Ho.""#]);
}

#[test]
fn a_bracketed_line_is_a_direction_and_may_wrap() {
    same(
        "BOB\n(a (b) c)\nHi.\n(d\ne)\nHo.\n(f\ng) Hey.",
        &[r#"BOB: (a (b) c) "Hi." (d e) "Ho." (f g) "Hey.""#],
    );
    same("BOB\n(a) (b) Hi (c).", &[r#"BOB: (a) (b) "Hi (c).""#]);
    same("BOB\n(a) b (c)", &[r#"BOB: (a) "b (c)""#]);
}

#[test]
fn a_bracket_that_never_closes_is_words() {
    same("BOB\n(a\nHi.\n(b)\n\n)", &[r#"BOB: "(a" "Hi." (b)"#, r#"action ")""#]);
}

#[test]
fn more_is_dropped_and_what_follows_is_joined() {
    same(
        "BOB\nOne\n(MORE)\n\n===\n\nBOB (CONT'D)\ntwo.\n(more)\n\nBOB (CONT'D)\nThree.",
        &[r#"BOB: "One" "two." "Three.""#, "page break"],
    );
    same(
        "BOB\nOne\n(MORE)\n\nIt rains.\n\nBOB (CONT'D)\ntwo.",
        &[r#"BOB: "One""#, r#"action "It rains.""#, r#"BOB: "two.""#],
    );
    same("BOB\nOne.\n\nBOB (CONT'D)\nTwo.", &[r#"BOB: "One.""#, r#"BOB: "Two.""#]);
}

#[test]
fn action_keeps_its_lines_blank_lines_and_indentation() {
    same("One\n  two\n\n\n\tthree \\*x\\* *y*", &[r#"action "One\n  two\n\n\n    three *x* y""#]);
}

#[test]
fn markers_inside_a_speech_that_could_be_words_are_words() {
    same(
        "BOB\n#1 fan\n.45 calibre\n@bob is me",
        &[r##"BOB: "#1 fan" ".45 calibre" "@bob is me""##],
    );
}

#[test]
fn dashes_and_ellipses_are_kept() {
    same("BOB\nI thought--\nWell...", &[r#"BOB: "I thought--" "Well...""#]);
}

#[test]
fn emphasis_does_not_cross_lines() {
    same("BOB\n*one\ntwo*", &[r#"BOB: "*one" "two*""#]);
    assert_eq!(doubts("BOB\n*one\ntwo*"), [""; 0]);
}

#[test]
fn name_colon_text_is_not_fountain() {
    same("It rains.\n\nBob: Hello.", &[r#"action "It rains.\n\nBob: Hello.""#]);
}
