//! Languages: of the cast, the scene or the line, and whether the voices speak them.

mod plan_support;

use plan_support::{cast_of, planned, script};
use scheduler::plan::{PlanError, PlanOptions, plan, spoken_lines};

const CAST: &str = "[characters.MIRA]\n[characters.OTTO]\nlanguage = \"fr\"\n";

/// Line and language of everything planned, e.g. `MIRA en-US`.
fn spoken(text: &str) -> Vec<String> {
    let plan = planned(text, &cast_of(CAST), None);
    plan.lines.iter().map(|line| format!("{} {}", line.job.character, line.job.language)).collect()
}

fn refused(text: &str, cast: &str) -> PlanError {
    plan(&script(text), &cast_of(cast), &PlanOptions::default(), None).expect_err("it is refused")
}

#[test]
fn a_line_goes_before_its_scene_and_a_scene_before_the_cast() {
    let text = "INT. HALL - DAY\n\nMIRA\nHello.\n\n[[language: de]]\n\nMIRA\nGuten Tag.\n\n\
                OTTO\n[[language: it]]\nBuongiorno.\n\nOTTO\nGuten Tag.\n\n\
                EXT. QUAY - NIGHT\n\nMIRA\nHello.\n\nOTTO\nSalut.\n";
    let wanted = ["MIRA en-US", "MIRA de", "OTTO it", "OTTO de", "MIRA en-US", "OTTO fr"];
    assert_eq!(spoken(text), wanted);
}

#[test]
fn a_note_right_below_the_heading_is_about_the_whole_scene() {
    let text = "INT. HALL - DAY\n[[language: es]]\n\nShe waits.\n\nMIRA\nHola.\n\nOTTO\nHola.\n";
    assert_eq!(spoken(text), ["MIRA es", "OTTO es"]);
}

#[test]
fn a_language_makes_another_take_in_a_group_of_its_own() {
    let (with, without) = ("MIRA\n[[language: de]]\nNein.\n", "MIRA\nNein.\n");
    let cast = cast_of(CAST);
    let (with, without) = (planned(with, &cast, None), planned(without, &cast, None));
    assert_ne!(with.lines[0].job.synth_key, without.lines[0].job.synth_key);
    assert_ne!(with.lines[0].group, without.lines[0].group);
}

#[test]
fn notes_that_name_no_language_are_all_told_with_their_places() {
    let text = "INT. HALL - DAY\n\n[[language: German]]\n\nMIRA\nHello. [[language: e]]\n\n\
                OTTO\n[[id: a b]]\nHello.\n";
    let told = spoken_lines(&script(text)).unwrap_err().to_string();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert_eq!(lines[0], "line 3, column 1: `German` is no language; did you mean `de`?");
    assert!(lines[1].starts_with("line 5, column 1: `e` is no language"), "{told}");
    assert!(lines[2].starts_with("line 8, column 1: "), "{told}");
}

#[test]
fn a_language_that_a_model_does_not_speak_stops_the_plan_and_says_what_it_speaks() {
    let text = "MIRA\nHei.\n\nOTTO\nSalut.\n\nMIRA\n[[language: zh]]\nHei.\n";
    let told =
        refused(text, "language = \"fi\"\n[characters.MIRA]\n[characters.OTTO]\n").to_string();
    assert!(told.contains("MIRA has 1 line in `fi`, which scratch does not speak"), "{told}");
    assert!(told.contains("choose one of de, en, es, fr, it in the cast"), "{told}");
    assert!(told.contains("line 7, column 1: MIRA has 1 line in `zh`"), "{told}");
    assert!(told.contains("in the script's note"), "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");

    let qwen = "[voices.v]\npreset = { model = \"Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice\", \
                speaker = \"ryan\" }\n[characters.MIRA]\nvoice = \"v\"\n";
    let told = refused("MIRA\n[[language: fi]]\nHei.\n", qwen).to_string();
    assert!(told.contains("de, en, es, fr, it, ja, ko, pt, ru, zh"), "{told}");
    // Of a model that is not known here nothing is known either.
    let other = qwen.replace("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice", "house-voice");
    planned("MIRA\n[[language: fi]]\nHei.\n", &cast_of(&other), None);
    planned("MIRA\n[[language: und]]\nHei.\n", &cast_of(qwen), None);
}
