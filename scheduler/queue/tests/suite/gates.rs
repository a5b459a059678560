//! A voice is mastered as a whole.

use schemas::{LineState as S, Stage as G, Verdict};

use super::Harness;
use super::world::*;

pub(crate) async fn a_voice_is_mastered_once_all_of_it_is_spoken(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2), ("otto", 9)])).await.unwrap();
    let warm = queue::Want { warm: vec![group("mira")], ..want("a") };
    let batch = claim(&*queue, &warm).await;
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    assert_eq!(
        states(&*queue, "ep.1").await,
        [(G::Master, S::Held), (G::Speak, S::Leased), (G::Speak, S::Waiting)]
    );
    queue.settle(&batch.lease, &id(2), &spoken()).await.unwrap();
    assert_eq!(
        states(&*queue, "ep.1").await,
        [(G::Master, S::Waiting), (G::Master, S::Waiting), (G::Speak, S::Waiting)]
    );
    assert_eq!(claim(&*queue, &warm).await.stage, G::Master, "before otto is spoken");
}

pub(crate) async fn lines_with_takes_are_only_mastered(harness: &dyn Harness) {
    let queue = harness.connect();
    let mut new = submission("ep.1", &[("mira", 1), ("otto", 1), ("otto", 1)]);
    new.lines[0].take = Some(take(1));
    new.lines[1].take = Some(take(2));
    queue.submit(new).await.unwrap();
    assert_eq!(
        states(&*queue, "ep.1").await,
        [(G::Master, S::Waiting), (G::Master, S::Held), (G::Speak, S::Waiting)]
    );
    let progress = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!((progress.audio_ms, progress.synth_ms, progress.estimated_open_ms), (2_000, 0, 1));
    assert_eq!(drain(&*queue, &want("a")).await, 4);
}

pub(crate) async fn failed_and_cancelled_lines_do_not_hold_their_voice(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2), ("mira", 3)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    queue.settle(&batch.lease, &id(2), &failed(Verdict::Reject)).await.unwrap();
    assert_eq!(states(&*queue, "ep.1").await[0], (G::Master, S::Held));
    queue.cancel(&line_of("ep.1", 3)).await.unwrap();
    assert_eq!(states(&*queue, "ep.1").await[0], (G::Master, S::Waiting));
}

pub(crate) async fn a_line_to_be_spoken_again_holds_its_voice_again(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 1), ("mira", 2), ("mira", 3), ("otto", 4)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let one = queue::Want { max_lines: 1, warm: vec![group("mira")], ..want("a") };
    let batch = claim(&*queue, &one).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Reject)).await.unwrap();
    for _ in 0..2 {
        let batch = claim(&*queue, &one).await;
        finish(&*queue, &batch).await;
    }
    let batch = claim(&*queue, &one).await;
    finish(&*queue, &batch).await;
    let in_flight = claim(&*queue, &one).await;
    assert_eq!(numbers(&in_flight), [3]);
    assert_eq!(states(&*queue, "ep.1").await[1], (G::Master, S::Done));

    assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 1);
    assert_eq!(
        states(&*queue, "ep.1").await,
        [
            (G::Speak, S::Waiting),
            (G::Master, S::Held),
            (G::Master, S::Held),
            (G::Speak, S::Waiting)
        ]
    );
    let late = queue.settle(&in_flight.lease, &id(3), &mastered()).await.unwrap();
    assert_eq!(late, queue::Fence::Refused);
    assert_eq!(drain(&*queue, &want("a")).await, 6);
    assert!(states(&*queue, "ep.1").await.iter().all(|line| *line == (G::Master, S::Done)));
}

pub(crate) async fn takes_come_in_script_order(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 9), ("otto", 1), ("mira", 5), ("mira", 7)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let warm = queue::Want { warm: vec![group("mira")], max_lines: 2, ..want("a") };
    let batch = claim(&*queue, &warm).await;
    for number in numbers(&batch) {
        let outcome = schemas::Outcome::Spoken { take: take(number) };
        queue.settle(&batch.lease, &id(number), &outcome).await.unwrap();
    }
    let key = voice("mira").key();
    let takes = queue.takes_of_voice(&submission_id("ep.1"), &key).await.unwrap();
    assert_eq!(takes, [take(3), take(4)]);
    assert_eq!(queue.takes_of_voice(&submission_id("ep.2"), &key).await.unwrap(), []);
}

pub(crate) async fn a_line_given_up_on_for_its_silence_opens_the_gate(harness: &dyn Harness) {
    let queue = harness.connect();
    let mut new = submission("ep.1", &[("mira", 1), ("mira", 2)]);
    new.submission.max_attempts = 1;
    queue.submit(new).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &spoken()).await.unwrap();
    queue.start(&batch.lease, &id(2)).await.unwrap();
    harness.pass(LEASE_MS);
    assert_eq!(states(&*queue, "ep.1").await, [(G::Master, S::Waiting), (G::Speak, S::Failed)]);
}

pub(crate) async fn whatever_state_it_was_mastered_in_it_is_held_again(harness: &dyn Harness) {
    let queue = harness.connect();
    let lines = [("mira", 1), ("mira", 2), ("mira", 3), ("mira", 4), ("mira", 5)];
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    queue.cancel(&line_of("ep.1", 5)).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    finish(&*queue, &batch).await;
    let two = queue::Want { max_lines: 2, ..want("a") };
    let batch = claim(&*queue, &two).await;
    queue.settle(&batch.lease, &id(1), &mastered()).await.unwrap();
    queue.settle(&batch.lease, &id(2), &failed(Verdict::Retry)).await.unwrap();
    let in_flight = claim(&*queue, &queue::Want { max_lines: 1, ..want("b") }).await;
    assert_eq!(
        states(&*queue, "ep.1").await[..4],
        [S::Done, S::Delayed, S::Leased, S::Waiting].map(|state| (G::Master, state))
    );
    assert_eq!(queue.retry(&all_of("ep.1")).await.unwrap(), 1);
    assert_eq!(states(&*queue, "ep.1").await[..4], [(G::Master, S::Held); 4]);
    let renewal = queue.renew(&in_flight.lease, LEASE_MS).await.unwrap();
    assert_eq!(renewal, queue::Renewal::Lost, "nothing is left of the lease");
    let (done, delayed) = (record(&*queue, "ep.1", 1).await, record(&*queue, "ep.1", 2).await);
    assert_eq!((done.delivery, delayed.failure, delayed.attempts), (None, None, 0));
    harness.pass(600_000);
    assert_eq!(states(&*queue, "ep.1").await[..4], [(G::Master, S::Held); 4]);
}

pub(crate) async fn a_take_counts_for_its_voice_whatever_became_of_its_line(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2), ("mira", 3)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    for number in [1, 2, 3] {
        let outcome = schemas::Outcome::Spoken { take: take(number) };
        queue.settle(&batch.lease, &id(number), &outcome).await.unwrap();
    }
    queue.cancel(&line_of("ep.1", 1)).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(2), &failed(Verdict::Reject)).await.unwrap();
    let takes = queue.takes_of_voice(&submission_id("ep.1"), &voice("mira").key()).await.unwrap();
    assert_eq!(takes, [take(1), take(2), take(3)]);
}

pub(crate) async fn a_gate_that_opens_again_is_told_again(harness: &dyn Harness) {
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2), ("mira", 3)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Reject)).await.unwrap();
    for number in [2, 3] {
        queue.settle(&batch.lease, &id(number), &spoken()).await.unwrap();
    }
    let told = async || {
        let events = queue.events(0, 100).await.unwrap();
        events.iter().filter(|event| event.what == "voice complete").count()
    };
    assert_eq!(told().await, 1);
    assert_eq!(queue.retry(&line_of("ep.1", 1)).await.unwrap(), 1);
    assert_eq!(states(&*queue, "ep.1").await[1..], [(G::Master, S::Held); 2]);
    let batch = claim(&*queue, &want("a")).await;
    queue.settle(&batch.lease, &id(1), &failed(Verdict::Reject)).await.unwrap();
    assert_eq!(told().await, 2);
    assert_eq!(states(&*queue, "ep.1").await[1..], [(G::Master, S::Waiting); 2]);
    harness.audit();
}
