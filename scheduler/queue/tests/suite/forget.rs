//! What is finished can be deleted, and only that.

use queue::{Added, Fence, QueueError, Renewal};
use schemas::{LineState as S, Stage as G, Verdict};

use super::Harness;
use super::world::*;

pub(crate) async fn a_forgotten_submission_leaves_nothing_behind(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 1), ("mira", 2), ("otto", 3)];
    queue.submit(submission("other.1", &lines)).await.unwrap();
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!(batch.submission, submission_id("other.1"));
    let late = claim(&*queue, &queue::Want { warm: vec![group("otto")], ..want("b") }).await;
    queue.settle(&late.lease, &late.lines[0].job.id, &failed(Verdict::Reject)).await.unwrap();
    let other = late.submission.to_string();
    queue.cancel(&all_of(&other)).await.unwrap();
    let before = queue.progress(&submission_id("ep.1")).await.unwrap();

    assert_eq!(queue.forget(&submission_id("other.1")).await.unwrap(), 3);
    assert_eq!(queue.progress(&submission_id("other.1")).await.unwrap(), None);
    assert_eq!(queue.submission(&submission_id("other.1")).await.unwrap(), None);
    assert_eq!(queue.submissions(None).await.unwrap().len(), 1);
    let gone = queue.lines(&submission_id("other.1")).await.unwrap_err();
    assert!(matches!(gone, QueueError::NoSuchSubmission(_)), "{gone}");
    let gone = queue.forget(&submission_id("other.1")).await.unwrap_err();
    assert!(matches!(gone, QueueError::NoSuchSubmission(_)), "{gone}");
    let events = queue.events(0, 100).await.unwrap();
    assert!(events.iter().all(|event| event.submission == submission_id("ep.1")), "{events:?}");

    let first = batch.lines[0].job.id.clone();
    assert_eq!(queue.settle(&batch.lease, &first, &spoken()).await.unwrap(), Fence::Refused);
    assert_eq!(queue.renew(&batch.lease, LEASE_MS).await.unwrap(), Renewal::Lost);
    assert_eq!(queue.progress(&submission_id("ep.1")).await.unwrap(), before);
    harness.audit();
    assert_eq!(drain(&*queue, &want("a")).await, 6, "the other submission is whole");
}

pub(crate) async fn a_submission_with_open_lines_is_not_forgotten(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let ep = submission_id("ep.1");
    let refused = |it: Result<u64, QueueError>| {
        let err = it.unwrap_err();
        assert!(matches!(&err, QueueError::NotFinal(name) if name == "ep.1"), "{err}");
    };
    refused(queue.forget(&ep).await);
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Reject)).await.unwrap();
    refused(queue.forget(&ep).await);
    queue.settle(&batch.lease, &id(2), &failed(Verdict::Retry)).await.unwrap();
    refused(queue.forget(&ep).await);
    harness.pass(1_000);
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(2), &spoken()).await.unwrap();
    refused(queue.forget(&ep).await);
    assert_eq!(states(&*queue, "ep.1").await, [(G::Speak, S::Failed), (G::Master, S::Waiting)]);
    drain(&*queue, &want("a")).await;
    assert_eq!(queue.forget(&ep).await.unwrap(), 2);
}

pub(crate) async fn a_forgotten_submission_can_be_submitted_anew(harness: &dyn Harness) {
    let queue = harness.connect();
    let new = submission("ep.1", &[("mira", 1), ("otto", 2)]);
    let mut last = 0;
    for _ in 0..3 {
        let added = queue.submit(new.clone()).await.unwrap();
        assert_eq!(added, Added { lines: 2, revived: 0, superseded: 0 });
        assert_eq!(states(&*queue, "ep.1").await, [(G::Speak, S::Waiting); 2]);
        let batch = claim(&*queue, &want("a")).await;
        let outcome = failed(Verdict::Retry);
        queue.settle(&batch.lease, &batch.lines[0].job.id, &outcome).await.unwrap();
        queue.cancel(&all_of("ep.1")).await.unwrap();
        let events = queue.events(0, 100).await.unwrap();
        assert!(events[0].number > last, "numbers are never used again");
        last = events[events.len() - 1].number;
        assert_eq!(queue.forget(&submission_id("ep.1")).await.unwrap(), 2);
        harness.audit();
    }
    queue.submit(new).await.unwrap();
    assert_eq!(queue.claim(&want("b")).await.unwrap().map(|it| it.lines.len()), Some(1));
    assert_eq!(claim(&*queue, &want("a")).await.lines.len(), 1, "nothing failed on a");
}
