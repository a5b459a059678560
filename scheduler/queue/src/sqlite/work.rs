//! What workers did, by the hour.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use schemas::WorkerId;

use super::fault::Fault;
use super::row::{name, signed, unsigned};
use crate::WorkerHour;
use crate::workers::{HOUR_MS, WORK_KEPT_MS, by_hour, with_open};

/// What there is to count of a worker in an hour.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) busy_ms: u64,
    pub(super) spoken: u64,
    pub(super) audio_ms: u64,
    pub(super) mastered: u64,
    pub(super) failed: u64,
}

/// Counts what a worker did now.
pub(super) fn count(
    tx: &Transaction<'_>,
    worker: Option<&str>,
    done: Done,
    now: u64,
) -> Result<(), Fault> {
    let Some(worker) = worker else { return Ok(()) };
    add(tx, worker, done, now - now % HOUR_MS)
}

fn add(tx: &Transaction<'_>, worker: &str, done: Done, hour_ms: u64) -> Result<(), Fault> {
    let Done { busy_ms, spoken, audio_ms, mastered, failed } = done;
    let counts = [busy_ms, spoken, audio_ms, mastered, failed].map(signed);
    tx.prepare_cached(include_str!("sql/add_work.sql"))?.execute(params![
        signed(hour_ms),
        worker,
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        counts[4],
    ])?;
    Ok(())
}

/// Notes that a worker is given a lease.
pub(super) fn begin(tx: &Transaction<'_>, worker: &str, now: u64) -> Result<(), Fault> {
    tx.prepare_cached("INSERT OR IGNORE INTO busy (worker, since_ms) VALUES (?1, ?2)")?
        .execute(params![worker, signed(now)])?;
    Ok(())
}

/// Counts for how long a worker held leases, once it holds none any more; the last ended `at`.
pub(super) fn end(tx: &Transaction<'_>, worker: &str, at: u64) -> Result<(), Fault> {
    let since: Option<i64> = tx
        .prepare_cached(
            "DELETE FROM busy WHERE worker = ?1
             AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.worker = ?1) RETURNING since_ms",
        )?
        .query_row([worker], |row| row.get(0))
        .optional()?;
    let Some(since) = since else { return Ok(()) };
    for (hour_ms, busy_ms) in by_hour(unsigned(since), at) {
        add(tx, worker, Done { busy_ms, ..Done::default() }, hour_ms)?;
    }
    tx.prepare_cached("DELETE FROM work WHERE hour_ms < ?1")?
        .execute([signed(at.saturating_sub(WORK_KEPT_MS))])?;
    Ok(())
}

/// What workers did from the hour of `since_ms` on, with what they are at now.
pub(super) fn since(conn: &Connection, since_ms: u64, now: u64) -> Result<Vec<WorkerHour>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT hour_ms, worker, busy_ms, spoken, audio_ms, mastered, failed FROM work
         WHERE hour_ms >= ?1",
    )?;
    let mut rows = statement.query([signed(since_ms - since_ms % HOUR_MS)])?;
    let mut told = Vec::new();
    while let Some(row) = rows.next()? {
        let worker: WorkerId = name("what a worker did", row.get(1)?)?;
        told.push(WorkerHour {
            hour_ms: unsigned(row.get(0)?),
            worker,
            busy_ms: unsigned(row.get(2)?),
            spoken: unsigned(row.get(3)?),
            audio_ms: unsigned(row.get(4)?),
            mastered: unsigned(row.get(5)?),
            failed: unsigned(row.get(6)?),
        });
    }
    let mut statement = conn.prepare_cached("SELECT worker, since_ms FROM busy")?;
    let mut rows = statement.query([])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push((name("a busy worker", row.get(0)?)?, unsigned(row.get(1)?)));
    }
    Ok(with_open(told, open, since_ms, now))
}
