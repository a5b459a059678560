//! Handing out a batch.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use schemas::{Batch, LeaseId, LeasedLine, Stage, TakeFacts};
use ulid::Ulid;

use super::event;
use super::fault::Fault;
use super::row::{Code, json, lines, name, parse, signed, unsigned};
use super::{tend, work};
use crate::Want;
use crate::choose::{Candidate, rank};
use crate::state::Move;

/// How long a worker counts as alive after it was last heard of, in milliseconds. A worker asks or
/// renews every few seconds.
const ALIVE_MS: u64 = 60_000;

/// How old a worker's card may grow before an idle claim writes it anew, in milliseconds: an idle
/// farm should not write to the disk several times a second.
const CARD_MS: u64 = 5_000;

/// After how long a silent worker is forgotten, in milliseconds.
const FORGOTTEN_MS: u64 = 24 * 3_600_000;

/// Whether a claim would find nothing and change nothing, so that nothing needs to be written.
pub(super) fn is_idle(conn: &Connection, want: &Want, now: u64) -> Result<bool, Fault> {
    let seen: Option<i64> = conn
        .prepare_cached("SELECT seen_at_ms FROM worker WHERE id = ?1")?
        .query_row([want.worker.as_str()], |row| row.get(0))
        .optional()?;
    let is_fresh = seen.is_some_and(|seen| now.saturating_sub(unsigned(seen)) < CARD_MS);
    Ok(is_fresh && !tend::is_behind(conn, now)? && candidates(conn, want)?.is_empty())
}

/// Hands out a batch, or nothing.
pub(super) fn claim(tx: &Transaction<'_>, want: &Want, now: u64) -> Result<Option<Batch>, Fault> {
    tend::catch_up(tx, now)?;
    greet(tx, want, now)?;
    let mut candidates = candidates(tx, want)?;
    rank(&mut candidates, &want.warm, now);
    for candidate in candidates {
        let picked = pick(tx, &candidate, want, now)?;
        if !picked.is_empty() {
            return lease(tx, &candidate, &picked, want, now).map(Some);
        }
    }
    Ok(None)
}

/// Writes down that the worker is alive and which engines it has.
fn greet(tx: &Transaction<'_>, want: &Want, now: u64) -> Result<(), Fault> {
    tx.prepare_cached(include_str!("sql/seen_worker.sql"))?.execute(params![
        want.worker.as_str(),
        json(&want.supplies()),
        signed(now)
    ])?;
    tx.prepare_cached("DELETE FROM worker WHERE seen_at_ms <= ?1")?
        .execute([signed(now.saturating_sub(FORGOTTEN_MS))])?;
    Ok(())
}

fn candidates(conn: &Connection, want: &Want) -> Result<Vec<Candidate>, Fault> {
    let mut statement = conn.prepare_cached(include_str!("sql/candidates.sql"))?;
    let mut rows = statement.query(params![want.worker.as_str(), json(&want.supplies())])?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let stage: Code<Stage> = row.get(2)?;
        candidates.push(Candidate {
            number,
            key: name(&format!("group {number}"), row.get(1)?)?,
            stage: stage.0,
            priority: row.get(3)?,
            since_ms: unsigned(row.get(4)?),
            waiting_ms: unsigned(row.get(5)?),
            is_held: row.get(6)?,
            shares: row.get(7)?,
            leased_ms: unsigned(row.get(8)?),
            submission: row.get(9)?,
        });
    }
    Ok(candidates)
}

/// The lines of a group that the worker takes: as many as it wants, at least one if there is one.
fn pick(
    tx: &Transaction<'_>,
    candidate: &Candidate,
    want: &Want,
    now: u64,
) -> Result<Vec<i64>, Fault> {
    let sql = match candidate.stage {
        Stage::Speak => include_str!("sql/pick_to_speak.sql"),
        Stage::Master => include_str!("sql/pick_to_master.sql"),
    };
    let most = i64::try_from(want.max_lines.max(1)).unwrap_or(i64::MAX);
    let alive_since = signed(now.saturating_sub(ALIVE_MS));
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows =
        statement.query(params![candidate.number, want.worker.as_str(), alive_since, most])?;
    let mut picked = Vec::new();
    let mut audio_ms = 0;
    while let Some(row) = rows.next()? {
        audio_ms += unsigned(row.get(1)?);
        if audio_ms > want.max_audio_ms && !picked.is_empty() {
            break;
        }
        picked.push(row.get(0)?);
    }
    Ok(picked)
}

/// Puts the picked lines under a new lease.
fn lease(
    tx: &Transaction<'_>,
    candidate: &Candidate,
    picked: &[i64],
    want: &Want,
    now: u64,
) -> Result<Batch, Fault> {
    let id = Ulid::generate().to_string();
    let expires_at_ms = now.saturating_add(want.lease_ms);
    tx.prepare_cached(
        "INSERT INTO lease (id, worker, cluster, stage, expires_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        id,
        want.worker.as_str(),
        candidate.number,
        Code(candidate.stage),
        signed(expires_at_ms)
    ])?;
    work::begin(tx, want.worker.as_str(), now)?;
    let mut leased = Vec::with_capacity(picked.len());
    for number in picked {
        leased.push(take(tx, *number, &id, want, now)?);
    }
    tx.prepare_cached("UPDATE shelf SET since_ms = ?3 WHERE cluster = ?1 AND stage = ?2")?
        .execute(params![candidate.number, Code(candidate.stage), signed(now)])?;
    let lease = name::<LeaseId>("a new lease", id)?;
    batch(tx, candidate, lease, expires_at_ms, leased)
}

/// Puts one line under the lease and reads what the worker needs to know of it.
fn take(
    tx: &Transaction<'_>,
    number: i64,
    lease: &str,
    want: &Want,
    now: u64,
) -> Result<LeasedLine, Fault> {
    let mut found = lines(tx, include_str!("sql/line_by_number.sql"), [number])?;
    let line = found.first_mut().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    line.lease = Some(lease.to_owned());
    line.worker = Some(want.worker.as_str().to_owned());
    line.make(tx, Move::Claim, now)?;
    event::of_line(tx, line, "claimed", None, now)?;
    let (body, facts): (String, Option<String>) = tx
        .prepare_cached(
            "SELECT job.body, line.take FROM line JOIN job ON job.line = line.number
             WHERE line.number = ?1",
        )?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let what = format!("line {}", line.id);
    let facts = facts.filter(|_| line.place.stage == Stage::Master);
    Ok(LeasedLine {
        attempts: line.attempts,
        job: parse(&what, &body)?,
        take: facts.map(|facts| parse::<TakeFacts>(&what, &facts)).transpose()?,
    })
}

fn batch(
    tx: &Transaction<'_>,
    candidate: &Candidate,
    lease: LeaseId,
    expires_at_ms: u64,
    lines: Vec<LeasedLine>,
) -> Result<Batch, Fault> {
    let mut statement = tx.prepare_cached(include_str!("sql/batch.sql"))?;
    let mut rows = statement.query([candidate.number])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let what = format!("group {}", candidate.number);
    let (mastering, voice): (String, String) = (row.get(3)?, row.get(5)?);
    Ok(Batch {
        lease,
        expires_at_ms,
        submission: name(&what, row.get(0)?)?,
        episode: name(&what, row.get(1)?)?,
        title: row.get(2)?,
        stage: candidate.stage,
        group: candidate.key.clone(),
        voice: parse(&what, &voice)?,
        mastering: parse(&what, &mastering)?,
        trace: row.get(6)?,
        lines,
    })
}
