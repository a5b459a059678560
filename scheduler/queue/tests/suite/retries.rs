//! What becomes of a failure goes by its verdict.

use schemas::{LineState, Stage, Verdict};

use super::Harness;
use super::world::*;

pub(crate) async fn a_retry_waits_out_a_doubling_back_off(harness: &dyn Harness) {
    let queue = harness.connect();
    let mut new = submission("ep.1", &[("mira", 1)]);
    new.submission.max_attempts = 12;
    queue.submit(new).await.unwrap();
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(|s| s * 1_000) {
        let batch = claim(&*queue, &want("a")).await;
        queue.start(&batch.lease, &id(1)).await.unwrap();
        queue.settle(&batch.lease, &id(1), &failed(Verdict::Retry)).await.unwrap();
        harness.pass(wait - 1);
        assert_eq!(queue.claim(&want("a")).await.unwrap(), None, "{wait}");
        assert_eq!(states(&*queue, "ep.1").await, [(Stage::Speak, LineState::Delayed)]);
        harness.pass(1);
        assert_eq!(states(&*queue, "ep.1").await, [(Stage::Speak, LineState::Waiting)]);
    }
}

pub(crate) async fn a_line_out_of_attempts_is_given_up_on(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    for starts in [true, false, true] {
        let batch = claim(&*queue, &want("a")).await;
        if starts {
            queue.start(&batch.lease, &id(1)).await.unwrap();
        }
        queue.settle(&batch.lease, &id(1), &failed(Verdict::Retry)).await.unwrap();
        harness.pass(60_000);
    }
    let line = record(&*queue, "ep.1", 1).await;
    assert_eq!((line.state, line.attempts), (LineState::Failed, 3));
    assert!(line.failure.unwrap().message.contains("too hot"));
    assert_eq!(queue.claim(&want("a")).await.unwrap(), None);
    assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 1);
    assert_eq!(claim(&*queue, &want("a")).await.lines[0].attempts, 0);
}

pub(crate) async fn a_rejected_line_is_final_at_once(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Reject)).await.unwrap();
    assert_eq!(states(&*queue, "ep.1").await, [(Stage::Speak, LineState::Failed)]);
    let progress = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!(progress.state, schemas::SubmissionState::Failed);
}

pub(crate) async fn a_line_whose_worker_quits_is_uncharged(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    claim(&*queue, &want("b")).await;
    harness.pass(LEASE_MS);
    let batch = claim(&*queue, &want("a")).await;
    queue.start(&batch.lease, &id(1)).await.unwrap();
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Quit)).await.unwrap();
    assert_eq!(queue.claim(&want("a")).await.unwrap(), None, "left to the other");
    assert_eq!(claim(&*queue, &want("b")).await.lines[0].attempts, 0);
}

pub(crate) async fn a_line_goes_to_another_worker_while_one_is_alive(harness: &dyn Harness) {
    let queue = harness.connect();
    let able = want("able");
    assert_eq!(queue.claim(&able).await.unwrap(), None);
    let deaf = queue::Want { engines: ["big/2".to_owned()].into(), ..want("deaf") };
    assert_eq!(queue.claim(&deaf).await.unwrap(), None);
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let one = queue::Want { max_lines: 1, ..want("a") };
    let batch = claim(&*queue, &one).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Retry)).await.unwrap();
    harness.pass(1_000);
    let next = claim(&*queue, &want("a")).await;
    assert_eq!(numbers(&next), [2], "line 1 is left to the able worker");
    harness.pass(58_000);
    assert_eq!(numbers(&claim(&*queue, &want("a")).await), [2]);
    harness.pass(2_000);
    assert_eq!(numbers(&claim(&*queue, &want("a")).await), [1], "it fell silent");
}

/// Claims, fails every line with `verdict`, and waits out the back-off.
async fn fail(harness: &dyn Harness, queue: &dyn queue::Queue, worker: &str, verdict: Verdict) {
    let batch = claim(queue, &want(worker)).await;
    for line in &batch.lines {
        queue.settle(&batch.lease, &line.job.id, &failed(verdict)).await.unwrap();
    }
    harness.pass(4_000);
}

pub(crate) async fn a_line_that_failed_everywhere_goes_to_anyone(harness: &dyn Harness) {
    let queue = harness.connect();
    let mut new = submission("ep.1", &[("mira", 1)]);
    new.submission.max_attempts = 9;
    queue.submit(new).await.unwrap();
    fail(harness, &*queue, "a", Verdict::Retry).await;
    fail(harness, &*queue, "b", Verdict::Retry).await;
    let batch = claim(&*queue, &want("a")).await;
    finish(&*queue, &batch).await;
    assert_eq!(record(&*queue, "ep.1", 1).await.failure, None, "it was spoken after all");
    fail(harness, &*queue, "a", Verdict::Retry).await;
    assert_eq!(queue.claim(&want("a")).await.unwrap(), None, "mastering is left to b too");
    fail(harness, &*queue, "b", Verdict::Retry).await;
    let batch = claim(&*queue, &want("a")).await;
    finish(&*queue, &batch).await;
    let line = record(&*queue, "ep.1", 1).await;
    assert_eq!((line.state, line.failure), (LineState::Done, None));
}

pub(crate) async fn a_line_is_not_left_to_a_worker_that_cannot_speak_it(harness: &dyn Harness) {
    let queue = harness.connect();
    let deaf = queue::Want { engines: ["big/2".to_owned()].into(), ..want("deaf") };
    assert_eq!(queue.claim(&deaf).await.unwrap(), None);
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    fail(harness, &*queue, "a", Verdict::Retry).await;
    assert_eq!(numbers(&claim(&*queue, &want("a")).await), [1]);
}

pub(crate) async fn what_failed_in_one_stage_or_before_a_retry_is_forgotten(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    assert_eq!(queue.cancel(&all_of("ep.1")).await.unwrap(), 1);
    assert_eq!(queue.claim(&want("b")).await.unwrap(), None);
    assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 1);
    fail(harness, &*queue, "a", Verdict::Quit).await;
    let batch = claim(&*queue, &want("b")).await;
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!(batch.stage, Stage::Master, "failed to speak it, but may master it");
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Retry)).await.unwrap();
    queue.cancel(&all_of("ep.1")).await.unwrap();
    assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 1);
    assert_eq!(record(&*queue, "ep.1", 1).await.failure, None);
    assert_eq!(claim(&*queue, &want("a")).await.stage, Stage::Master, "begun afresh");
}
