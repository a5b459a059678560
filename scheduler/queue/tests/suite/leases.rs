//! A lease is a promise with an end, and fences every report.

use std::collections::HashMap;

use queue::{Fence, Renewal};
use schemas::{FailureKind, LineState, Stage};

use super::Harness;
use super::world::*;

pub(crate) async fn a_batch_says_all_that_a_worker_needs(harness: &dyn Harness) {
    let queue = harness.connect();
    let new = submission("ep.1", &[("mira", 900), ("mira", 300)]);
    queue.submit(new.clone()).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!((batch.stage, &batch.group), (Stage::Speak, &group("mira")));
    assert_eq!((&batch.voice, &batch.mastering), (&voice("mira"), &new.submission.mastering));
    assert_eq!((&batch.submission, &batch.title), (&new.submission.id, &new.submission.title));
    assert_eq!(numbers(&batch), [2, 1]);
    assert_eq!(batch.lines[1].job, new.lines[0].job);
    assert!(batch.lines.iter().all(|line| line.take.is_none() && line.attempts == 0));
    assert_eq!(queue.claim(&want("b")).await.unwrap(), None);
    finish(&*queue, &batch).await;
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!((batch.stage, numbers(&batch)), (Stage::Master, vec![1, 2]));
    assert!(batch.lines.iter().all(|line| line.take.as_ref() == Some(&take(1))));
}

pub(crate) async fn a_trace_goes_with_the_lines_whoever_has_them(harness: &dyn Harness) {
    let queue = harness.connect();
    let trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let mut new = submission("ep.1", &[("mira", 900)]);
    new.submission.trace.clone_from(&trace);
    queue.submit(new.clone()).await.unwrap();
    assert_eq!(claim(&*queue, &want("a")).await.trace, trace);
    // The same submission again belongs to the trace it was first given with.
    new.submission.trace = Some("of another run".to_owned());
    queue.submit(new).await.unwrap();
    harness.pass(LEASE_MS);
    let batch = claim(&*queue, &want("b")).await;
    assert_eq!(batch.trace, trace);
    finish(&*queue, &batch).await;
    assert_eq!(claim(&*queue, &want("a")).await.trace, trace);

    queue.submit(submission("other.1", &[("otto", 900)])).await.unwrap();
    assert_eq!(claim(&*queue, &want("a")).await.trace, None);
}

pub(crate) async fn a_late_report_is_refused_and_changes_nothing(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 900)])).await.unwrap();
    let late = claim(&*queue, &want("a")).await;
    harness.pass(LEASE_MS - 1);
    assert_eq!(queue.start(&late.lease, &id(1)).await.unwrap(), Fence::Held);
    harness.pass(1);
    assert_eq!(queue.settle(&late.lease, &id(1), &spoken()).await.unwrap(), Fence::Refused);
    assert_eq!(queue.start(&late.lease, &id(1)).await.unwrap(), Fence::Refused);
    let before = record(&*queue, "ep.1", 1).await;
    assert_eq!((before.state, before.take), (LineState::Waiting, None));
    let batch = claim(&*queue, &want("b")).await;
    assert_eq!(queue.settle(&late.lease, &id(1), &spoken()).await.unwrap(), Fence::Refused);
    assert_eq!(queue.release(&late.lease).await.unwrap(), 0);
    assert_eq!(record(&*queue, "ep.1", 1).await.state, LineState::Leased);
    assert_eq!(queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap(), Fence::Held);
}

pub(crate) async fn a_line_is_settled_once(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 900), ("mira", 900)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!(queue.settle(&batch.lease, &id(1), &mastered()).await.unwrap(), Fence::Refused);
    assert_eq!(queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap(), Fence::Held);
    let once = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    for outcome in [spoken(), failed(schemas::Verdict::Reject)] {
        assert_eq!(queue.settle(&batch.lease, &id(1), &outcome).await.unwrap(), Fence::Refused);
    }
    assert_eq!(queue.progress(&submission_id("ep.1")).await.unwrap().unwrap(), once);
    assert_eq!((once.audio_ms, once.synth_ms, once.estimated_open_ms), (1_000, 40, 900));
}

pub(crate) async fn a_renewed_lease_holds(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 900)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    for _ in 0..3 {
        harness.pass(LEASE_MS - 1);
        let renewal = queue.renew(&batch.lease, LEASE_MS).await.unwrap();
        assert!(matches!(renewal, Renewal::Held { cancelled, .. } if cancelled.is_empty()));
    }
    assert_eq!(queue.claim(&want("b")).await.unwrap(), None);
    harness.pass(LEASE_MS);
    assert_eq!(queue.renew(&batch.lease, LEASE_MS).await.unwrap(), Renewal::Lost);
    assert_eq!(numbers(&claim(&*queue, &want("b")).await), [1]);
}

pub(crate) async fn an_ended_lease_charges_only_what_was_started(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2), ("mira", 3)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.start(&batch.lease, &id(1)).await.unwrap();
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    queue.start(&batch.lease, &id(2)).await.unwrap();
    harness.pass(LEASE_MS);
    let again = claim(&*queue, &want("b")).await;
    let attempts: Vec<_> = again.lines.iter().map(|line| line.attempts).collect();
    assert_eq!((numbers(&again), attempts), (vec![2, 3], vec![1, 0]));
    assert_eq!(record(&*queue, "ep.1", 1).await.state, LineState::Held);
}

pub(crate) async fn a_line_that_kills_its_workers_is_given_up_on(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    for worker in ["a", "b", "c"] {
        let batch = claim(&*queue, &want(worker)).await;
        queue.start(&batch.lease, &id(1)).await.unwrap();
        harness.pass(LEASE_MS);
    }
    assert_eq!(queue.claim(&want("d")).await.unwrap(), None);
    let line = record(&*queue, "ep.1", 1).await;
    let failure = line.failure.unwrap();
    assert_eq!((line.state, line.attempts), (LineState::Failed, 3));
    assert_eq!(failure.kind, FailureKind::Crash);
    assert!(failure.message.contains("worker c"), "{}", failure.message);
}

pub(crate) async fn starting_twice_under_a_lease_charges_once(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    for _ in 0..2 {
        assert_eq!(queue.start(&batch.lease, &id(1)).await.unwrap(), Fence::Held);
    }
    assert_eq!(record(&*queue, "ep.1", 1).await.attempts, 1);
}

pub(crate) async fn a_released_lease_costs_nothing(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2), ("mira", 3)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.start(&batch.lease, &id(1)).await.unwrap();
    queue.start(&batch.lease, &id(2)).await.unwrap();
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    assert_eq!(queue.release(&batch.lease).await.unwrap(), 2);
    assert_eq!(queue.release(&batch.lease).await.unwrap(), 0);
    let again = claim(&*queue, &want("a")).await;
    assert_eq!(numbers(&again), [2, 3]);
    assert!(again.lines.iter().all(|line| line.attempts == 0));
}

pub(crate) async fn a_lease_ends_with_its_last_line(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    finish(&*queue, &batch).await;
    assert_eq!(queue.renew(&batch.lease, LEASE_MS).await.unwrap(), Renewal::Lost);
    assert_eq!(queue.workers().await.unwrap()[0].lines_held, 0);
}

pub(crate) async fn many_connections_settle_every_line_once(harness: &dyn Harness) {
    let lines: Vec<_> = (0..60).map(|n| (["mira", "otto", "ada"][n % 3], 100)).collect();
    harness.connect().submit(submission("ep.1", &lines)).await.unwrap();
    let workers = ["a", "b", "c", "d"].map(|name| {
        let queue = harness.connect();
        tokio::spawn(async move {
            let mine = queue::Want { max_lines: 3, ..want(name) };
            let mut settled = Vec::new();
            while let Some(batch) = queue.claim(&mine).await.unwrap() {
                finish(&*queue, &batch).await;
                settled.extend(numbers(&batch).into_iter().map(|line| (batch.stage, line)));
            }
            settled
        })
    });
    let mut settled = HashMap::new();
    for worker in workers {
        for line in worker.await.unwrap() {
            *settled.entry(line).or_insert(0) += 1;
        }
    }
    // A worker that finds nothing while others hold the last lines of a voice stops early.
    let queue = harness.connect();
    let rest = drain(&*queue, &want("e")).await;
    assert_eq!(settled.len() + rest, 120);
    assert!(settled.values().all(|times| *times == 1));
    assert_eq!(queue.progress(&submission_id("ep.1")).await.unwrap().unwrap().lines.done, 60);
}

pub(crate) async fn whatever_comes_first_after_the_end_finds_the_lease_ended(
    harness: &dyn Harness,
) {
    let queue = harness.connect();
    let mut new = submission("ep.1", &[("mira", 1)]);
    new.submission.max_attempts = 1;
    queue.submit(new.clone()).await.unwrap();
    for call in 0..5 {
        let batch = claim(&*queue, &want("a")).await;
        if call != 0 {
            queue.start(&batch.lease, &id(1)).await.unwrap();
        }
        harness.pass(LEASE_MS);
        match call {
            0 => {
                assert_eq!(queue.start(&batch.lease, &id(1)).await.unwrap(), Fence::Refused);
                assert_eq!(record(&*queue, "ep.1", 1).await.attempts, 0);
            }
            1 => assert_eq!(queue.release(&batch.lease).await.unwrap(), 0),
            2 => assert_eq!(queue.cancel(&all_of("ep.1")).await.unwrap(), 0, "failed before"),
            3 => assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 1, "failed before"),
            _ => assert_eq!(queue.submit(new.clone()).await.unwrap().revived, 1, "failed before"),
        }
        if call == 1 || call == 2 {
            assert_eq!(record(&*queue, "ep.1", 1).await.state, LineState::Failed);
            assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 1);
        }
    }
}

pub(crate) async fn a_lease_lasts_as_long_as_was_asked_for(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 900)])).await.unwrap();
    let short = queue::Want { lease_ms: 3_000, ..want("a") };
    let batch = claim(&*queue, &short).await;
    let claimed_at_ms = batch.expires_at_ms - 3_000;
    harness.pass(2_999);
    let renewal = queue.renew(&batch.lease, 2_000).await.unwrap();
    let held = Renewal::Held { expires_at_ms: claimed_at_ms + 4_999, cancelled: Vec::new() };
    assert_eq!(renewal, held);
    harness.pass(1_999);
    assert_eq!(queue.claim(&want("b")).await.unwrap(), None);
    harness.pass(1);
    let batch = claim(&*queue, &short).await;
    harness.pass(3_000);
    assert_ne!(claim(&*queue, &want("b")).await.lease, batch.lease);
}

pub(crate) async fn a_released_lease_is_lost_and_gives_no_attempt_back_twice(
    harness: &dyn Harness,
) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 900)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.start(&batch.lease, &id(1)).await.unwrap();
    queue.settle(&batch.lease, &id(1), &failed(schemas::Verdict::Retry)).await.unwrap();
    harness.pass(1_000);
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!(batch.lines[0].attempts, 1);
    assert_eq!(queue.release(&batch.lease).await.unwrap(), 1);
    assert_eq!(queue.renew(&batch.lease, LEASE_MS).await.unwrap(), Renewal::Lost);
    assert_eq!(record(&*queue, "ep.1", 1).await.attempts, 1, "the attempt before still counts");
}

pub(crate) async fn a_silent_worker_is_told_of_and_its_line_left_to_others(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.start(&batch.lease, &id(2)).await.unwrap();
    harness.pass(LEASE_MS);
    assert_eq!(queue.claim(&want("b")).await.unwrap().map(|it| it.lines.len()), Some(2));
    let events = queue.events(0, 100).await.unwrap();
    let expired: Vec<_> = events.iter().filter(|event| event.what == "expired").collect();
    assert_eq!(expired.len(), 2);
    assert_eq!((&expired[0].line, &expired[0].detail), (&Some(id(1)), &None), "was not started");
    assert!(expired[1].detail.as_ref().is_some_and(|detail| detail.contains("worker a")));
    harness.pass(LEASE_MS);
    assert_eq!(numbers(&claim(&*queue, &want("a")).await), [1], "line 2 is left to b");
}
