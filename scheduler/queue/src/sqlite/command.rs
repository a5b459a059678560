//! What people do to submissions and their lines.

use std::collections::BTreeSet;

use rusqlite::{Transaction, params};
use schemas::{LineState, Stage, SubmissionId};

use super::event;
use super::fault::Fault;
use super::read::existing;
use super::row::{Line, lines, signed};
use super::tend;
use crate::state::Move;
use crate::{QueueError, Selection, SubmissionChange};

/// Lines of a submission in some states, as the file writes those.
fn selected(
    tx: &Transaction<'_>,
    number: i64,
    selection: &Selection,
    states: &str,
) -> Result<Vec<Line>, Fault> {
    let line = selection.line.as_ref().map(schemas::LineId::as_str);
    let sql = include_str!("sql/lines_selected.sql");
    lines(tx, sql, params![number, line, selection.character, states])
}

/// Sets failed and cancelled lines going again.
pub(super) fn retry(tx: &Transaction<'_>, selection: &Selection, now: u64) -> Result<u64, Fault> {
    tend::catch_up(tx, now)?;
    let number = existing(tx, &selection.submission)?;
    revive(tx, number, selection, now)
}

/// The same, of the submission with that number.
pub(super) fn revive(
    tx: &Transaction<'_>,
    number: i64,
    selection: &Selection,
    now: u64,
) -> Result<u64, Fault> {
    let mut to_speak = BTreeSet::new();
    let mut revived = 0;
    for mut line in selected(tx, number, selection, "[5, 6]")? {
        line.make(tx, Move::Revive, now)?;
        event::of_line(tx, &line, "retried", None, now)?;
        if line.place.stage == Stage::Speak {
            to_speak.insert(line.voice);
        }
        revived += 1;
    }
    for voice in to_speak {
        hold(tx, voice, now)?;
    }
    if revived > 0 {
        tx.prepare_cached("UPDATE submission SET is_cancelled = 0 WHERE number = ?1")?
            .execute([number])?;
    }
    tend::open_gates(tx, now)?;
    Ok(revived)
}

/// Holds a voice back from being mastered, and with it what was mastered of it.
fn hold(tx: &Transaction<'_>, voice: i64, now: u64) -> Result<(), Fault> {
    for mut line in lines(tx, include_str!("sql/lines_past_gate.sql"), [voice])? {
        let lease = line.lease.clone().filter(|_| line.place.state == LineState::Leased);
        line.make(tx, Move::Hold, now)?;
        if let Some(lease) = lease {
            tend::end_if_empty(tx, &lease, now)?;
        }
    }
    Ok(())
}

/// Cancels lines that are not final.
pub(super) fn cancel(tx: &Transaction<'_>, selection: &Selection, now: u64) -> Result<u64, Fault> {
    tend::catch_up(tx, now)?;
    let number = existing(tx, &selection.submission)?;
    cancel_lines(tx, number, selection, None, now)
}

/// The same, of the submission with that number; `why` goes into the events.
pub(super) fn cancel_lines(
    tx: &Transaction<'_>,
    number: i64,
    selection: &Selection,
    why: Option<&str>,
    now: u64,
) -> Result<u64, Fault> {
    let mut leases = BTreeSet::new();
    let mut cancelled = 0;
    for mut line in selected(tx, number, selection, "[0, 1, 2, 3]")? {
        if line.place.state == LineState::Leased {
            leases.extend(line.lease.clone());
        }
        line.make(tx, Move::Cancel, now)?;
        event::of_line(tx, &line, "cancelled", why, now)?;
        cancelled += 1;
    }
    for lease in leases {
        tend::end_if_empty(tx, &lease, now)?;
    }
    if cancelled > 0 && selection.line.is_none() && selection.character.is_none() {
        tx.prepare_cached("UPDATE submission SET is_cancelled = 1 WHERE number = ?1")?
            .execute([number])?;
    }
    tend::open_gates(tx, now)?;
    Ok(cancelled)
}

/// Deletes a submission without open lines, with all that belongs to it, and says how many lines
/// it had.
pub(super) fn forget(
    tx: &Transaction<'_>,
    submission: &SubmissionId,
    now: u64,
) -> Result<u64, Fault> {
    tend::catch_up(tx, now)?;
    let number = existing(tx, submission)?;
    let has_open: bool = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tally
                            WHERE submission = ?1 AND state IN (0, 1, 2, 3) AND lines > 0)",
        )?
        .query_row([number], |row| row.get(0))?;
    if has_open {
        return Err(QueueError::NotFinal(submission.to_string()).into());
    }
    // What points comes before what is pointed at.
    for sql in [
        "DELETE FROM unfit WHERE line IN (SELECT number FROM line WHERE submission = ?1)",
        "DELETE FROM job WHERE line IN (SELECT number FROM line WHERE submission = ?1)",
        "DELETE FROM shelf WHERE cluster IN (SELECT number FROM cluster WHERE submission = ?1)",
        "DELETE FROM cluster WHERE submission = ?1",
        "DELETE FROM voice WHERE submission = ?1",
        "DELETE FROM request WHERE submission = ?1",
        "DELETE FROM tally WHERE submission = ?1",
        "DELETE FROM event WHERE submission = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([number])?;
    }
    let lines = tx.prepare_cached("DELETE FROM line WHERE submission = ?1")?.execute([number])?;
    tx.prepare_cached("DELETE FROM submission WHERE number = ?1")?.execute([number])?;
    Ok(lines as u64)
}

/// Pauses or resumes a submission. Time spent paused does not count as being passed over.
pub(super) fn change(
    tx: &Transaction<'_>,
    submission: &SubmissionId,
    change: SubmissionChange,
    now: u64,
) -> Result<(), Fault> {
    tend::catch_up(tx, now)?;
    let number = existing(tx, submission)?;
    let (is_paused, what) = match change {
        SubmissionChange::Pause => (true, "paused"),
        SubmissionChange::Resume => (false, "resumed"),
    };
    let changed = tx
        .prepare_cached(
            "UPDATE submission SET is_paused = ?2, changed_at_ms = ?3
             WHERE number = ?1 AND is_paused <> ?2",
        )?
        .execute(params![number, is_paused, signed(now)])?;
    if changed == 0 {
        return Ok(());
    }
    if !is_paused {
        tx.prepare_cached(
            "UPDATE shelf SET since_ms = ?2
             WHERE cluster IN (SELECT number FROM cluster WHERE submission = ?1)",
        )?
        .execute(params![number, signed(now)])?;
    }
    event::of_submission(tx, number, what, None, now)
}
