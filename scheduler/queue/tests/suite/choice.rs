//! Which lines a claim hands out.

use queue::Want;

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
    let able = Want { models: ["big".to_owned()].into(), ..want("able") };
    let batch = claim(&*queue, &able).await;
    finish(&*queue, &batch).await;
    let deaf = Want { models: [].into(), ..want("deaf") };
    assert_eq!(claim(&*queue, &deaf).await.stage, schemas::Stage::Master);
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
