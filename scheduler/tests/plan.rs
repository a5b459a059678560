//! The plan as a whole: what a script becomes before anything is queued.

mod plan_support;

use std::collections::{BTreeMap, BTreeSet};

use plan_support::{bare_cast, cast_of, describe, lines, planned, script, speech};
use proptest::prelude::*;
use scheduler::lexicon::Lexicon;
use scheduler::plan::{
    Limits, Plan, PlanError, PlanOptions, SubmissionSettings, plan, spoken_lines, to_submission,
};
use schemas::{EpisodeId, Mastering, SynthKey, TakeFacts, WorkerId};

const FERRY: &str = "\
Title: Night Ferry

EXT. DECK - NIGHT

Rain.

MIRA
Who's there?

OTTO (O.S.)
(beat)
Nay, answer me.
(softly)
Please.

MIRA (CONT'D)
...

INT. BRIDGE - NIGHT #12A#

MIRA
Cut the engine!

OTTO ^
What?

OTTO
~ Roll on, roll on
Enough.
";

fn settings() -> SubmissionSettings {
    SubmissionSettings {
        episode: EpisodeId::parse("night-ferry").expect("it is an id"),
        priority: 5,
        max_attempts: 3,
        shares: 1,
        tag: None,
        mastering: Mastering::default(),
        takes: BTreeMap::new(),
        restart: 0,
    }
}

fn json(plan: &Plan) -> String {
    serde_json::to_string(plan).expect("plans serialise")
}

fn synth_keys(plan: &Plan) -> BTreeSet<&SynthKey> {
    plan.lines.iter().map(|line| &line.job.synth_key).collect()
}

#[test]
fn a_script_becomes_numbered_lines_and_speeches_without_words_become_none() {
    let plan = planned(FERRY, &bare_cast(&["Mira", "Otto"]), None);
    insta::assert_snapshot!(describe(&plan), @r"
    sc001-l0001  Mira   Who's there?
    sc001-l0002  Otto   Nay, answer me. Please.
    sc002-l0001  Mira   Cut the engine!
    sc002-l0002  Otto   What?
    sc002-l0003  Otto   Roll on, roll on Enough.
    ");
    assert_eq!(plan.title, "Night Ferry");
}

#[test]
fn a_line_says_where_it_stands_and_how_it_is_said() {
    let lines = lines(FERRY);
    insta::assert_snapshot!(serde_json::to_string_pretty(&lines[1]).unwrap(), @r#"
    {
      "id": "sc001-l0002",
      "position": 1,
      "scene": {
        "number": 1,
        "heading": "EXT. DECK - NIGHT",
        "label": null
      },
      "character": "OTTO",
      "speaker_key": "OTTO",
      "text": "Nay, answer me. Please.",
      "extensions": [
        "O.S."
      ],
      "parentheticals": [
        {
          "text": "beat",
          "at": 0
        },
        {
          "text": "softly",
          "at": 16
        }
      ],
      "dual": null,
      "line": 10,
      "column": 1
    }
    "#);
    assert_eq!(lines[2].scene.label.as_deref(), Some("12A"));
    assert_eq!(&lines[4].text[..lines[4].sung[0].end as usize], "Roll on, roll on");
    assert!(!lines[4].is_sung());
}

#[test]
fn a_direction_that_is_a_pause_becomes_silence() {
    let plan = planned(FERRY, &bare_cast(&["Mira", "Otto"]), None);
    let pauses: Vec<_> = plan.lines[1].job.pauses.iter().map(|p| (p.at, p.ms)).collect();
    assert_eq!(pauses, [(0, 500)]);
}

#[test]
fn the_right_half_of_a_dual_starts_with_the_left_unless_that_is_skipped() {
    let with = |plan: &Plan| -> Vec<bool> {
        plan.lines.iter().map(|line| line.job.is_with_previous).collect()
    };
    let both = planned(FERRY, &bare_cast(&["Mira", "Otto"]), None);
    assert_eq!(with(&both), [false, false, false, true, false]);
    let one = cast_of("[characters.MIRA]\nskip = true\n[characters.OTTO]\n");
    assert_eq!(with(&planned(FERRY, &one, None)), [false, false, false]);
}

#[test]
fn ids_in_the_script_win_and_are_not_given_twice() {
    let text = "MIRA\nOne.\n\nMIRA\n[[id:sc000-l0001]]\nTwo.\n\nMIRA\nThree.\n";
    let ids: Vec<_> = lines(text).into_iter().map(|line| line.id.to_string()).collect();
    assert_eq!(ids, ["sc000-l0002", "sc000-l0001", "sc000-l0003"]);
}

#[test]
fn ids_that_clash_or_cannot_be_used_are_all_told_with_their_places() {
    let text = "MIRA\n[[id:a1]]\nOne.\n\nMIRA\n[[id:A1]]\nTwo.\n\nMIRA\n[[id:a/b]]\nThree.\n";
    let error = spoken_lines(&script(text)).unwrap_err();
    insta::assert_snapshot!(error, @r"
    line 5, column 1: id `A1` is used at line 1, column 1 already; change one
    line 9, column 1: `a/b` is not a usable id: use 1 to 80 of the letters a-z A-Z, digits, `-`, `_` and `.`, starting with a letter or digit
    ");
}

#[test]
fn action_is_spoken_only_when_the_cast_has_a_narrator() {
    let cast = cast_of(
        "narrator = \"storm\"\n[voices.storm]\nscratch = {}\n[characters.MIRA]\n[characters.OTTO]\n",
    );
    let plan = planned(FERRY, &cast, None);
    assert_eq!(
        (plan.lines[0].job.character.as_str(), plan.lines[0].job.text.as_str()),
        ("Narrator", "Rain.",)
    );
    assert_eq!(plan.lines.len(), 6);
}

#[test]
fn lyrics_can_be_left_out_and_are_listed_as_skipped() {
    let text = "MIRA\n~ Roll on\n\nMIRA\nNo.\n";
    let options = PlanOptions { skips_lyrics: true, ..PlanOptions::default() };
    let plan = plan(&script(text), &bare_cast(&["MIRA"]), &options, None).unwrap();
    assert_eq!((plan.lines.len(), plan.skipped.len()), (1, 1));
    assert_eq!((plan.lines[0].order, plan.lines[0].line.position), (0, 1));
}

#[test]
fn a_line_of_more_than_ten_thousand_characters_is_refused() {
    let text = speech("MIRA", &"a ".repeat(5_001));
    let error = plan(&script(&text), &bare_cast(&["MIRA"]), &PlanOptions::default(), None);
    let Err(PlanError::TooLong(too_long)) = error else { panic!("{error:?}") };
    assert_eq!((too_long.characters, too_long.place.line), (10_001, 1));
}

#[test]
fn the_lexicon_changes_only_the_keys_of_lines_it_matches() {
    let text = speech("MIRA", "Ask Siobhan.") + &speech("MIRA", "Ask Tom.");
    let lexicon = Lexicon::read("l", "[[entry]]\nwritten = \"Siobhan\"\nspoken = \"Shivawn\"\n");
    let options = PlanOptions { lexicon: lexicon.unwrap(), ..PlanOptions::default() };
    let cast = bare_cast(&["MIRA"]);
    let plain = planned(&text, &cast, None);
    let respelt = plan(&script(&text), &cast, &options, None).unwrap();
    assert_eq!(respelt.lines[0].job.text, "Ask Shivawn.");
    assert_eq!(respelt.lines[0].lexicon, ["Siobhan"]);
    assert_ne!(respelt.lines[0].job.synth_key, plain.lines[0].job.synth_key);
    assert_eq!(respelt.lines[1], plain.lines[1]);
}

#[test]
fn a_voice_is_one_group_however_far_apart_its_lines_are() {
    let plan = planned(FERRY, &bare_cast(&["MIRA", "OTTO"]), None);
    let groups: Vec<_> = plan.groups.iter().map(|group| group.lines.clone()).collect();
    assert_eq!(groups, [vec![0, 2], vec![1, 3, 4]]);
}

#[test]
fn a_submission_is_named_by_what_is_delivered_and_by_nothing_else() {
    let plan = planned(FERRY, &bare_cast(&["MIRA", "OTTO"]), None);
    let id = |settings: &SubmissionSettings| to_submission(&plan, settings).submission.id;
    let urgent = SubmissionSettings { priority: 9, max_attempts: 1, ..settings() };
    assert_eq!(id(&urgent), id(&settings()));
    let louder = Mastering { target_lufs: -16.0, ..Mastering::default() };
    assert_ne!(id(&SubmissionSettings { mastering: louder, ..settings() }), id(&settings()));
    let long = EpisodeId::parse("e".repeat(80)).unwrap();
    assert_ne!(id(&SubmissionSettings { restart: 1, ..settings() }), id(&settings()));
    let longest = id(&SubmissionSettings { episode: long, ..settings() });
    assert!(schemas::SubmissionId::parse(longest.as_str()).is_ok());
}

#[test]
fn a_take_that_exists_goes_with_its_line() {
    let plan = planned(FERRY, &bare_cast(&["MIRA", "OTTO"]), None);
    let take = TakeFacts {
        synth_key: plan.lines[1].job.synth_key.clone(),
        samples: 1,
        rate_hz: 16_000,
        lufs: None,
        peak_dbfs: -3.0,
        bytes: 1,
        engine: "scratch/1".into(),
        worker: WorkerId::parse("w").unwrap(),
        synth_ms: 1,
        likeness: None,
    };
    let takes = BTreeMap::from([(take.synth_key.clone(), take)]);
    let new = to_submission(&plan, &SubmissionSettings { takes, ..settings() });
    let has: Vec<_> = new.lines.iter().map(|line| line.take.is_some()).collect();
    assert_eq!(has, [false, true, false, false, false]);
    assert_eq!(new.submission.voices.len(), 2);
}

#[test]
fn the_schema_describes_what_is_written() {
    let schema = serde_json::to_value(Plan::schema()).unwrap();
    let plan = serde_json::to_value(planned(FERRY, &bare_cast(&["MIRA", "OTTO"]), None)).unwrap();
    for key in plan.as_object().unwrap().keys() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
}

/// Speeches of three characters, some with the same words.
fn speeches() -> impl Strategy<Value = Vec<(usize, String)>> {
    let text = prop_oneof![Just("Yes.".to_owned()), "[A-Z][a-z]{1,8}( [a-z]{1,9}){0,12}[.?!]"];
    prop::collection::vec((0usize..3, text), 1..40)
}

const NAMES: [&str; 3] = ["MIRA", "OTTO", "TAM"];

fn fountain(speeches: &[(usize, String)]) -> String {
    speeches.iter().map(|(who, text)| speech(NAMES[*who], text)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn planning_twice_gives_the_same_plan_byte_for_byte(speeches in speeches()) {
        let (text, cast) = (fountain(&speeches), bare_cast(&NAMES));
        prop_assert_eq!(json(&planned(&text, &cast, None)), json(&planned(&text, &cast, None)));
    }

    #[test]
    fn every_line_is_in_one_batch_and_every_batch_is_within_the_limits(
        speeches in speeches(),
        max_lines in 1usize..6,
        max_audio_ms in 1u64..20_000,
    ) {
        let limits = Limits { max_lines, max_audio_ms };
        let options = PlanOptions { limits, ..PlanOptions::default() };
        let script = script(&fountain(&speeches));
        let plan = plan(&script, &bare_cast(&NAMES), &options, None).unwrap();
        let mut batched: Vec<u32> = plan.batches.iter().flat_map(|b| b.lines.clone()).collect();
        batched.sort_unstable();
        let count = u32::try_from(speeches.len()).unwrap();
        prop_assert_eq!(batched, (0..count).collect::<Vec<_>>());
        for batch in &plan.batches {
            let fits = batch.lines.len() <= max_lines && batch.estimated_ms <= max_audio_ms;
            prop_assert!(fits || batch.lines.len() == 1);
            for &order in &batch.lines {
                prop_assert_eq!(&plan.lines[order as usize].group, &batch.group);
            }
        }
    }

    #[test]
    fn changing_one_line_changes_one_take(
        speeches in speeches(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut edited = speeches.clone();
        at.get_mut(&mut edited).1 = "Quite another thing altogether.".to_owned();
        let cast = bare_cast(&NAMES);
        let before = planned(&fountain(&speeches), &cast, None);
        let after = planned(&fountain(&edited), &cast, None);
        prop_assert_eq!(synth_keys(&after).difference(&synth_keys(&before)).count(), 1);
        prop_assert_eq!(synth_keys(&before).difference(&synth_keys(&after)).count(), 1);
        prop_assert_eq!(synth_keys(&before).len(), speeches.len());
    }

    #[test]
    fn a_character_added_at_the_end_changes_no_other_voice(
        names in prop::collection::btree_set("[A-Z]{2,8}", 2..30),
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let text: String = names.iter().map(|name| speech(name, "Yes.")).collect();
        let (last, others) = names.split_last().unwrap();
        let short: String = others.iter().map(|name| speech(name, "Yes.")).collect();
        let before = planned(&short, &bare_cast(others), None);
        let after = planned(&text, &bare_cast(&names), None);
        prop_assert_eq!(&before.lines[..], &after.lines[..others.len()], "{}", last);
    }
}
