//! Counters are the lines, whatever happened.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use queue::{Queue, SubmissionChange, Want};
use schemas::{Batch, Counts, LineRecord, LineState as S, Stage as G, Verdict};
use tokio::runtime::Handle;

use super::Harness;
use super::world::*;

/// One thing that somebody does; the numbers choose of whom and what.
#[derive(Debug, Clone)]
enum Act {
    Claim(usize),
    Start(usize),
    Settle(usize, usize),
    Release(usize),
    Renew(usize),
    Pass(u64),
    Cancel(usize),
    Retry(usize),
    Resubmit,
    Pause(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3_usize).prop_map(Act::Claim),
        4 => any::<usize>().prop_map(Act::Start),
        8 => (any::<usize>(), 0..6_usize).prop_map(|(line, how)| Act::Settle(line, how)),
        1 => any::<usize>().prop_map(Act::Release),
        1 => any::<usize>().prop_map(Act::Renew),
        2 => (1..15_000_u64).prop_map(Act::Pass),
        1 => (1..10_usize).prop_map(Act::Cancel),
        1 => (1..10_usize).prop_map(Act::Retry),
        1 => Just(Act::Resubmit),
        1 => any::<bool>().prop_map(Act::Pause),
    ]
}

pub(crate) async fn progress_is_the_sum_of_the_lines_after_anything(harness: &dyn Harness) {
    assert_eq!(harness.connect().submissions(None).await.unwrap(), []);
    let handle = Handle::current();
    tokio::task::block_in_place(|| {
        let mut runner =
            TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(24) });
        let acts = proptest::collection::vec(act(), 1..60);
        let case = std::cell::Cell::new(0);
        let result = runner.run(&acts, |acts| {
            case.set(case.get() + 1);
            handle.block_on(live_through(harness, &format!("ep{}.1", case.get()), &acts));
            Ok(())
        });
        result.unwrap();
    });
}

const VOICES: [(&str, u32); 9] = [
    ("mira", 100),
    ("mira", 200),
    ("otto", 300),
    ("mira", 400),
    ("otto", 500),
    ("ada", 600),
    ("ada", 700),
    ("mira", 800),
    ("ada", 0),
];

async fn live_through(harness: &dyn Harness, name: &str, acts: &[Act]) {
    let queue = harness.connect();
    queue.submit(submission(name, &VOICES)).await.unwrap();
    let mut batches = Vec::new();
    for act in acts {
        perform(harness, &*queue, name, act, &mut batches).await;
        check(&*queue, name, act).await;
        harness.audit();
    }
    queue.change(&submission_id(name), SubmissionChange::Resume).await.unwrap();
    harness.pass(600_000);
    drain(&*queue, &want("last")).await;
    let progress = queue.progress(&submission_id(name)).await.unwrap().unwrap();
    assert_eq!(progress.lines.open(), 0, "whatever happened, the rest can be finished");
}

async fn perform(
    harness: &dyn Harness,
    queue: &dyn Queue,
    name: &str,
    act: &Act,
    batches: &mut Vec<Batch>,
) {
    let pick = |number: usize| -> Option<(&Batch, usize)> {
        let batch = batches.get(number % batches.len().max(1))?;
        Some((batch, number / 7 % batch.lines.len()))
    };
    match *act {
        Act::Claim(worker) => {
            let want = Want { max_lines: 3, ..want(["a", "b", "c"][worker]) };
            batches.extend(queue.claim(&want).await.unwrap());
        }
        Act::Start(number) => {
            let Some((batch, line)) = pick(number) else { return };
            queue.start(&batch.lease, &batch.lines[line].job.id).await.unwrap();
        }
        Act::Settle(number, how) => {
            let Some((batch, line)) = pick(number) else { return };
            let outcome = match how {
                0 => failed(Verdict::Retry),
                1 => failed(Verdict::Reject),
                2 => failed(Verdict::Quit),
                _ => good(batch.stage),
            };
            queue.settle(&batch.lease, &batch.lines[line].job.id, &outcome).await.unwrap();
        }
        Act::Release(number) => {
            let Some((batch, _)) = pick(number) else { return };
            queue.release(&batch.lease).await.unwrap();
        }
        Act::Renew(number) => {
            let Some((batch, _)) = pick(number) else { return };
            queue.renew(&batch.lease, LEASE_MS).await.unwrap();
        }
        Act::Pass(ms) => harness.pass(ms),
        Act::Cancel(line) => drop(queue.cancel(&line_of(name, line)).await.unwrap()),
        Act::Retry(line) => drop(queue.retry(&line_of(name, line)).await.unwrap()),
        Act::Resubmit => drop(queue.submit(submission(name, &VOICES)).await.unwrap()),
        Act::Pause(is_paused) => {
            let change = if is_paused { SubmissionChange::Pause } else { SubmissionChange::Resume };
            queue.change(&submission_id(name), change).await.unwrap();
        }
    }
}

async fn check(queue: &dyn Queue, name: &str, act: &Act) {
    let lines = queue.lines(&submission_id(name)).await.unwrap();
    let progress = queue.progress(&submission_id(name)).await.unwrap().unwrap();
    assert_eq!(progress.lines, count(&lines), "after {act:?}");
    let open = |line: &&LineRecord| line.stage == G::Speak && !line.state.is_final();
    let open_ms: u64 = lines.iter().filter(open).map(|line| u64::from(line.job.estimated_ms)).sum();
    assert_eq!((progress.estimated_open_ms, progress.estimated_ms), (open_ms, 3_600));
    let unspoken: HashSet<_> = lines.iter().filter(open).map(LineRecord::voice).collect();
    for line in &lines {
        let is_let_through =
            line.stage == G::Master && !matches!(line.state, S::Held | S::Failed | S::Cancelled);
        assert!(!(is_let_through && unspoken.contains(line.voice())), "{act:?} {line:?}");
        let is_stuck = line.state == S::Held && !unspoken.contains(line.voice());
        assert!(!is_stuck && line.attempts <= 3, "{act:?} {line:?}");
        assert!(line.take.is_some() || line.stage == G::Speak, "{act:?} {line:?}");
        assert_eq!(line.delivery.is_some(), line.state == S::Done, "{act:?} {line:?}");
    }
    let held: u64 = queue.workers().await.unwrap().iter().map(|card| card.lines_held).sum();
    assert_eq!(held, progress.lines.speaking + progress.lines.mastering, "after {act:?}");
}

fn count(lines: &[LineRecord]) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        *match (line.state, line.stage) {
            (S::Waiting, G::Speak) => &mut counts.waiting,
            (S::Leased, G::Speak) => &mut counts.speaking,
            (S::Delayed, _) => &mut counts.delayed,
            (S::Waiting | S::Held, _) => &mut counts.spoken,
            (S::Leased, G::Master) => &mut counts.mastering,
            (S::Done, _) => &mut counts.done,
            (S::Failed, _) => &mut counts.failed,
            (S::Cancelled, _) => &mut counts.cancelled,
        } += 1;
    }
    counts
}
