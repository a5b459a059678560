//! What follows from the time and from other lines: ended leases, passed back-offs, open gates.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use schemas::{Failure, FailureKind, Verdict};

use super::event;
use super::fault::Fault;
use super::row::{Line, lines, signed, unsigned};
use super::work::{self, Done};
use crate::state::Move;

/// Whether [`catch_up`] would change anything.
pub(super) fn is_behind(conn: &Connection, now: u64) -> Result<bool, Fault> {
    let is_behind = "SELECT EXISTS (SELECT 1 FROM lease WHERE expires_at_ms <= ?1)
                         OR EXISTS (SELECT 1 FROM line WHERE state = 2 AND due_at_ms <= ?1)";
    Ok(conn.prepare_cached(is_behind)?.query_row([signed(now)], |row| row.get(0))?)
}

/// Takes back ended leases and lets lines go whose back-off has passed.
pub(super) fn catch_up(tx: &Transaction<'_>, now: u64) -> Result<(), Fault> {
    if !is_behind(tx, now)? {
        return Ok(());
    }
    let ended: Vec<String> = tx
        .prepare_cached("SELECT id FROM lease WHERE expires_at_ms <= ?1 ORDER BY expires_at_ms")?
        .query_map([signed(now)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for lease in ended {
        expire(tx, &lease, now)?;
    }
    for mut line in lines(tx, include_str!("sql/lines_due.sql"), [signed(now)])? {
        line.make(tx, Move::Fall, now)?;
    }
    open_gates(tx, now)
}

/// Takes back what is left of a lease whose worker fell silent: the lines that it had started stay
/// charged, and those out of attempts are given up on.
fn expire(tx: &Transaction<'_>, lease: &str, now: u64) -> Result<(), Fault> {
    for mut line in lines(tx, include_str!("sql/lines_of_lease.sql"), [lease])? {
        if !line.is_started {
            line.make(tx, Move::Return, now)?;
            event::of_line(tx, &line, "expired", None, now)?;
            continue;
        }
        mark_unfit(tx, &line)?;
        let done = Done { failed: 1, ..Done::default() };
        work::count(tx, line.worker.as_deref(), done, now)?;
        let failure = crash(line.worker.as_deref().unwrap_or("unknown"), line.attempts);
        line.failed_with(&failure);
        if line.attempts < max_attempts(tx, line.submission)? {
            line.make(tx, Move::Return, now)?;
            event::of_line(tx, &line, "expired", Some(&failure.message), now)?;
        } else {
            line.make(tx, Move::Fail, now)?;
            event::of_line(tx, &line, "failed", Some(&failure.message), now)?;
        }
    }
    end(tx, lease, now)
}

fn crash(worker: &str, attempts: u32) -> Failure {
    let message = format!(
        "worker {worker} fell silent while it had this line, which was attempt {attempts}: look \
         into its log, and retry the line once the cause is gone"
    );
    Failure { verdict: Verdict::Retry, kind: FailureKind::Crash, message }
}

/// Notes that a line failed on the worker that has it.
pub(super) fn mark_unfit(tx: &Transaction<'_>, line: &Line) -> Result<(), Fault> {
    tx.prepare_cached("INSERT OR IGNORE INTO unfit (line, worker) VALUES (?1, ?2)")?
        .execute(params![line.number, line.worker])?;
    Ok(())
}

/// How often a line of the submission may be started; at least 1.
pub(super) fn max_attempts(tx: &Transaction<'_>, submission: i64) -> Result<u32, Fault> {
    let most: u32 = tx
        .prepare_cached("SELECT max_attempts FROM submission WHERE number = ?1")?
        .query_row([submission], |row| row.get(0))?;
    Ok(most.max(1))
}

/// Lets the lines of every voice that is complete through to be mastered.
pub(super) fn open_gates(tx: &Transaction<'_>, now: u64) -> Result<(), Fault> {
    let complete: Vec<(i64, i64, String)> = tx
        .prepare_cached(
            "SELECT number, submission, body ->> 'name' FROM voice
             WHERE unspoken = 0 AND held > 0",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (voice, submission, name) in complete {
        for mut line in lines(tx, include_str!("sql/lines_held.sql"), [voice])? {
            line.make(tx, Move::Gate, now)?;
        }
        event::of_submission(tx, submission, "voice complete", Some(&name), now)?;
    }
    Ok(())
}

/// Ends a lease if it holds no line any more.
pub(super) fn end_if_empty(tx: &Transaction<'_>, lease: &str, now: u64) -> Result<(), Fault> {
    let held: Option<i64> = tx
        .prepare_cached("SELECT number FROM line WHERE lease = ?1 AND state = 1 LIMIT 1")?
        .query_row([lease], |row| row.get(0))
        .optional()?;
    if held.is_none() { end(tx, lease, now) } else { Ok(()) }
}

/// Ends a lease, at the latest when it was to end.
pub(super) fn end(tx: &Transaction<'_>, lease: &str, now: u64) -> Result<(), Fault> {
    let ended: Option<(String, i64)> = tx
        .prepare_cached("DELETE FROM lease WHERE id = ?1 RETURNING worker, expires_at_ms")?
        .query_row([lease], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match ended {
        Some((worker, expires_at_ms)) => work::end(tx, &worker, now.min(unsigned(expires_at_ms))),
        None => Ok(()),
    }
}
