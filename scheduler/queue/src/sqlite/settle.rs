//! What a worker says of the lines it holds.

use rusqlite::{OptionalExtension, Transaction, params};
use schemas::{Failure, LineState, Outcome, Stage, TakeFacts, Verdict};

use super::event;
use super::fault::Fault;
use super::row::{Line, Step, json, lines, name, signed};
use super::tend;
use super::work::{self, Done};
use crate::state::{Move, backoff_ms, shortened};
use crate::{Fence, Renewal};

/// The line, if the lease still holds it.
fn held(tx: &Transaction<'_>, lease: &str, line: &str) -> Result<Option<Line>, Fault> {
    Ok(lines(tx, include_str!("sql/leased_line.sql"), [lease, line])?.pop())
}

/// Writes down that the worker of a lease is alive.
fn heard(tx: &Transaction<'_>, lease: &str, now: u64) -> Result<(), Fault> {
    tx.prepare_cached(
        "UPDATE worker SET seen_at_ms = ?2 WHERE id = (SELECT worker FROM lease WHERE id = ?1)",
    )?
    .execute(params![lease, signed(now)])?;
    Ok(())
}

/// Charges a line an attempt, once a lease.
pub(super) fn start(
    tx: &Transaction<'_>,
    lease: &str,
    line: &str,
    now: u64,
) -> Result<Fence, Fault> {
    tend::catch_up(tx, now)?;
    heard(tx, lease, now)?;
    let Some(mut line) = held(tx, lease, line)? else { return Ok(Fence::Refused) };
    if !line.is_started {
        line.is_started = true;
        line.attempts += 1;
        line.save(tx, now)?;
        tx.prepare_cached("UPDATE submission SET changed_at_ms = ?2 WHERE number = ?1")?
            .execute(params![line.submission, signed(now)])?;
        event::of_line(tx, &line, "started", None, now)?;
    }
    Ok(Fence::Held)
}

/// Extends a lease.
pub(super) fn renew(
    tx: &Transaction<'_>,
    lease: &str,
    lease_ms: u64,
    now: u64,
) -> Result<Renewal, Fault> {
    tend::catch_up(tx, now)?;
    heard(tx, lease, now)?;
    let expires_at_ms = now.saturating_add(lease_ms);
    let renewed = tx
        .prepare_cached("UPDATE lease SET expires_at_ms = ?2 WHERE id = ?1")?
        .execute(params![lease, signed(expires_at_ms)])?;
    if renewed == 0 {
        return Ok(Renewal::Lost);
    }
    let mut statement = tx.prepare_cached(
        "SELECT id FROM line WHERE lease = ?1 AND state <> 1 ORDER BY submission, place",
    )?;
    let mut rows = statement.query([lease])?;
    let mut cancelled = Vec::new();
    while let Some(row) = rows.next()? {
        cancelled.push(name("a cancelled line", row.get(0)?)?);
    }
    Ok(Renewal::Held { expires_at_ms, cancelled })
}

/// Gives back what is left of a lease, uncharged.
pub(super) fn release(tx: &Transaction<'_>, lease: &str, now: u64) -> Result<u64, Fault> {
    tend::catch_up(tx, now)?;
    heard(tx, lease, now)?;
    let mut released = 0;
    for mut line in lines(tx, include_str!("sql/lines_of_lease.sql"), [lease])? {
        uncharge(&mut line);
        line.make(tx, Move::Return, now)?;
        event::of_line(tx, &line, "released", None, now)?;
        released += 1;
    }
    tend::end(tx, lease, now)?;
    Ok(released)
}

/// Takes back the attempt that this lease charged, if it did.
fn uncharge(line: &mut Line) {
    line.attempts = line.attempts.saturating_sub(u32::from(line.is_started));
}

/// Records what became of a line.
pub(super) fn settle(
    tx: &Transaction<'_>,
    lease: &str,
    line: &str,
    outcome: &Outcome,
    now: u64,
) -> Result<Fence, Fault> {
    tend::catch_up(tx, now)?;
    heard(tx, lease, now)?;
    let Some(mut line) = held(tx, lease, line)? else { return Ok(Fence::Refused) };
    let done = done(&line, outcome);
    let settled = match outcome {
        Outcome::Spoken { take } => spoken(tx, &mut line, take, now),
        Outcome::Mastered { delivery } => {
            line.delivery = Some(json(delivery));
            line.failure = None;
            let moved = line.make(tx, Move::Master, now);
            moved.and_then(|()| Ok(event::of_line(tx, &line, "mastered", None, now)?))
        }
        Outcome::Failed { failure } => failed(tx, &mut line, failure, now),
    };
    match settled {
        Ok(()) => {}
        // A report of the other stage: nothing was written, and it is no result of this line.
        Err(Step::Illegal) => return Ok(Fence::Refused),
        Err(Step::Fault(fault)) => return Err(fault),
    }
    work::count(tx, line.worker.as_deref(), done, now)?;
    tend::open_gates(tx, now)?;
    tend::end_if_empty(tx, lease, now)?;
    Ok(Fence::Held)
}

/// What a worker did by settling a line. One that was not started was found in the store.
fn done(line: &Line, outcome: &Outcome) -> Done {
    let none = Done::default();
    match outcome {
        Outcome::Spoken { take } if line.is_started => {
            Done { spoken: 1, audio_ms: take.duration_ms(), ..none }
        }
        Outcome::Spoken { .. } => none,
        Outcome::Mastered { .. } => Done { mastered: 1, ..none },
        Outcome::Failed { .. } => Done { failed: 1, ..none },
    }
}

fn spoken(tx: &Transaction<'_>, line: &mut Line, take: &TakeFacts, now: u64) -> Result<(), Step> {
    if line.place.stage != Stage::Speak || line.place.state != LineState::Leased {
        return Err(Step::Illegal);
    }
    line.take = Some(take.clone());
    line.make(tx, Move::Speak, now)?;
    tx.prepare_cached(
        "UPDATE submission SET audio_ms = audio_ms + ?2, synth_ms = synth_ms + ?3
         WHERE number = ?1",
    )?
    .execute(params![line.submission, signed(take.duration_ms()), signed(take.synth_ms)])?;
    event::of_line(tx, line, "spoken", None, now)?;
    Ok(())
}

fn failed(tx: &Transaction<'_>, line: &mut Line, failure: &Failure, now: u64) -> Result<(), Step> {
    let detail = Some(shortened(&failure.message));
    line.failed_with(failure);
    let what = match failure.verdict {
        Verdict::Retry => {
            // A failure before the start costs an attempt too, or it would go on for ever.
            line.attempts += u32::from(!line.is_started);
            tend::mark_unfit(tx, line)?;
            if line.attempts < tend::max_attempts(tx, line.submission)? {
                line.due_at_ms = Some(now + backoff_ms(line.attempts));
                line.make(tx, Move::Delay, now)?;
                "retrying"
            } else {
                line.make(tx, Move::Fail, now)?;
                "failed"
            }
        }
        Verdict::Reject => {
            line.make(tx, Move::Fail, now)?;
            "failed"
        }
        Verdict::Quit => {
            tend::mark_unfit(tx, line)?;
            uncharge(line);
            line.make(tx, Move::Return, now)?;
            "released"
        }
    };
    event::of_line(tx, line, what, detail, now)?;
    Ok(())
}

/// The number of a submission, if there is one of that name.
pub(super) fn number_of(tx: &Transaction<'_>, submission: &str) -> Result<Option<i64>, Fault> {
    Ok(tx
        .prepare_cached("SELECT number FROM submission WHERE id = ?1")?
        .query_row([submission], |row| row.get(0))
        .optional()?)
}
