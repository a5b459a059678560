//! What workers say of themselves, and what they are told.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use schemas::{WorkerId, WorkerOrders, WorkerReport};

use super::fault::Fault;
use super::row::{json, name, parse, signed, unsigned};
use super::{settle, tend};
use crate::{QueueError, WorkerCard};

/// How long a silent worker is still listed, in milliseconds.
const LISTED_MS: u64 = 3_600_000;

/// How long a name stays taken after its worker last reported, in milliseconds.
const TAKEN_MS: u64 = 60_000;

/// Takes down what a worker says of itself.
pub(super) fn report(
    tx: &Transaction<'_>,
    report: &WorkerReport,
    now: u64,
) -> Result<WorkerOrders, Fault> {
    tend::catch_up(tx, now)?;
    let taken_since = signed(now.saturating_sub(TAKEN_MS));
    let other: Option<String> = tx
        .prepare_cached(
            "SELECT report FROM worker WHERE id = ?1 AND instance <> ?2 AND reported_at_ms > ?3",
        )?
        .query_row(params![report.worker.as_str(), report.instance, taken_since], |row| row.get(0))
        .optional()?;
    if let Some(other) = other {
        let worker = report.worker.to_string();
        let other: WorkerReport = parse(&format!("worker {worker}"), &other)?;
        // On one machine the later instance is the one that a service manager started after a crash.
        let is_later = other.host == report.host && report.instance > other.instance;
        if !is_later {
            return Err(QueueError::NameTaken { worker, host: other.host }.into());
        }
    }
    let drain = tx.prepare_cached(include_str!("sql/report_worker.sql"))?.query_row(
        params![report.worker.as_str(), signed(now), report.instance, json(report)],
        |row| row.get(0),
    )?;
    Ok(WorkerOrders { drain })
}

/// Strikes out a worker that ended by itself, unless another goes by its name since.
pub(super) fn goodbye(
    tx: &Transaction<'_>,
    worker: &WorkerId,
    instance: &str,
    now: u64,
) -> Result<(), Fault> {
    tend::catch_up(tx, now)?;
    let struck = tx
        .prepare_cached("DELETE FROM worker WHERE id = ?1 AND ifnull(instance, ?2) = ?2")?
        .execute([worker.as_str(), instance])?;
    if struck == 0 {
        return Ok(());
    }
    let leases: Vec<String> = tx
        .prepare_cached("SELECT id FROM lease WHERE worker = ?1")?
        .query_map([worker.as_str()], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for lease in leases {
        settle::release(tx, &lease, now)?;
    }
    Ok(())
}

/// Orders a worker to drain, or takes the order back.
pub(super) fn order_drain(
    tx: &Transaction<'_>,
    worker: &WorkerId,
    drain: bool,
    now: u64,
) -> Result<(), Fault> {
    let listed_since = signed(now.saturating_sub(LISTED_MS));
    let ordered = tx
        .prepare_cached(
            "UPDATE worker SET is_ordered_to_drain = ?2 WHERE id = ?1 AND seen_at_ms > ?3",
        )?
        .execute(params![worker.as_str(), drain, listed_since])?;
    if ordered == 0 {
        let known = listed(tx, now)?.into_iter().map(|card| card.worker.to_string()).collect();
        return Err(QueueError::UnknownWorker { worker: worker.to_string(), known }.into());
    }
    Ok(())
}

/// The workers heard of within the last hour, by name.
pub(super) fn listed(conn: &Connection, now: u64) -> Result<Vec<WorkerCard>, Fault> {
    let mut statement = conn.prepare_cached(include_str!("sql/workers.sql"))?;
    let mut rows = statement.query([signed(now.saturating_sub(LISTED_MS))])?;
    let mut cards = Vec::new();
    while let Some(row) = rows.next()? {
        let worker: WorkerId = name("a worker", row.get(0)?)?;
        let report: Option<String> = row.get(3)?;
        let report = report.map(|text| parse(&format!("worker {worker}"), &text)).transpose()?;
        cards.push(WorkerCard {
            seen_at_ms: unsigned(row.get(1)?),
            lines_held: unsigned(row.get(2)?),
            report,
            is_ordered_to_drain: row.get(4)?,
            worker,
        });
    }
    Ok(cards)
}
