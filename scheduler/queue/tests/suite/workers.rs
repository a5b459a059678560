//! Workers say how they are, and are told what to do.

use queue::{Fence, QueueError, Renewal, Want};
use schemas::{EngineState, Verdict, WorkerId, WorkerReport, WorkerState};

use super::Harness;
use super::world::*;

fn report(worker: &str, instance: &str) -> WorkerReport {
    WorkerReport {
        worker: WorkerId::parse(worker).unwrap(),
        instance: instance.to_owned(),
        version: "0.1.0".to_owned(),
        host: format!("{worker}.local"),
        hardware: "Apple M4, 16 GB".to_owned(),
        device: "metal".to_owned(),
        engines: vec![EngineState {
            engine: "scratch/1".to_owned(),
            model: "scratch".to_owned(),
            is_loaded: true,
            slots: 8,
            slots_busy: 3,
            resident_bytes: None,
            times_real_time: Some(2.5),
        }],
        state: WorkerState::Rendering,
        detail: None,
        voices_warm: 2,
        last_line: Some(id(7)),
        spoken: 41,
        mastered: 40,
        failed: 1,
        started_at_ms: 1_700_000_000_000,
        tags: [].into(),
    }
}

fn name(worker: &str) -> WorkerId {
    WorkerId::parse(worker).unwrap()
}

pub(crate) async fn a_report_is_shown_for_an_hour(harness: &dyn Harness) {
    let queue = harness.connect();
    let first = report("a", "1");
    assert!(!queue.report(&first).await.unwrap().drain);
    harness.pass(5_000);
    let second = WorkerReport { spoken: 42, ..first };
    assert!(!queue.report(&second).await.unwrap().drain);
    queue.claim(&want("b")).await.unwrap();
    let cards = queue.workers().await.unwrap();
    assert_eq!((cards[0].report.as_ref(), cards[1].report.as_ref()), (Some(&second), None));
    assert_eq!(cards[0].seen_at_ms, cards[1].seen_at_ms, "a report is a sign of life");
    harness.pass(3_599_000);
    queue.claim(&want("a")).await.unwrap();
    assert_eq!(queue.workers().await.unwrap()[0].report.as_ref(), Some(&second));
    harness.pass(1_000);
    let cards = queue.workers().await.unwrap();
    assert_eq!((cards.len(), cards[0].worker.as_str(), &cards[0].report), (1, "a", &None));
}

pub(crate) async fn a_name_is_for_one_process_at_a_time(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.report(&report("a", "1")).await.unwrap();
    harness.pass(59_999);
    let other = WorkerReport { host: "elsewhere".to_owned(), ..report("a", "2") };
    let err = queue.report(&other).await.unwrap_err();
    assert!(
        matches!(&err, QueueError::NameTaken { worker, host } if worker == "a" && host == "a.local"),
        "{err}"
    );
    assert_eq!(queue.workers().await.unwrap()[0].report.as_ref().unwrap().host, "a.local");
    harness.pass(1);
    queue.report(&other).await.unwrap();
    let err = queue.report(&report("a", "1")).await.unwrap_err();
    assert!(matches!(&err, QueueError::NameTaken { host, .. } if host == "elsewhere"), "{err}");
    // One that crashed and was started again on its machine has its name at once, and keeps it.
    let again = WorkerReport { instance: "3".to_owned(), ..other.clone() };
    queue.report(&again).await.unwrap();
    let err = queue.report(&other).await.unwrap_err();
    assert!(matches!(&err, QueueError::NameTaken { host, .. } if host == "elsewhere"), "{err}");
}

pub(crate) async fn a_goodbye_frees_the_name_and_the_lines(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    queue.report(&report("a", "1")).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.start(&batch.lease, &id(1)).await.unwrap();
    queue.goodbye(&name("a"), "0").await.unwrap();
    assert_eq!(queue.workers().await.unwrap().len(), 1, "another instance has ended");
    queue.goodbye(&name("a"), "1").await.unwrap();
    queue.goodbye(&name("a"), "1").await.unwrap();
    assert_eq!(queue.workers().await.unwrap(), []);
    assert!(matches!(queue.renew(&batch.lease, 1).await.unwrap(), Renewal::Lost));
    assert_eq!(queue.start(&batch.lease, &id(1)).await.unwrap(), Fence::Refused);
    let again = claim(&*queue, &want("b")).await;
    assert!(again.lines.len() == 2 && again.lines.iter().all(|line| line.attempts == 0));
    queue.report(&report("a", "2")).await.unwrap();
    harness.audit();
}

pub(crate) async fn a_worker_ordered_to_drain_is_handed_nothing(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    queue.report(&report("a", "1")).await.unwrap();
    let one = Want { max_lines: 1, ..want("a") };
    let batch = claim(&*queue, &one).await;
    queue.order_drain(&name("a"), true).await.unwrap();
    assert_eq!(queue.claim(&one).await.unwrap(), None);
    assert!(queue.report(&report("a", "1")).await.unwrap().drain);
    assert!(queue.workers().await.unwrap()[0].is_ordered_to_drain);
    assert_eq!(queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap(), Fence::Held);
    queue.order_drain(&name("a"), false).await.unwrap();
    assert!(!queue.report(&report("a", "1")).await.unwrap().drain);
    assert_eq!(numbers(&claim(&*queue, &one).await), [2]);
}

pub(crate) async fn an_order_ends_with_the_process_it_was_for(harness: &dyn Harness) {
    let queue = harness.connect();
    for ends_well in [true, false] {
        queue.report(&report("a", "1")).await.unwrap();
        queue.order_drain(&name("a"), true).await.unwrap();
        if ends_well {
            queue.goodbye(&name("a"), "1").await.unwrap();
        } else {
            harness.pass(60_000);
        }
        assert!(!queue.report(&report("a", "2")).await.unwrap().drain, "{ends_well}");
        queue.goodbye(&name("a"), "2").await.unwrap();
    }
}

pub(crate) async fn an_order_to_an_unknown_worker_names_those_known(harness: &dyn Harness) {
    let queue = harness.connect();
    let err = queue.order_drain(&name("a"), true).await.unwrap_err();
    assert!(err.to_string().contains("nor was any other"), "{err}");
    for worker in ["b", "c"] {
        queue.claim(&want(worker)).await.unwrap();
    }
    let err = queue.order_drain(&name("a"), true).await.unwrap_err();
    assert!(
        matches!(&err, QueueError::UnknownWorker { worker, known } if worker == "a" && known == &["b", "c"]),
        "{err}"
    );
    assert_eq!(queue.workers().await.unwrap().len(), 2);
}

pub(crate) async fn no_line_is_left_to_a_worker_that_drains(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    for worker in ["b", "c"] {
        let deaf = Want { engines: ["big/2".to_owned()].into(), ..want("early") };
        queue.claim(&deaf).await.unwrap();
        let batch = claim(&*queue, &want("a")).await;
        let able = want(worker);
        assert_eq!(queue.claim(&able).await.unwrap(), None);
        queue.settle(&batch.lease, &id(1), &failed(Verdict::Quit)).await.unwrap();
        assert_eq!(queue.claim(&want("a")).await.unwrap(), None, "left to {worker}");
        if worker == "b" {
            queue.order_drain(&name("b"), true).await.unwrap();
        } else {
            queue.goodbye(&name("c"), "1").await.unwrap();
        }
    }
    assert_eq!(numbers(&claim(&*queue, &want("a")).await), [1]);
}

pub(crate) async fn a_claim_for_mastering_only_does_not_unlearn_an_engine(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.claim(&want("b")).await.unwrap();
    harness.pass(6_000);
    let full = Want { engines: [].into(), ..want("b") };
    queue.claim(&full).await.unwrap();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Quit)).await.unwrap();
    assert_eq!(queue.claim(&want("a")).await.unwrap(), None, "b still has the engine");
}

pub(crate) async fn what_is_final_for_long_is_forgotten(harness: &dyn Harness) {
    let queue = harness.connect();
    for name in ["open.1", "done.1", "cancelled.1"] {
        queue.submit(submission(name, &[("mira", 1)])).await.unwrap();
    }
    queue.cancel(&all_of("cancelled.1")).await.unwrap();
    queue.cancel(&all_of("open.1")).await.unwrap();
    harness.pass(1_000);
    drain(&*queue, &want("a")).await;
    queue.retry(&all_of("open.1")).await.unwrap();
    harness.pass(8_999);
    assert_eq!(queue.forget_older_than(10_000).await.unwrap(), []);
    harness.pass(1);
    let names = |ids: Vec<schemas::SubmissionId>| -> Vec<String> {
        ids.iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(queue.forget_older_than(10_000).await.unwrap()), ["cancelled.1"]);
    harness.pass(1_000);
    assert_eq!(names(queue.forget_older_than(10_000).await.unwrap()), ["done.1"]);
    harness.pass(1_000_000);
    assert_eq!(queue.forget_older_than(10_000).await.unwrap(), []);
    assert_eq!(queue.forget_older_than(u64::MAX).await.unwrap(), []);
    assert_eq!(queue.submissions(None).await.unwrap().len(), 1);
}
