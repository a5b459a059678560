//! Ledgers: a line keeps its id while the script around it changes.

mod plan_support;

use std::collections::{BTreeMap, BTreeSet};

use plan_support::{bare_cast, lines, planned, speech};
use proptest::prelude::*;
use scheduler::cast::Cast;
use scheduler::ledger::{Carried, Ledger, LedgerError, carry_ids, edits};
use scheduler::plan::Plan;

fn cast() -> Cast {
    bare_cast(&["MIRA", "OTTO", "TAM"])
}

fn import(text: &str, before: Option<&Ledger>) -> (Plan, Ledger) {
    let plan = planned(text, &cast(), before);
    let ledger = Ledger::after(&plan, before);
    (plan, ledger)
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.lines.iter().map(|line| line.job.id.as_str()).collect()
}

/// How lines of `after` come by their ids when `before` was imported first.
fn carried(before: &str, after: &str) -> Vec<(String, Carried)> {
    let (_, ledger) = import(before, None);
    let mut lines = lines(after);
    let matched = carry_ids(&mut lines, &ledger);
    lines.into_iter().map(|line| line.id.to_string()).zip(matched.carried).collect()
}

#[test]
fn insertion_renumbers_nobody() {
    let before = speech("MIRA", "One.") + &speech("MIRA", "Two.");
    let after = speech("MIRA", "One.") + &speech("OTTO", "Between.") + &speech("MIRA", "Two.");
    let (_, ledger) = import(&before, None);
    assert_eq!(
        ids(&import(&after, Some(&ledger)).0),
        ["sc000-l0001", "sc000-l0003", "sc000-l0002"]
    );
}

#[test]
fn a_reworded_line_keeps_its_id_and_a_new_sentence_does_not() {
    let before = speech("MIRA", "We sail at dawn.") + &speech("MIRA", "I never said so.");
    let after = speech("MIRA", "We sail at dawn, Tom.") + &speech("MIRA", "Bring the rope!");
    assert_eq!(
        carried(&before, &after),
        [("sc000-l0001".to_owned(), Carried::Reworded), ("sc000-l0003".to_owned(), Carried::New),]
    );
}

#[test]
fn a_moved_scene_takes_its_ids_along_also_for_words_said_in_both() {
    let one = "INT. BRIDGE - NIGHT\n\n".to_owned()
        + &speech("MIRA", "Hard to port!")
        + &speech("OTTO", "Yes.");
    let two = "INT. GALLEY - NIGHT\n\n".to_owned()
        + &speech("MIRA", "Is there soup?")
        + &speech("OTTO", "Yes.");
    let found = carried(&(one.clone() + &two), &(two + &one));
    let ids: Vec<_> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["sc002-l0001", "sc002-l0002", "sc001-l0001", "sc001-l0002"]);
}

#[test]
fn a_line_that_moves_to_another_scene_keeps_its_id() {
    let scenes =
        |first: &str, second: &str| format!("INT. A - DAY\n\n{first}INT. B - DAY\n\n{second}");
    let (stay, go, other) = (
        speech("MIRA", "I stay here."),
        speech("OTTO", "I am off then."),
        speech("TAM", "Who is there?"),
    );
    let found =
        carried(&scenes(&(stay.clone() + &go), &other), &scenes(&stay, &(other.clone() + &go)));
    assert_eq!(found[2], ("sc001-l0002".to_owned(), Carried::Moved));
}

#[test]
fn a_removed_line_that_comes_back_gets_its_id_back_and_meanwhile_nobody_has_it() {
    let (stay, gone, new) =
        (speech("MIRA", "Stay."), speech("OTTO", "Going."), speech("TAM", "Fresh air."));
    let (_, first) = import(&(stay.clone() + &gone), None);
    let (without, second) = import(&(stay.clone() + &new), Some(&first));
    assert_eq!(ids(&without), ["sc000-l0001", "sc000-l0003"]);
    assert_eq!(second.counts(), (2, 1));
    let (back, third) = import(&(stay + &gone + &new), Some(&second));
    assert_eq!(ids(&back), ["sc000-l0001", "sc000-l0002", "sc000-l0003"]);
    assert_eq!(third.counts(), (3, 0));
}

#[test]
fn an_id_in_the_script_wins_over_where_it_was() {
    let before = speech("MIRA", "One.") + &speech("MIRA", "Two.");
    let after =
        "MIRA\n[[id:sc000-l0002]]\nSomething else.\n\n".to_owned() + &speech("MIRA", "Two.");
    assert_eq!(
        carried(&before, &after),
        [("sc000-l0002".to_owned(), Carried::Explicit), ("sc000-l0003".to_owned(), Carried::New),]
    );
}

#[test]
fn cutting_one_of_several_equal_lines_leaves_the_takes_of_the_others() {
    let yes = speech("MIRA", "Yes.");
    let asked = |n: u32| speech("OTTO", &format!("Question number {n}?"));
    let before = yes.clone() + &asked(1) + &yes + &asked(2) + &yes;
    let after = asked(1) + &yes + &asked(2) + &yes;
    let (first, ledger) = import(&before, None);
    let (second, _) = import(&after, Some(&ledger));
    assert_eq!(second.lines[1].job.synth_key, first.lines[2].job.synth_key);
    assert_eq!(second.lines[3].job.synth_key, first.lines[4].job.synth_key);
    let edits = edits(&second, &ledger, &BTreeMap::new());
    assert_eq!((edits.changed, edits.new, edits.removed), (0, 0, 1));
}

#[test]
fn edits_are_counted_against_the_last_import() {
    let before =
        speech("MIRA", "We sail at dawn.") + &speech("OTTO", "Why?") + &speech("TAM", "Aye.");
    let after =
        speech("MIRA", "We sail at noon.") + &speech("TAM", "Aye.") + &speech("TAM", "Soup!");
    let (_, ledger) = import(&before, None);
    let (plan, _) = import(&after, Some(&ledger));
    let edits = edits(&plan, &ledger, &BTreeMap::new());
    assert_eq!((edits.changed, edits.new, edits.removed, edits.reused), (1, 1, 1, 0));
}

#[test]
fn a_skipped_character_keeps_its_ids() {
    let text = speech("MIRA", "One.") + &speech("OTTO", "Two.");
    let (_, ledger) = import(&text, None);
    let skipping = plan_support::cast_of("[characters.MIRA]\n[characters.OTTO]\nskip = true\n");
    let skipped = planned(&text, &skipping, Some(&ledger));
    let ledger = Ledger::after(&skipped, Some(&ledger));
    assert_eq!(ids(&import(&text, Some(&ledger)).0), ["sc000-l0001", "sc000-l0002"]);
}

#[test]
fn the_shipped_edit_is_counted_as_its_readme_says() {
    let text = |name: &str| std::fs::read_to_string(fixtures::path(name)).unwrap();
    let (v1, v2) = (text("screenplays/edits/v1.fountain"), text("screenplays/edits/v2.fountain"));
    let names: BTreeSet<String> =
        [&v1, &v2].iter().flat_map(|text| lines(text)).map(|line| line.speaker_key).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let cast = bare_cast(&names);
    let ledger = Ledger::after(&planned(&v1, &cast, None), None);
    let edits = edits(&planned(&v2, &cast, Some(&ledger)), &ledger, &BTreeMap::new());
    assert_eq!((edits.changed, edits.new, edits.removed), (3, 1, 2));
}

#[test]
fn a_ledger_of_a_newer_layout_or_a_damaged_one_is_refused() {
    assert!(matches!(
        Ledger::from_json(br#"{"version":2,"rows":[]}"#),
        Err(LedgerError::Version(2))
    ));
    assert!(matches!(Ledger::from_json(b"{\"version\":1,"), Err(LedgerError::Damaged(_))));
}

/// What happens to a line between two imports.
#[derive(Debug, Clone)]
enum Edit {
    Keep,
    Cut,
    Reword,
    InsertBefore,
}

fn script_of(numbers: impl IntoIterator<Item = (usize, String)>) -> String {
    let names = ["MIRA", "OTTO", "TAM"];
    numbers.into_iter().map(|(who, text)| speech(names[who % 3], &text)).collect()
}

/// Words that no two numbers share.
fn words(n: usize) -> String {
    let word = |c: char| c.to_digit(10).map_or("", |d| WORDS[d as usize]);
    format!("{}.", n.to_string().chars().map(word).collect::<Vec<_>>().join(" "))
}

const WORDS: [&str; 10] =
    ["gale", "harbour", "iron", "jetty", "keel", "lamp", "mast", "net", "oar", "pilot"];

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => Just(Edit::Keep),
        1 => Just(Edit::Cut),
        1 => Just(Edit::Reword),
        1 => Just(Edit::InsertBefore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn importing_the_same_script_twice_changes_nothing(
        texts in prop::collection::vec((0usize..3, 0usize..9), 0..40),
    ) {
        let text = script_of(texts.into_iter().map(|(who, n)| (who, words(n))));
        let (first, ledger) = import(&text, None);
        let (second, again) = import(&text, Some(&ledger));
        prop_assert_eq!(first, second);
        prop_assert_eq!(&ledger, &again);
        prop_assert_eq!(&Ledger::from_json(&ledger.to_json()).unwrap(), &ledger);
    }

    #[test]
    fn untouched_lines_keep_their_ids_whatever_happens_around_them(
        script in prop::collection::vec(edit(), 1..60),
        later in prop::collection::vec(edit(), 1..60),
    ) {
        let mut standing: Vec<usize> = (0..script.len()).collect();
        let mut fresh = 1_000;
        let text = |lines: &[usize]| script_of(lines.iter().map(|&n| (n, words(n))));
        let (plan, mut ledger) = import(&text(&standing), None);
        let mut known: BTreeMap<usize, String> =
            standing.iter().copied().zip(ids(&plan).iter().map(ToString::to_string)).collect();
        for edits in [script, later] {
            let mut next = Vec::new();
            for (n, edit) in standing.iter().copied().zip(edits.iter().cycle()) {
                fresh += 3;
                match edit {
                    Edit::Keep => next.push(n),
                    Edit::Cut => {}
                    Edit::Reword => next.push(fresh + n % 3),
                    Edit::InsertBefore => next.extend([fresh, n]),
                }
            }
            let (plan, after) = import(&text(&next), Some(&ledger));
            let now = ids(&plan);
            prop_assert_eq!(now.iter().collect::<BTreeSet<_>>().len(), now.len());
            for (n, id) in next.iter().zip(&now) {
                if standing.contains(n) {
                    prop_assert_eq!(&known[n], id, "{}", n);
                }
            }
            known.extend(next.iter().copied().zip(now.iter().map(ToString::to_string)));
            (standing, ledger) = (next, after);
        }
    }
}
