//! What people do to submissions.

use queue::{Added, Fence, QueueError, Renewal, SubmissionChange};
use schemas::{EpisodeId, LineState as S, Stage as G, SubmissionState, Verdict};

use super::Harness;
use super::world::*;

pub(crate) async fn the_same_submission_again_adds_nothing(harness: &dyn Harness) {
    let queue = harness.connect();
    let new = submission("ep.1", &[("mira", 1), ("otto", 2)]);
    let first = queue.submit(new.clone()).await.unwrap();
    assert_eq!(first, Added { lines: 2, revived: 0, superseded: 0 });
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!(queue.submit(new.clone()).await.unwrap(), Added::default());
    assert!(queue.renew(&batch.lease, 1).await.is_ok_and(|it| it != Renewal::Lost));
    let all = queue.submissions(None).await.unwrap();
    assert_eq!((all.len(), all[0].lines.total()), (1, 2));
    assert_eq!(queue.submission(&submission_id("ep.1")).await.unwrap(), Some(new.submission));
}

pub(crate) async fn the_same_submission_again_revives_what_failed(harness: &dyn Harness) {
    let queue = harness.connect();
    let new = submission("ep.1", &[("mira", 1), ("mira", 2), ("mira", 3)]);
    queue.submit(new.clone()).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Reject)).await.unwrap();
    queue.cancel(&line_of("ep.1", 2)).await.unwrap();
    assert_eq!(queue.submit(new).await.unwrap(), Added { revived: 2, ..Added::default() });
    assert_eq!(numbers(&claim(&*queue, &want("a")).await), [1, 2]);
}

pub(crate) async fn a_newer_submission_replaces_an_older_one(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    queue.submit(submission("other.1", &[("mira", 1)])).await.unwrap();
    let one = queue::Want { max_lines: 1, ..want("a") };
    let held = claim(&*queue, &one).await;
    let added = queue.submit(submission("ep.2", &[("mira", 1)])).await.unwrap();
    assert_eq!(added, Added { lines: 1, revived: 0, superseded: 2 });
    assert_eq!(queue.settle(&held.lease, &id(1), &spoken()).await.unwrap(), Fence::Refused);
    let old = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!(old.state, SubmissionState::Cancelled);
    let episode = EpisodeId::parse("ep").unwrap();
    let ids = |all: Vec<schemas::Progress>| -> Vec<_> {
        all.into_iter().map(|one| one.submission.to_string()).collect()
    };
    assert_eq!(ids(queue.submissions(Some(&episode)).await.unwrap()), ["ep.2", "ep.1"]);
    assert_eq!(ids(queue.submissions(None).await.unwrap()), ["ep.2", "other.1", "ep.1"]);
}

pub(crate) async fn an_older_submission_can_come_back(harness: &dyn Harness) {
    let queue = harness.connect();
    let old = submission("ep.1", &[("mira", 1), ("mira", 2)]);
    queue.submit(old.clone()).await.unwrap();
    queue.submit(submission("ep.2", &[("mira", 1)])).await.unwrap();
    let added = queue.submit(old).await.unwrap();
    assert_eq!(added, Added { lines: 0, revived: 2, superseded: 1 });
    let all = queue.submissions(None).await.unwrap();
    assert_eq!(all[0].submission, submission_id("ep.1"));
    assert_eq!((all[0].state, all[1].state), (SubmissionState::Active, SubmissionState::Cancelled));
}

pub(crate) async fn a_cancelled_line_is_refused_and_named_by_the_renewal(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    assert_eq!(queue.cancel(&line_of("ep.1", 2)).await.unwrap(), 1);
    assert_eq!(queue.cancel(&line_of("ep.1", 2)).await.unwrap(), 0);
    let renewal = queue.renew(&batch.lease, LEASE_MS).await.unwrap();
    assert!(matches!(renewal, Renewal::Held { cancelled, .. } if cancelled == [id(2)]));
    assert_eq!(queue.start(&batch.lease, &id(2)).await.unwrap(), Fence::Refused);
    assert_eq!(queue.settle(&batch.lease, &id(2), &spoken()).await.unwrap(), Fence::Refused);
    assert_eq!(queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap(), Fence::Held);
    assert_eq!(states(&*queue, "ep.1").await, [(G::Master, S::Waiting), (G::Speak, S::Cancelled)]);
    assert_eq!(queue.cancel(&all_of("ep.1")).await.unwrap(), 1);
    let progress = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!((progress.state, progress.lines.cancelled), (SubmissionState::Cancelled, 2));
}

pub(crate) async fn a_paused_submission_hands_nothing_out(harness: &dyn Harness) {
    let queue = harness.connect();
    let ep = submission_id("ep.1");
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let one = queue::Want { max_lines: 1, ..want("a") };
    let held = claim(&*queue, &one).await;
    queue.change(&ep, SubmissionChange::Pause).await.unwrap();
    assert_eq!(queue.claim(&one).await.unwrap(), None);
    let progress = queue.progress(&ep).await.unwrap().unwrap();
    assert_eq!(progress.state, SubmissionState::Paused);
    assert_eq!(queue.settle(&held.lease, &id(1), &spoken()).await.unwrap(), Fence::Held);
    queue.change(&ep, SubmissionChange::Resume).await.unwrap();
    assert_eq!(numbers(&claim(&*queue, &one).await), [2]);
}

pub(crate) async fn a_selection_selects(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 1), ("otto", 2), ("otto", 3)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    queue.submit(submission("other.1", &lines)).await.unwrap();
    let otto = queue::Selection { character: Some("OTTO".to_owned()), ..all_of("ep.1") };
    assert_eq!(queue.cancel(&otto).await.unwrap(), 2);
    assert_eq!(queue.retry(&line_of("ep.1", 3)).await.unwrap(), 1);
    let counts = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap().lines;
    assert_eq!((counts.waiting, counts.cancelled), (2, 1));
    let counts = queue.progress(&submission_id("other.1")).await.unwrap().unwrap().lines;
    assert_eq!(counts.waiting, 3);
}

pub(crate) async fn an_unknown_submission_is_named(harness: &dyn Harness) {
    let queue = harness.connect();
    let ep = submission_id("ep.1");
    let errors = [
        queue.retry(&all_of("ep.1")).await.unwrap_err(),
        queue.cancel(&all_of("ep.1")).await.unwrap_err(),
        queue.change(&ep, SubmissionChange::Pause).await.unwrap_err(),
        queue.lines(&ep).await.unwrap_err(),
    ];
    for err in errors {
        assert!(matches!(err, QueueError::NoSuchSubmission(name) if name == "ep.1"));
    }
    assert_eq!(queue.progress(&ep).await.unwrap(), None);
    assert_eq!(queue.submission(&ep).await.unwrap(), None);
}

pub(crate) async fn a_submission_that_contradicts_itself_adds_nothing(harness: &dyn Harness) {
    let queue = harness.connect();
    let sound = submission("ep.1", &[("mira", 1), ("otto", 2)]);
    let mut twice = sound.clone();
    twice.lines[1].job.id = id(1);
    let mut misnumbered = sound.clone();
    misnumbered.lines[1].order = 2;
    let mut voiceless = sound.clone();
    voiceless.submission.voices.pop();
    let mut mixed = sound;
    mixed.lines[1].group = group("mira");
    for unsound in [twice, misnumbered, voiceless, mixed] {
        let err = queue.submit(unsound).await.unwrap_err();
        assert!(matches!(&err, QueueError::Unsound { what, .. } if what.contains("sc001-l000")));
    }
    assert_eq!(queue.submissions(None).await.unwrap(), []);
}

pub(crate) async fn events_tell_what_happened_in_order(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.start(&batch.lease, &id(1)).await.unwrap();
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Retry)).await.unwrap();
    harness.pass(1_000);
    drain(&*queue, &want("a")).await;
    let events = queue.events(0, 100).await.unwrap();
    let words: Vec<_> = events.iter().map(|event| event.what.as_str()).collect();
    let spoken = ["claimed", "started", "spoken", "voice complete"];
    let mastered = ["claimed", "started", "mastered"];
    let all = [&["submitted", "claimed", "started", "retrying"][..], &spoken, &mastered].concat();
    assert_eq!(words, all);
    assert!(events.windows(2).all(|pair| pair[0].number < pair[1].number));
    assert_eq!(events[3].detail.as_deref(), Some("the device is too hot: let it cool down"));
    assert_eq!((events[3].stage, events[3].state), (Some(G::Speak), Some(S::Delayed)));
    let complete = &events[7];
    assert_eq!((complete.line.as_ref(), complete.detail.as_deref()), (None, Some("mira")));
    assert_eq!(queue.events(events[3].number, 2).await.unwrap(), events[4..6]);
}

pub(crate) async fn workers_are_listed_for_an_hour(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let batch = claim(&*queue, &want("b")).await;
    harness.pass(2_000);
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    queue.claim(&want("a")).await.unwrap();
    let cards = queue.workers().await.unwrap();
    let card = |n: usize| (cards[n].worker.as_str(), cards[n].lines_held);
    assert_eq!((card(0), card(1)), (("a", 0), ("b", 1)));
    assert_eq!(cards[0].seen_at_ms, cards[1].seen_at_ms, "a settlement is a sign of life");
    harness.pass(3_600_000);
    assert_eq!(queue.workers().await.unwrap(), []);
}

/// The state of a submission as a whole.
async fn state(queue: &dyn queue::Queue, name: &str) -> SubmissionState {
    queue.progress(&submission_id(name)).await.unwrap().unwrap().state
}

pub(crate) async fn a_cancel_takes_held_and_delayed_lines_and_ends_the_lease(
    harness: &dyn Harness,
) {
    let queue = harness.connect();
    let lines = [("mira", 1), ("mira", 2), ("mira", 3), ("mira", 4)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let three = queue::Want { max_lines: 3, ..want("a") };
    let batch = claim(&*queue, &three).await;
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    queue.settle(&batch.lease, &id(2), &failed(Verdict::Retry)).await.unwrap();
    let all = [S::Held, S::Delayed, S::Leased, S::Waiting];
    assert_eq!(states(&*queue, "ep.1").await.iter().map(|line| line.1).collect::<Vec<_>>(), all);
    assert_eq!(queue.cancel(&all_of("ep.1")).await.unwrap(), 4);
    assert_eq!(
        states(&*queue, "ep.1").await.iter().map(|line| line.1).collect::<Vec<_>>(),
        [S::Cancelled; 4]
    );
    assert_eq!(queue.renew(&batch.lease, LEASE_MS).await.unwrap(), Renewal::Lost);
    harness.pass(60_000);
    assert_eq!(
        states(&*queue, "ep.1").await.iter().map(|line| line.1).collect::<Vec<_>>(),
        [S::Cancelled; 4]
    );
}

pub(crate) async fn a_submission_is_cancelled_only_as_a_whole(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Reject)).await.unwrap();
    queue.cancel(&line_of("ep.1", 2)).await.unwrap();
    assert_eq!(state(&*queue, "ep.1").await, SubmissionState::Failed, "one line was not wanted");
    assert_eq!(queue.cancel(&all_of("ep.1")).await.unwrap(), 0);
    assert_eq!(state(&*queue, "ep.1").await, SubmissionState::Failed, "nothing was cancelled");
    queue.retry(&line_of("ep.1", 2)).await.unwrap();
    assert_eq!(queue.cancel(&all_of("ep.1")).await.unwrap(), 1);
    assert_eq!(state(&*queue, "ep.1").await, SubmissionState::Cancelled, "all that was open was");
    assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 2);
    drain(&*queue, &want("a")).await;
    assert_eq!(state(&*queue, "ep.1").await, SubmissionState::Done);
}

pub(crate) async fn a_replaced_line_says_by_what(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    queue.submit(submission("ep.2", &[("mira", 1)])).await.unwrap();
    let events = queue.events(0, 10).await.unwrap();
    let cancelled = events.iter().find(|event| event.what == "cancelled").unwrap();
    assert_eq!(cancelled.detail.as_deref(), Some("replaced by ep.2"));
}

pub(crate) async fn progress_says_when_a_line_last_changed(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let first = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!(first.changed_at_ms, first.submitted_at_ms);
    let batch = claim(&*queue, &want("a")).await;
    for (number, after) in [(1, 700), (2, 1_400)] {
        harness.pass(700);
        queue.settle(&batch.lease, &id(number), &failed(Verdict::Reject)).await.unwrap();
        let now = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
        assert_eq!(now.changed_at_ms, first.submitted_at_ms + after);
    }
}

pub(crate) async fn a_worker_that_only_asks_stays_alive(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.claim(&want("a")).await.unwrap();
    let first = queue.workers().await.unwrap()[0].seen_at_ms;
    for _ in 0..10 {
        harness.pass(6_000);
        assert_eq!(queue.claim(&want("a")).await.unwrap(), None);
    }
    assert!(queue.workers().await.unwrap()[0].seen_at_ms >= first + 55_000);
}
