//! What people decide about takes, and what follows from it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod plan_support;

use std::collections::BTreeSet;

use plan_support::{bare_cast, planned, speech};
use scheduler::plan::{Limits, Plan};
use scheduler::takes::{
    Act, Choice, Decisions, KnownTake, LapseReason, LineStep, Step, Wish, alternatives, apply,
    read, write,
};
use schemas::{EpisodeId, LineId, SynthKey};
use store::Store;

/// Two lines, and the first one's usual take with two alternatives that are known.
fn episode() -> (Plan, Decisions, Vec<KnownTake>) {
    let text = speech("MIRA", "We sail.") + &speech("OTTO", "Yes.");
    let plan = planned(&text, &bare_cast(&["MIRA", "OTTO"]), None);
    let first = &plan.lines[0];
    let usual = KnownTake::of_job(&first.job, &first.basis);
    let voices: Vec<_> = plan.voices.iter().map(|keyed| keyed.voice.clone()).collect();
    let voice = voices.iter().find(|voice| voice.key() == first.job.voice).unwrap();
    let wish = Wish { usual: &usual, basis: &first.basis, voice, direction: None, count: 2 };
    let more = alternatives(&wish, None, &BTreeSet::new());
    let takes = [vec![usual], more].concat();
    let mut decisions = Decisions::default();
    let made = step(&plan, takes.clone(), Act::Made);
    decisions.take_in(Step { voices, ..made });
    (plan, decisions, takes)
}

fn id(plan: &Plan) -> LineId {
    plan.lines[0].job.id.clone()
}

fn step(plan: &Plan, takes: Vec<KnownTake>, act: Act) -> Step {
    let lines = vec![LineStep { line: id(plan), takes, act }];
    Step { version: 1, at_ms: 0, voices: Vec::new(), lines }
}

fn choose(plan: &Plan, take: &KnownTake) -> Act {
    Act::Chosen { take: take.key.clone(), on: plan.lines[0].basis.clone() }
}

/// The take that the first line is heard in.
fn heard(plan: &Plan, decisions: &Decisions) -> SynthKey {
    let mut plan = plan.clone();
    let lapses = apply(&mut plan, decisions, &BTreeSet::new(), &Limits::default());
    assert!(lapses.is_empty(), "{lapses:?}");
    plan.lines[0].job.synth_key.clone()
}

#[test]
fn every_decision_can_be_undone_and_done_again_until_another_is_made() {
    let (plan, mut decisions, takes) = episode();
    let mut act = |act: Act| {
        decisions.take_in(step(&plan, Vec::new(), act));
        heard(&plan, &decisions)
    };
    assert_eq!(act(choose(&plan, &takes[1])), takes[1].key);
    assert_eq!(act(choose(&plan, &takes[2])), takes[2].key);
    assert_eq!(act(Act::Undone), takes[1].key);
    assert_eq!(act(Act::Undone), takes[0].key);
    assert_eq!(act(Act::Undone), takes[0].key, "more than all cannot be undone");
    assert_eq!(act(Act::Redone), takes[1].key);
    assert_eq!(act(choose(&plan, &takes[0])), takes[0].key);
    assert_eq!(act(Act::Redone), takes[0].key, "what came after it is gone");
}

#[test]
fn an_approval_is_of_one_take_and_is_undone_like_a_choice() {
    let (plan, mut decisions, takes) = episode();
    let take = takes[1].key.clone();
    decisions.take_in(step(&plan, Vec::new(), Act::Approved { take: take.clone() }));
    assert!(decisions.is_approved(&id(&plan), &take));
    assert!(!decisions.is_approved(&id(&plan), &takes[0].key));
    decisions.take_in(step(&plan, Vec::new(), Act::Undone));
    assert!(!decisions.is_approved(&id(&plan), &take));
    decisions.take_in(step(&plan, Vec::new(), Act::Redone));
    decisions.take_in(step(&plan, Vec::new(), Act::Withdrawn { take: take.clone() }));
    assert!(!decisions.is_approved(&id(&plan), &take));
}

#[test]
fn alternatives_are_the_same_whoever_asks_and_go_on_where_a_crash_left_off() {
    let (plan, decisions, takes) = episode();
    let (_, _, again) = episode();
    assert_eq!(takes, again);
    let keys: BTreeSet<_> = takes.iter().map(|take| &take.key).collect();
    assert_eq!(keys.len(), 3);
    let first = &plan.lines[0];
    let voice = &plan.voices.iter().find(|keyed| keyed.key == first.job.voice).unwrap().voice;
    let wish = Wish { usual: &takes[0], basis: &first.basis, voice, direction: None, count: 2 };
    let known = decisions.line(&id(&plan));
    assert_eq!(alternatives(&wish, known, &BTreeSet::new()), takes[1..]);
    let rendered = BTreeSet::from([takes[1].key.clone()]);
    let next = alternatives(&wish, known, &rendered);
    assert_eq!(next[0], takes[2], "what was never rendered comes first");
    assert!(!keys.contains(&next[1].key));
}

#[test]
fn a_choice_for_other_words_lapses_and_another_engines_take_needs_its_audio() {
    let (plan, mut decisions, takes) = episode();
    decisions.take_in(step(&plan, Vec::new(), choose(&plan, &takes[1])));
    let text = speech("MIRA", "We sail now.") + &speech("OTTO", "Yes.");
    let mut edited = planned(&text, &bare_cast(&["MIRA", "OTTO"]), None);
    let lapses = apply(&mut edited, &decisions, &BTreeSet::new(), &Limits::default());
    assert_eq!((lapses.len(), lapses[0].why), (1, LapseReason::Words));
    assert_eq!(lapses[0].take, 2);

    let mut other = plan.clone();
    other.lines[0].job.engine = "scratch/2".to_owned();
    let lapses = apply(&mut other, &decisions, &BTreeSet::new(), &Limits::default());
    assert_eq!(lapses[0].why, LapseReason::Gone);
    let stored = BTreeSet::from([takes[1].key.clone()]);
    let lapses = apply(&mut other, &decisions, &stored, &Limits::default());
    assert!(lapses.is_empty());
    assert_eq!(other.lines[0].job.synth_key, takes[1].key);
    assert_eq!(other.groups.len(), 2, "each line is in one group");
}

#[tokio::test]
async fn steps_survive_in_the_store_and_none_is_lost_when_two_decide_at_once() {
    let store = Store::open("memory:").await.unwrap();
    let episode = EpisodeId::parse("ferry").unwrap();
    let (plan, _, takes) = self::episode();
    let mut one = read(&episode, &store).await.unwrap();
    let mut two = read(&episode, &store).await.unwrap();
    for (decisions, take) in [(&mut one, &takes[1]), (&mut two, &takes[2])] {
        let lines = vec![LineStep {
            line: id(&plan),
            takes: vec![take.clone()],
            act: Act::Approved { take: take.key.clone() },
        }];
        write(&episode, decisions, Vec::new(), lines, &store).await.unwrap();
    }
    let both = read(&episode, &store).await.unwrap();
    assert!(takes[1..].iter().all(|take| both.is_approved(&id(&plan), &take.key)));
    assert_eq!(both.choice(&id(&plan), &plan.lines[0].basis), Choice::Usual);

    let key = format!("{}00000009-x.json", schemas::take_steps_prefix(&episode));
    store.put(&key, r#"{"version": 2}"#).await.unwrap();
    let refused = read(&episode, &store).await.unwrap_err().to_string();
    assert!(refused.contains("use a newer tableread"), "{refused}");
}
