//! Reading where things stand.

use rusqlite::{Connection, OptionalExtension, Row, params};
use schemas::{
    Counts, EpisodeId, LineRecord, LineState, Progress, Stage, Submission, SubmissionId,
    SubmissionState, TakeFacts, VoiceKey,
};

use super::fault::Fault;
use super::row::{Code, name, parse, signed, unsigned};
use crate::QueueError;
use crate::counts::{Flags, counter, state_of};

/// How far one submission is.
pub(super) fn progress(
    conn: &Connection,
    submission: &SubmissionId,
) -> Result<Option<Progress>, Fault> {
    let sql = include_str!("sql/progress_of_one.sql");
    Ok(progress_rows(conn, sql, Some(submission.as_str()))?.pop())
}

/// How far all submissions are, newest first.
pub(super) fn submissions(
    conn: &Connection,
    episode: Option<&EpisodeId>,
) -> Result<Vec<Progress>, Fault> {
    progress_rows(conn, include_str!("sql/progress.sql"), episode.map(EpisodeId::as_str))
}

/// Reads submissions, each from the few neighbouring rows of its tally.
fn progress_rows(
    conn: &Connection,
    sql: &str,
    wanted: Option<&str>,
) -> Result<Vec<Progress>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([wanted])?;
    let mut all: Vec<(i64, Flags, Progress)> = Vec::new();
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        if all.last().is_none_or(|(last, _, _)| *last != number) {
            let flags = Flags { is_paused: row.get(5)?, is_cancelled: row.get(6)? };
            all.push((number, flags, header(row)?));
        }
        if let Some((_, _, progress)) = all.last_mut() {
            add_tally(progress, row)?;
        }
    }
    Ok(all
        .into_iter()
        .map(|(_, flags, mut progress)| {
            progress.state = state_of(&progress.lines, flags);
            progress
        })
        .collect())
}

fn header(row: &Row<'_>) -> Result<Progress, Fault> {
    let id: String = row.get(1)?;
    let what = format!("submission {id}");
    Ok(Progress {
        submission: name(&what, id)?,
        episode: name(&what, row.get(2)?)?,
        title: row.get(3)?,
        state: SubmissionState::Active,
        priority: row.get(4)?,
        lines: Counts::default(),
        estimated_ms: 0,
        estimated_open_ms: 0,
        audio_ms: unsigned(row.get(7)?),
        synth_ms: unsigned(row.get(8)?),
        submitted_at_ms: unsigned(row.get(9)?),
        changed_at_ms: unsigned(row.get(10)?),
    })
}

/// Adds the lines of one stage and state.
fn add_tally(progress: &mut Progress, row: &Row<'_>) -> Result<(), Fault> {
    let Some(Code(stage)) = row.get::<_, Option<Code<Stage>>>(11)? else { return Ok(()) };
    let Code(state) = row.get::<_, Code<LineState>>(12)?;
    let (lines, estimated_ms) = (unsigned(row.get(13)?), unsigned(row.get(14)?));
    progress.changed_at_ms = progress.changed_at_ms.max(unsigned(row.get(15)?));
    progress.estimated_ms += estimated_ms;
    if stage == Stage::Speak && !state.is_final() {
        progress.estimated_open_ms += estimated_ms;
    }
    *counter(&mut progress.lines, stage, state) += lines;
    Ok(())
}

/// What a submission's lines share.
pub(super) fn submission(
    conn: &Connection,
    id: &SubmissionId,
) -> Result<Option<Submission>, Fault> {
    let body: Option<String> = conn
        .prepare_cached(
            "SELECT request.body FROM submission
             JOIN request ON request.submission = submission.number
             WHERE submission.id = ?1",
        )?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    body.map(|body| parse(&format!("submission {id}"), &body)).transpose()
}

/// The number of a submission.
pub(super) fn existing(conn: &Connection, id: &SubmissionId) -> Result<i64, Fault> {
    let number = conn
        .prepare_cached("SELECT number FROM submission WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    number.ok_or_else(|| QueueError::NoSuchSubmission(id.to_string()).into())
}

/// Every line of a submission, in script order.
pub(super) fn records(conn: &Connection, id: &SubmissionId) -> Result<Vec<LineRecord>, Fault> {
    let number = existing(conn, id)?;
    let mut statement = conn.prepare_cached(include_str!("sql/records.sql"))?;
    let mut rows = statement.query([number])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> Result<LineRecord, Fault> {
    let what = format!("line {}", row.get::<_, String>(10)?);
    let (stage, state): (Code<Stage>, Code<LineState>) = (row.get(2)?, row.get(3)?);
    let worker: Option<String> = row.get(5)?;
    let json = |column: usize| row.get::<_, Option<String>>(column);
    Ok(LineRecord {
        order: row.get(0)?,
        job: parse(&what, &row.get::<_, String>(1)?)?,
        stage: stage.0,
        state: state.0,
        attempts: row.get(4)?,
        worker: worker.map(|id| name(&what, id)).transpose()?,
        take: json(6)?.map(|text| parse(&what, &text)).transpose()?,
        delivery: json(7)?.map(|text| parse(&what, &text)).transpose()?,
        failure: json(8)?.map(|text| parse(&what, &text)).transpose()?,
        changed_at_ms: unsigned(row.get(9)?),
    })
}

/// The takes of all spoken lines of a voice, in script order.
pub(super) fn takes_of_voice(
    conn: &Connection,
    submission: &SubmissionId,
    voice: &VoiceKey,
) -> Result<Vec<TakeFacts>, Fault> {
    let mut statement = conn.prepare_cached(include_str!("sql/takes_of_voice.sql"))?;
    let mut rows = statement.query(params![submission.as_str(), voice.as_str()])?;
    let mut takes = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, take): (String, String) = (row.get(0)?, row.get(1)?);
        takes.push(parse(&format!("line {id}"), &take)?);
    }
    Ok(takes)
}

/// Submissions whose lines are all final and to which nothing happened for `age_ms`, oldest first.
pub(super) fn final_for(
    conn: &Connection,
    age_ms: u64,
    now: u64,
) -> Result<Vec<SubmissionId>, Fault> {
    let mut statement = conn.prepare_cached(include_str!("sql/submissions_final.sql"))?;
    let Some(since) = now.checked_sub(age_ms) else { return Ok(Vec::new()) };
    let mut rows = statement.query([signed(since)])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(name("a submission", row.get(0)?)?);
    }
    Ok(all)
}
