//! What is remembered: the story of a line, and what workers did.

use queue::{QueueError, SubmissionChange, Want, WorkerHour};
use schemas::{FailureKind, LineId, Outcome, QueueEvent, Verdict, WorkerId};

use super::Harness;
use super::world::{
    all_of, claim, drain, failed, finish, id, mastered, spoken, submission, submission_id, want,
};

const HOUR_MS: u64 = 3_600_000;

fn words(story: &[QueueEvent]) -> Vec<&str> {
    story.iter().map(|event| event.what.as_str()).collect()
}

pub(crate) async fn a_line_has_its_story(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    finish(&*queue, &batch).await;
    let ep = submission_id("ep.1");
    let story = queue.line_events(&ep, &id(2)).await.unwrap();
    assert_eq!(words(&story), ["submitted", "claimed", "started", "spoken", "voice complete"]);
    let all = queue.events(0, 100).await.unwrap();
    assert!(story.iter().all(|event| all.contains(event)), "the same events");
    for _ in 0..40 {
        let batch = claim(&*queue, &want("a")).await;
        queue.release(&batch.lease).await.unwrap();
    }
    let mut story = queue.line_events(&ep, &id(2)).await.unwrap();
    assert!(story.windows(2).all(|pair| pair[0].number < pair[1].number));
    story.retain(|event| event.line.is_some());
    assert_eq!((story.len(), story[59].what.as_str()), (60, "released"));
    assert_eq!(queue.line_events(&ep, &id(9)).await.unwrap(), []);
    let err = queue.line_events(&submission_id("no.1"), &id(1)).await.unwrap_err();
    assert!(matches!(err, QueueError::NoSuchSubmission(_)), "{err}");
}

pub(crate) async fn a_story_says_what_held_the_line_up(harness: &dyn Harness) {
    let queue = harness.connect();
    let ep = submission_id("ep.1");
    queue.submit(submission("ep.1", &[("mira", 1), ("otto", 2)])).await.unwrap();
    queue.change(&ep, SubmissionChange::Pause).await.unwrap();
    harness.pass(5_000);
    queue.change(&ep, SubmissionChange::Resume).await.unwrap();
    let only_one = Want { max_lines: 1, ..want("a") };
    while let Some(batch) = queue.claim(&only_one).await.unwrap() {
        finish(&*queue, &batch).await;
    }
    let story = queue.line_events(&ep, &id(1)).await.unwrap();
    let told = [
        "submitted",
        "paused",
        "resumed",
        "claimed",
        "started",
        "spoken",
        "voice complete",
        "claimed",
        "started",
        "mastered",
    ];
    let mut seen = words(&story);
    // Otto's line may be spoken in between, never told here.
    assert_eq!(seen.iter().filter(|what| **what == "voice complete").count(), 1);
    seen.sort_unstable();
    let mut told = told.to_vec();
    told.sort_unstable();
    assert_eq!(seen, told);
    let complete = story.iter().find(|event| event.what == "voice complete").unwrap();
    assert_eq!((complete.detail.as_deref(), &complete.line), (Some("mira"), &None));
    assert_eq!(story[2].at_ms - story[1].at_ms, 5_000);
}

pub(crate) async fn a_story_ends_with_its_submission_and_no_failure_makes_it_long(
    harness: &dyn Harness,
) {
    let queue = harness.connect();
    let ep = submission_id("ep.1");
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    let Outcome::Failed { mut failure } = failed(Verdict::Reject) else { unreachable!() };
    failure.message = "ä|".repeat(1_000);
    failure.kind = FailureKind::Text;
    let outcome = Outcome::Failed { failure: failure.clone() };
    queue.settle(&batch.lease, &id(1), &outcome).await.unwrap();
    let story = queue.line_events(&ep, &id(1)).await.unwrap();
    let last = story.last().unwrap();
    assert_eq!(last.detail.as_deref(), Some("ä|".repeat(200).as_str()));
    assert_eq!(last.worker, Some(WorkerId::parse("a").unwrap()));
    let kept = queue.lines(&ep).await.unwrap()[0].failure.clone().unwrap();
    assert_eq!(kept, failure, "the record has all of it");

    queue.forget(&ep).await.unwrap();
    harness.audit();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    assert_eq!(words(&queue.line_events(&ep, &id(1)).await.unwrap()), ["submitted"]);
}

/// Hour, worker, busy ms, spoken, audio ms, mastered, failed.
fn rows(hours: &[WorkerHour]) -> Vec<(u64, &str, u64, u64, u64, u64, u64)> {
    let row = |hour: &'_ WorkerHour| -> (u64, u64, u64, u64, u64, u64) {
        let WorkerHour { hour_ms, busy_ms, spoken, audio_ms, mastered, failed, .. } = hour;
        (*hour_ms, *busy_ms, *spoken, *audio_ms, *mastered, *failed)
    };
    hours
        .iter()
        .map(|hour| {
            let (at, busy, spoken, audio, mastered, failed) = row(hour);
            (at, hour.worker.as_str(), busy, spoken, audio, mastered, failed)
        })
        .collect()
}

/// Brings the clock to the beginning of an hour, and says which.
async fn next_hour(harness: &dyn Harness) -> u64 {
    let queue = harness.connect();
    queue.submit(submission("clock.1", &[("mira", 1)])).await.unwrap();
    let now = queue.events(0, 1).await.unwrap()[0].at_ms;
    queue.cancel(&all_of("clock.1")).await.unwrap();
    harness.pass(HOUR_MS - now % HOUR_MS);
    now - now % HOUR_MS + HOUR_MS
}

async fn settle(
    queue: &dyn queue::Queue,
    batch: &schemas::Batch,
    line: &LineId,
    outcome: &Outcome,
) {
    queue.start(&batch.lease, line).await.unwrap();
    queue.settle(&batch.lease, line, outcome).await.unwrap();
}

pub(crate) async fn work_is_counted_by_the_hour(harness: &dyn Harness) {
    let hour = next_hour(harness).await;
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    harness.pass(HOUR_MS - 2_000);
    let long = Want { lease_ms: 2 * HOUR_MS, ..want("a") };
    let batch = claim(&*queue, &long).await;
    harness.pass(1_000);
    let told = queue.worked(hour).await.unwrap();
    assert_eq!(rows(&told), [(hour, "a", 1_000, 0, 0, 0, 0)], "what goes on is told too");
    settle(&*queue, &batch, &id(1), &spoken()).await;
    harness.pass(4_000);
    settle(&*queue, &batch, &id(2), &spoken()).await;
    harness.pass(500);
    let batch = claim(&*queue, &want("b")).await;
    settle(&*queue, &batch, &id(1), &mastered()).await;
    harness.pass(250);
    settle(&*queue, &batch, &id(2), &failed(Verdict::Reject)).await;
    harness.pass(HOUR_MS);

    let later = hour + HOUR_MS;
    let told = queue.worked(hour).await.unwrap();
    let expected = [
        (hour, "a", 2_000, 1, 1_000, 0, 0),
        (later, "a", 3_000, 1, 1_000, 0, 0),
        (later, "b", 250, 0, 0, 1, 1),
    ];
    assert_eq!(rows(&told), expected);
    assert_eq!(rows(&queue.worked(later + 5).await.unwrap()), expected[1..]);
    assert_eq!(queue.worked(later + HOUR_MS).await.unwrap(), []);
    harness.audit();
}

pub(crate) async fn leases_at_once_are_counted_once_and_a_silent_worker_up_to_their_end(
    harness: &dyn Harness,
) {
    let hour = next_hour(harness).await;
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("otto", 2)])).await.unwrap();
    let first = claim(&*queue, &want("a")).await;
    harness.pass(3_000);
    let second = claim(&*queue, &want("a")).await;
    harness.pass(2_000);
    queue.release(&first.lease).await.unwrap();
    // Silent from here on: its second lease ends 13 s after the first began.
    queue.start(&second.lease, &second.lines[0].job.id).await.unwrap();
    harness.pass(600_000);
    assert_eq!(rows(&queue.worked(hour).await.unwrap()), [(hour, "a", 13_000, 0, 0, 0, 1)]);
}

pub(crate) async fn only_what_was_rendered_counts_as_work(harness: &dyn Harness) {
    let hour = next_hour(harness).await;
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    harness.pass(10);
    // Found in the store: never started.
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    assert_eq!(rows(&queue.worked(hour).await.unwrap()), [(hour, "a", 10, 0, 0, 0, 0)]);
    let worker = WorkerId::parse("a").unwrap();
    let batch = claim(&*queue, &want("a")).await;
    harness.pass(10);
    queue.goodbye(&worker, "any").await.unwrap();
    let fence = queue.settle(&batch.lease, &id(1), &mastered()).await.unwrap();
    assert_eq!(fence, queue::Fence::Refused);
    harness.pass(10);
    assert_eq!(rows(&queue.worked(hour).await.unwrap()), [(hour, "a", 20, 0, 0, 0, 0)]);
    queue.cancel(&all_of("ep.1")).await.unwrap();
    queue.forget(&submission_id("ep.1")).await.unwrap();
    assert_eq!(queue.worked(hour).await.unwrap().len(), 1, "outlives submission and worker");
}

pub(crate) async fn work_is_forgotten_after_36_days(harness: &dyn Harness) {
    let hour = next_hour(harness).await;
    let queue = harness.connect();
    for day in [0, 36, 1] {
        harness.pass(day * 24 * HOUR_MS);
        queue.submit(submission(&format!("ep{day}.1"), &[("mira", 1)])).await.unwrap();
        let batch = claim(&*queue, &want("a")).await;
        harness.pass(1_000);
        finish(&*queue, &batch).await;
        drain(&*queue, &want("a")).await;
    }
    let told = queue.worked(0).await.unwrap();
    let days: Vec<_> = told.iter().map(|one| (one.hour_ms - hour) / 24 / HOUR_MS).collect();
    assert_eq!(days, [36, 37]);
}
