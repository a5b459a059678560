//! Which lines a claim hands out.

use queue::Want;
use schemas::{Stage, Tag, Verdict};

use super::Harness;
use super::world::*;

pub(crate) async fn priority_decides_before_all_else(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("usual.1", &[("mira", 900)])).await.unwrap();
    let mut urgent = submission("urgent.1", &[("otto", 1)]);
    urgent.submission.priority = 9;
    queue.submit(urgent).await.unwrap();
    harness.pass(120_000);
    let warm = Want { warm: vec![group("mira")], ..want("a") };
    assert_eq!(claim(&*queue, &warm).await.group, group("otto"));
    assert_eq!(claim(&*queue, &warm).await.group, group("mira"));
}

pub(crate) async fn a_warm_group_goes_before_a_larger_one(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 100), ("otto", 900), ("ada", 500)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let warm = Want { warm: vec![group("ada"), group("mira")], ..want("a") };
    assert_eq!(claim(&*queue, &warm).await.group, group("ada"));
    assert_eq!(claim(&*queue, &warm).await.group, group("mira"));
    assert_eq!(claim(&*queue, &warm).await.group, group("otto"));
}

pub(crate) async fn a_group_that_another_holds_goes_last(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 900), ("mira", 900), ("otto", 100)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let one = |worker| Want { max_lines: 1, ..want(worker) };
    assert_eq!(claim(&*queue, &one("a")).await.group, group("mira"), "the largest");
    assert_eq!(claim(&*queue, &one("b")).await.group, group("otto"), "held by nobody");
    assert_eq!(claim(&*queue, &one("b")).await.group, group("mira"), "any is better than none");
}

pub(crate) async fn a_group_passed_over_for_a_minute_goes_first(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines: Vec<_> =
        (0..20).map(|_| ("mira", 500)).chain([("otto", 100), ("otto", 100)]).collect();
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let warm = Want { warm: vec![group("mira")], max_lines: 1, ..want("a") };
    assert_eq!(claim(&*queue, &warm).await.group, group("mira"));
    harness.pass(59_999);
    assert_eq!(claim(&*queue, &warm).await.group, group("mira"));
    harness.pass(1);
    assert_eq!(claim(&*queue, &warm).await.group, group("otto"));
    assert_eq!(claim(&*queue, &warm).await.group, group("mira"), "its minute began anew");
}

pub(crate) async fn a_worker_gets_only_what_it_can_speak(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("xena", 900)])).await.unwrap();
    assert_eq!(queue.claim(&want("small")).await.unwrap(), None);
    let able = Want { engines: ["big/2".to_owned()].into(), ..want("able") };
    let batch = claim(&*queue, &able).await;
    finish(&*queue, &batch).await;
    let deaf = Want { engines: [].into(), ..want("deaf") };
    assert_eq!(claim(&*queue, &deaf).await.stage, Stage::Master);
}

pub(crate) async fn a_tagged_submission_is_spoken_where_its_tag_is(harness: &dyn Harness) {
    let queue = harness.connect();
    let tag = |word: &str| Tag::parse(word).unwrap();
    let mut tagged = submission("ep.1", &[("mira", 900), ("mira", 100)]);
    tagged.submission.tag = Some(tag("studio-b"));
    queue.submit(tagged).await.unwrap();
    let of = |worker, words: &[&str]| Want {
        tags: words.iter().map(|word| tag(word)).collect(),
        max_lines: 1,
        ..want(worker)
    };
    let (elsewhere, there) = (of("a", &["studio-a"]), of("b", &["studio-a", "studio-b"]));
    assert_eq!(queue.claim(&of("c", &[])).await.unwrap(), None);
    assert_eq!(queue.claim(&elsewhere).await.unwrap(), None);
    let batch = claim(&*queue, &there).await;
    queue.settle(&batch.lease, &batch.lines[0].job.id, &failed(Verdict::Retry)).await.unwrap();
    harness.pass(4_000);
    for _ in 0..2 {
        // Others are alive and have the engine, but the line that failed here is not left to them.
        assert_eq!(queue.claim(&elsewhere).await.unwrap(), None);
        finish(&*queue, &claim(&*queue, &there).await).await;
    }
    assert_eq!(claim(&*queue, &elsewhere).await.stage, Stage::Master, "by anybody");
    let kept = queue.submission(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!(kept.tag, Some(tag("studio-b")));
}

pub(crate) async fn a_batch_keeps_to_its_bounds_shortest_first(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 900), ("mira", 100), ("mira", 300), ("mira", 200), ("mira", 5_000)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let bounded = |max_lines, max_audio_ms| Want { max_lines, max_audio_ms, ..want("a") };
    assert_eq!(numbers(&claim(&*queue, &bounded(2, 10_000)).await), [2, 4]);
    assert_eq!(numbers(&claim(&*queue, &bounded(9, 1_200)).await), [3, 1]);
    assert_eq!(numbers(&claim(&*queue, &bounded(9, 1_000)).await), [5], "a longer one still goes");
}

pub(crate) async fn among_equals_the_older_submission_and_the_script_decide(harness: &dyn Harness) {
    let queue = harness.connect();
    for name in ["one.1", "two.1"] {
        queue.submit(submission(name, &[("mira", 500), ("mira", 500)])).await.unwrap();
    }
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!((batch.submission.as_str(), numbers(&batch)), ("one.1", vec![1, 2]));
}

pub(crate) async fn only_others_speaking_a_group_makes_it_held(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("one.1", &[("mira", 900), ("mira", 900), ("otto", 1)])).await.unwrap();
    let one = |worker| Want { max_lines: 1, ..want(worker) };
    assert_eq!(claim(&*queue, &one("a")).await.group, group("mira"));
    let batch = claim(&*queue, &one("a")).await;
    assert_eq!(batch.group, group("mira"), "the other lease is its own");
    queue.submit(submission("two.1", &[("mira", 900), ("ada", 100)])).await.unwrap();
    assert_eq!(claim(&*queue, &one("b")).await.group, group("ada"), "held in any submission");
}

pub(crate) async fn a_group_that_another_masters_is_not_held(harness: &dyn Harness) {
    let queue = harness.connect();
    let mut spoken = submission("one.1", &[("mira", 900)]);
    spoken.lines[0].take = Some(take(1));
    queue.submit(spoken).await.unwrap();
    assert_eq!(claim(&*queue, &want("a")).await.stage, Stage::Master);
    queue.submit(submission("two.1", &[("mira", 900), ("ada", 100)])).await.unwrap();
    assert_eq!(claim(&*queue, &want("b")).await.group, group("mira"));
}

pub(crate) async fn a_group_without_a_line_for_the_worker_is_passed_by(harness: &dyn Harness) {
    let queue = harness.connect();
    assert_eq!(queue.claim(&want("b")).await.unwrap(), None);
    queue.submit(submission("ep.1", &[("mira", 900), ("otto", 1)])).await.unwrap();
    let none = Want { max_lines: 0, ..want("a") };
    let batch = claim(&*queue, &none).await;
    assert_eq!(numbers(&batch), [1], "at least one line");
    queue.settle(&batch.lease, &id(1), &failed(schemas::Verdict::Quit)).await.unwrap();
    assert_eq!(claim(&*queue, &want("a")).await.group, group("otto"), "mira is left to b");
}

pub(crate) async fn a_group_is_passed_over_from_when_it_last_had_nothing(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 500), ("mira", 500), ("mira", 500), ("otto", 1), ("ada", 1), ("ada", 1)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    for (voice, lease_ms) in [("ada", LEASE_MS), ("otto", 1_000_000)] {
        let one = Want { max_lines: 1, lease_ms, warm: vec![group(voice)], ..want("a") };
        let batch = claim(&*queue, &one).await;
        if voice == "ada" {
            // Comes back a second later, beside a line that waits all the time.
            let outcome = failed(schemas::Verdict::Retry);
            queue.settle(&batch.lease, &batch.lines[0].job.id, &outcome).await.unwrap();
            continue;
        }
        let warm = Want { max_lines: 1, warm: vec![group("mira")], ..want("a") };
        harness.pass(1_000);
        assert_eq!(claim(&*queue, &warm).await.group, group("mira"));
        harness.pass(59_000);
        queue.release(&batch.lease).await.unwrap();
        assert_eq!(claim(&*queue, &warm).await.group, group("ada"), "a line waited all the time");
        assert_eq!(claim(&*queue, &warm).await.group, group("mira"), "otto waits since just now");
    }
}

pub(crate) async fn a_pause_does_not_count_as_being_passed_over(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("one.1", &[("otto", 1)])).await.unwrap();
    let one = submission_id("one.1");
    queue.change(&one, queue::SubmissionChange::Pause).await.unwrap();
    queue.change(&one, queue::SubmissionChange::Pause).await.unwrap();
    harness.pass(120_000);
    queue.submit(submission("two.1", &[("mira", 1)])).await.unwrap();
    queue.change(&one, queue::SubmissionChange::Resume).await.unwrap();
    let warm = Want { warm: vec![group("mira")], ..want("a") };
    assert_eq!(claim(&*queue, &warm).await.group, group("mira"));
    let events = queue.events(0, 10).await.unwrap();
    let words: Vec<_> = events.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(words, ["submitted", "paused", "submitted", "resumed", "claimed"]);
}

pub(crate) async fn a_group_that_two_others_hold_is_held_too(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 900), ("mira", 900), ("mira", 900), ("otto", 100)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let one = |worker| Want { max_lines: 1, warm: vec![group("mira")], ..want(worker) };
    for worker in ["a", "b"] {
        assert_eq!(claim(&*queue, &one(worker)).await.group, group("mira"));
    }
    assert_eq!(claim(&*queue, &want("c")).await.group, group("otto"));
}
