//! Casts: what a cast file may say and who speaks in which voice.

mod plan_support;

use std::path::Path;

use plan_support::{bare_cast, cast_of, lines, no_files, planned, script, speech};
use scheduler::cast::{Cast, CastError, starter_cast};
use scheduler::plan::{PlanOptions, plan};
use schemas::VoiceSource;

const TALK: &str = "\
MIRA
Yes.

MRIA
Yes.

MIRA (YOUNG)
No.

TAM
Well.

ALL
Aye!

MRIA
Oh.
";

fn bad(toml: &str) -> String {
    Cast::read("cast.toml", toml, &no_files).expect_err("the cast is bad").to_string()
}

#[test]
fn every_uncast_character_is_told_at_once_with_who_may_be_meant() {
    let cast = bare_cast(&["MIRA", "OLD TAM"]);
    let error = plan(&script(TALK), &cast, &PlanOptions::default(), None).unwrap_err();
    insta::assert_snapshot!(error, @r"
    3 characters are not cast
      MRIA (2 lines, first at line 4, column 1): did you mean MIRA? add it to its aliases, or cast it
      TAM (1 line, first at line 10, column 1): did you mean OLD TAM? add it to its aliases, or cast it
      ALL (1 line, first at line 13, column 1): calls several at once; give it one voice, or set skip = true
    ");
}

#[test]
fn an_alias_is_its_character_and_one_with_an_extension_needs_it() {
    let cast = cast_of(
        "[characters.MIRA]\naliases = [\"mria\"]\n[characters.\"Mira (Young)\"]\n\
         [characters.\"OLD TAM\"]\naliases = [\"Tam\"]\n[characters.ALL]\nskip = true\n",
    );
    let plan = planned(TALK, &cast, None);
    let who: Vec<_> = plan.lines.iter().map(|line| line.job.character.as_str()).collect();
    assert_eq!(who, ["MIRA", "MIRA", "Mira (Young)", "OLD TAM", "MIRA"]);
    assert_eq!(plan.skipped.len(), 1);
}

#[test]
fn mistakes_in_a_cast_are_told_with_their_place_and_what_to_do() {
    insta::assert_snapshot!(bad("[characters.MIRA]\nvoice = \"mria\"\n[voices.mira]\nscratch = {}\n"),
        @"cast.toml:2:9: there is no voice `mria`; did you mean `mira`?");
    insta::assert_snapshot!(bad("[voices.mira]\n"),
        @"cast.toml:1:9: voice `mira` is of no kind; give it one of scratch, preset, clone, design and lock");
    insta::assert_snapshot!(bad("[voices.mira]\nscratch = { pitch = 3 }\n"),
        @"cast.toml:2:21: pitch is 3; choose 0.5 to 2");
    insta::assert_snapshot!(bad("[characters.A]\nrate = nan\n"),
        @"cast.toml:2:8: rate is NaN; choose 0.5 to 2");
    insta::assert_snapshot!(bad("[characters.A]\n[characters.B]\naliases = [\"a\"]\n"),
        @"cast.toml:3:12: `a` is cast on line 1 already; keep one of the two");
    insta::assert_snapshot!(bad("language = \"English please\"\n"),
        @"cast.toml:1:12: `English please` is no language; write it like `en-GB` or `de`");
    insta::assert_snapshot!(bad("[characters.A]\nvioce = \"a\"\n"),
        @"cast.toml:2:1: unknown field `vioce`, expected one of `voice`, `aliases`, `language`, `rate`, `gain_db`, `skip`; correct it and try again");
}

#[test]
fn a_clone_without_granted_consent_is_refused() {
    let clone = |consent: &str| {
        format!(
            "[voices.anna]\nclone = {{ model = \"m\", takes = [{{ mood = \"neutral\", audio = \
             \"a.wav\" }}]{consent} }}\n"
        )
    };
    for refused in ["", ", consent = \"\"", ", consent = \"asked\"", ", consent = \"granted:\""] {
        let error = bad(&clone(refused));
        assert!(error.contains("no consent is recorded for this clone"), "{error}");
    }
    cast_of(&clone(", consent = \"granted: letter of 2026-03-02\""));
}

const CLONED: &str = r#"
[voices.anna]
clone = { model = "qwen", takes = [
    { mood = "neutral", audio = "a.wav", transcript = "One." },
    { mood = "whisper", audio = "b.wav" },
], consent = "granted: letter of 2026-03-02" }
[characters.ANNA]
voice = "anna"
rate = 1.5
"#;

#[test]
fn a_direction_chooses_the_recording_and_that_is_another_group() {
    let text = "ANNA\nHello.\n\nANNA\n(whispering)\nHello.\n";
    let plan = planned(text, &cast_of(CLONED), None);
    let moods: Vec<_> = plan
        .lines
        .iter()
        .map(|line| {
            let voice = plan.voices.iter().find(|voice| voice.key == line.job.voice).unwrap();
            let VoiceSource::Clone { reference } = &voice.voice.source else { panic!("{voice:?}") };
            (reference.mood.as_str(), &reference.audio_sha256[..8])
        })
        .collect();
    // The file's bytes are its name here: sha256("a.wav"), sha256("b.wav").
    assert_eq!(moods, [("neutral", "bc30c538"), ("whisper", "d4d76cc3")]);
    assert_eq!(plan.groups.len(), 2);
}

#[test]
fn a_recording_that_is_missing_stops_only_who_needs_it() {
    let cast = Cast::read("cast.toml", CLONED, &no_files).unwrap();
    let script = script("ANNA\nHello.\n");
    let error = plan(&script, &cast, &PlanOptions::default(), None).unwrap_err();
    insta::assert_snapshot!(error,
        @"cast.toml:4:33: reference audio `a.wav` cannot be read: no a.wav; paths are relative to the cast file");
    let timing = PlanOptions { is_scratch: true, ..PlanOptions::default() };
    let plan = plan(&script, &cast, &timing, None).unwrap();
    assert_eq!((plan.voices.len(), plan.voices[0].voice.model.as_str()), (1, "scratch"));
}

#[test]
fn a_characters_rate_is_folded_into_its_scratch_voice() {
    let cast = cast_of(
        "[voices.v]\nscratch = { rate = 1.1 }\n[characters.A]\nvoice = \"v\"\n\
         [characters.B]\nvoice = \"v\"\nrate = 1.1\n",
    );
    let plan = planned(&(speech("A", "Yes.") + &speech("B", "Yes.")), &cast, None);
    let mut rates: Vec<f32> = Vec::new();
    for line in &plan.lines {
        let voice = plan.voices.iter().find(|voice| voice.key == line.job.voice).unwrap();
        let VoiceSource::Scratch { rate, .. } = voice.voice.source else { panic!("{voice:?}") };
        rates.push(rate);
    }
    assert_eq!(rates, [1.1, 1.21]);
}

#[test]
fn a_starter_cast_reads_back_and_casts_its_script() {
    let lines = lines(TALK);
    let starter = starter_cast(&lines, "The \"Keeper\"", "en-GB");
    insta::assert_snapshot!(starter, @r##"
    # Every character has a scratch voice of its own until you give it one:
    #   [voices.NAME] with scratch, preset, clone or design, and voice = "NAME" below.
    title = "The \"Keeper\""
    language = "en-GB"

    # Lines: 2. Words: 2. First at line 1, column 1.
    # Heard as: YOUNG.
    [characters."MIRA"]

    # Lines: 2. Words: 2. First at line 4, column 1.
    # Perhaps MIRA: then delete this table and add the name to its aliases.
    [characters."MRIA"]

    # Lines: 1. Words: 1. First at line 10, column 1.
    [characters."TAM"]

    # Lines: 1. Words: 1. First at line 13, column 1.
    # Calls several at once: give it one voice and delete `skip`.
    [characters."ALL"]
    skip = true
    "##);
    let cast = cast_of(&starter);
    assert_eq!(cast.title.as_deref(), Some("The \"Keeper\""));
    assert_eq!(planned(TALK, &cast, None).lines.len(), 5);
}

#[test]
fn the_shipped_casts_cast_the_shipped_screenplays() {
    for (screenplay, cast) in
        [("lighthouse", "lighthouse"), ("night-ferry", "night-ferry"), ("lighthouse", "neural")]
    {
        let file = fixtures::path(&format!("casts/{cast}.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        let beside = |path: &Path| std::fs::read(file.with_file_name("").join(path));
        let cast = Cast::read("cast.toml", &text, &beside).unwrap();
        let path = fixtures::path(&format!("screenplays/{screenplay}.fountain"));
        let script = screenplay::read_path(&path).unwrap();
        let lexicon = std::fs::read_to_string(fixtures::path("lexicon.toml")).unwrap();
        let lexicon = scheduler::lexicon::Lexicon::read("lexicon.toml", &lexicon).unwrap();
        let options = PlanOptions { lexicon, ..PlanOptions::default() };
        let plan = plan(&script, &cast, &options, None).unwrap();
        assert!(plan.lines.len() >= 30, "{screenplay}: {}", plan.lines.len());
        assert!(plan.skipped.is_empty(), "{screenplay}");
    }
}

#[test]
fn strangers_are_values_that_programs_can_read() {
    let error = plan(&script("TOM\nHi.\n"), &bare_cast(&[]), &PlanOptions::default(), None);
    let Err(scheduler::plan::PlanError::Cast(CastError::Uncast(uncast))) = error else {
        panic!("{error:?}")
    };
    assert_eq!((uncast[0].character.as_str(), uncast[0].first.line), ("TOM", 1));
}
