//! Events: what happened, in order, up to a bound.

use rusqlite::{Connection, Rows, Transaction, params};
use schemas::{LineId, LineState, QueueEvent, Stage, SubmissionId};

use super::fault::Fault;
use super::read::existing;
use super::row::{Code, Line, name, signed, unsigned};

/// How many events are kept. Enough for a follower to be away while some ten episodes are rendered.
const KEPT: i64 = 100_000;

/// How many events of one line are its story, which is kept however many come after it.
const STORY: i64 = 60;

/// How many events of a submission as a whole are kept however many come after them.
const CHRONICLE: i64 = 200;

/// How many events are added between two rounds of forgetting.
const ROUND: i64 = 256;

/// Records that `what` happened to a line.
pub(super) fn of_line(
    tx: &Transaction<'_>,
    line: &Line,
    what: &str,
    detail: Option<&str>,
    now: u64,
) -> Result<(), Fault> {
    tx.prepare_cached(include_str!("sql/insert_event.sql"))?.execute(params![
        signed(now),
        line.submission,
        line.id,
        Code(line.place.stage),
        Code(line.place.state),
        line.worker,
        what,
        detail,
    ])?;
    shorten(tx, line.submission, Some(&line.id), STORY)?;
    prune(tx)
}

/// Records that `what` happened to a submission as a whole.
pub(super) fn of_submission(
    tx: &Transaction<'_>,
    submission: i64,
    what: &str,
    detail: Option<&str>,
    now: u64,
) -> Result<(), Fault> {
    let none: Option<i64> = None;
    tx.prepare_cached(include_str!("sql/insert_event.sql"))?.execute(params![
        signed(now),
        submission,
        none,
        none,
        none,
        none,
        what,
        detail
    ])?;
    shorten(tx, submission, None, CHRONICLE)?;
    prune(tx)
}

/// Forgets what became too old of the story that an event was added to.
fn shorten(
    tx: &Transaction<'_>,
    submission: i64,
    line: Option<&str>,
    longest: i64,
) -> Result<(), Fault> {
    let beyond = tx.last_insert_rowid() - KEPT;
    if beyond > 0 {
        tx.prepare_cached(include_str!("sql/shorten_story.sql"))?
            .execute(params![submission, line, longest, beyond])?;
    }
    Ok(())
}

/// Forgets the events that became the oldest but those of stories, some at a time so that it costs
/// next to nothing.
fn prune(tx: &Transaction<'_>) -> Result<(), Fault> {
    let number = tx.last_insert_rowid();
    if number % ROUND == 0 && number > KEPT {
        let (after, upto) = (number - KEPT - ROUND, number - KEPT);
        tx.prepare_cached(include_str!("sql/prune_events.sql"))?
            .execute([after, upto, STORY, CHRONICLE])?;
    }
    Ok(())
}

/// Reads up to `limit` events numbered above `after`, oldest first.
pub(super) fn after(conn: &Connection, after: u64, limit: usize) -> Result<Vec<QueueEvent>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut statement = conn.prepare_cached(include_str!("sql/events_after.sql"))?;
    listed(statement.query([after, limit])?)
}

/// Reads the story of a line, oldest first.
pub(super) fn of_one_line(
    conn: &Connection,
    submission: &SubmissionId,
    line: &LineId,
) -> Result<Vec<QueueEvent>, Fault> {
    let number = existing(conn, submission)?;
    let mut statement = conn.prepare_cached(include_str!("sql/events_of_line.sql"))?;
    listed(statement.query(params![number, line.as_str(), STORY, CHRONICLE])?)
}

fn listed(mut rows: Rows<'_>) -> Result<Vec<QueueEvent>, Fault> {
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let number = unsigned(row.get(0)?);
        let what = format!("event {number}");
        let stage: Option<Code<Stage>> = row.get(4)?;
        let state: Option<Code<LineState>> = row.get(5)?;
        let line: Option<String> = row.get(3)?;
        let worker: Option<String> = row.get(6)?;
        events.push(QueueEvent {
            number,
            at_ms: unsigned(row.get(1)?),
            submission: name(&what, row.get(2)?)?,
            line: line.map(|id| name(&what, id)).transpose()?,
            stage: stage.map(|code| code.0),
            state: state.map(|code| code.0),
            worker: worker.map(|id| name(&what, id)).transpose()?,
            what: row.get(7)?,
            detail: row.get(8)?,
        });
    }
    Ok(events)
}
