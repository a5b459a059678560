//! Submissions of one priority share the farm.

use std::collections::BTreeMap;

use queue::{Queue, QueueError, Want};
use schemas::Stage;

use super::Harness;
use super::world::*;

/// Submits `name` with 200 lines of one second in `voices`.
async fn episode(queue: &dyn Queue, name: &str, shares: u32, voices: [&'static str; 2]) {
    let lines: Vec<_> = (0..200).map(|line| (voices[line % 2], 1_000)).collect();
    let mut new = submission(name, &lines);
    new.submission.shares = shares;
    queue.submit(new).await.unwrap();
}

/// Claims `times` batches of five seconds and sums the audio of each submission.
async fn leased(queue: &dyn Queue, want: &Want, times: usize) -> BTreeMap<String, u32> {
    let mut audio = BTreeMap::new();
    for _ in 0..times {
        let batch = claim(queue, &Want { max_lines: 5, ..want.clone() }).await;
        let ms: u32 = batch.lines.iter().map(|line| line.job.estimated_ms).sum();
        *audio.entry(batch.submission.to_string()).or_insert(0) += ms;
    }
    audio
}

pub(crate) async fn what_is_under_lease_goes_by_the_shares(harness: &dyn Harness) {
    for (number, shares) in [(1, 1_u32), (2, 3)] {
        let queue = harness.connect();
        let (one, two) = (format!("one{number}.1"), format!("two{number}.1"));
        episode(&*queue, &one, 1, ["mira", "otto"]).await;
        episode(&*queue, &two, shares, ["ada", "eve"]).await;
        for worker in ["a", "b", "c", "d"] {
            let audio = leased(&*queue, &want(worker), 3).await;
            assert!(audio.len() <= 2, "{audio:?}");
        }
        let progress = |name| {
            let queue = harness.connect();
            async move { queue.progress(&submission_id(name)).await.unwrap().unwrap() }
        };
        let (one_ms, two_ms) =
            (progress(&one).await.lines.speaking, progress(&two).await.lines.speaking);
        assert_eq!(one_ms + two_ms, 60, "lines of a second each");
        let fair = 60 / u64::from(1 + shares);
        assert!(one_ms.abs_diff(fair) <= 5, "{one_ms} of 60, {fair} is fair");
        queue.cancel(&all_of(&one)).await.unwrap();
        queue.cancel(&all_of(&two)).await.unwrap();
    }
}

pub(crate) async fn a_warm_voice_is_no_way_past_the_shares(harness: &dyn Harness) {
    let queue = harness.connect();
    episode(&*queue, "one.1", 1, ["mira", "otto"]).await;
    episode(&*queue, "two.1", 1, ["ada", "eve"]).await;
    let warm = Want { warm: vec![group("mira"), group("otto")], ..want("a") };
    let audio = leased(&*queue, &warm, 13).await;
    assert_eq!(audio, [("one.1".to_owned(), 65_000)].into(), "60 s and the batch that went over");
    let audio = leased(&*queue, &warm, 13).await;
    let (one, two) = (audio["one.1"], audio["two.1"]);
    assert!(one.abs_diff(two) <= 5_000, "from there on they take turns: {audio:?}");
}

pub(crate) async fn a_starved_submission_goes_first_after_a_minute(harness: &dyn Harness) {
    let queue = harness.connect();
    episode(&*queue, "small.1", 1, ["ada", "eve"]).await;
    let held = leased(&*queue, &want("a"), 2).await;
    assert_eq!(held["small.1"], 10_000);
    episode(&*queue, "large.1", 100, ["mira", "otto"]).await;
    let audio = leased(&*queue, &want("b"), 10).await;
    assert_eq!(audio, [("large.1".to_owned(), 50_000)].into(), "far behind its shares");
    harness.pass(5_000);
    leased(&*queue, &want("b"), 2).await;
    harness.pass(55_000);
    let batch = claim(&*queue, &want("b")).await;
    assert_eq!(batch.submission.as_str(), "small.1", "passed over for a minute");
}

pub(crate) async fn mastering_goes_by_the_shares_too(harness: &dyn Harness) {
    let queue = harness.connect();
    for (name, voice, lines) in [("one.1", "mira", 20), ("two.1", "ada", 10)] {
        let mut new = submission(name, &vec![(voice, 1_000); lines]);
        for line in &mut new.lines {
            line.take = Some(take(1));
        }
        queue.submit(new).await.unwrap();
    }
    let one = Want { max_lines: 2, ..want("a") };
    let mut order = String::new();
    for _ in 0..4 {
        let batch = claim(&*queue, &one).await;
        assert_eq!(batch.stage, Stage::Master);
        order.push_str(batch.submission.as_str());
        order.push(' ');
    }
    assert_eq!(order, "one.1 two.1 one.1 two.1 ");
}

pub(crate) async fn a_group_has_one_engine(harness: &dyn Harness) {
    let queue = harness.connect();
    let mut new = submission("ep.1", &[("mira", 1), ("mira", 2)]);
    "scratch/2".clone_into(&mut new.lines[1].job.engine);
    let err = queue.submit(new.clone()).await.unwrap_err();
    assert!(matches!(&err, QueueError::Unsound { what, .. } if what.contains("two engines")));
    "scratch/2".clone_into(&mut new.lines[0].job.engine);
    queue.submit(new).await.unwrap();
    assert_eq!(queue.claim(&want("old")).await.unwrap(), None, "it has scratch/1");
    let newer = Want { engines: ["scratch/2".to_owned()].into(), ..want("new") };
    let batch = claim(&*queue, &newer).await;
    assert_eq!(batch.lines[0].job.engine, "scratch/2");
    finish(&*queue, &batch).await;
    assert_eq!(drain(&*queue, &want("old")).await, 2, "mastering needs no engine");
}
