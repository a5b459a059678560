//! Taking a submission in.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Transaction, params};
use schemas::{LineState, QueuedLine, Stage, Submission, SubmissionId, VoiceKey};

use super::event;
use super::fault::Fault;
use super::row::{Code, json, name, signed};
use super::settle::number_of;
use super::{command, tend};
use crate::{Added, NewSubmission, Selection, check};

/// Adds a submission, or sets the same going again, and supersedes the others of its episode.
pub(super) fn submit(tx: &Transaction<'_>, new: &NewSubmission, now: u64) -> Result<Added, Fault> {
    check::sound(new)?;
    tend::catch_up(tx, now)?;
    let mut added = Added::default();
    let number = if let Some(number) = number_of(tx, new.submission.id.as_str())? {
        let all = everything(new.submission.id.clone());
        added.revived = command::revive(tx, number, &all, now)?;
        tx.prepare_cached(include_str!("sql/newest_turn.sql"))?.execute([number])?;
        number
    } else {
        added.lines = new.lines.len() as u64;
        add(tx, new, now)?
    };
    added.superseded = supersede(tx, number, &new.submission, now)?;
    Ok(added)
}

fn everything(submission: SubmissionId) -> Selection {
    Selection { submission, line: None, character: None }
}

fn add(tx: &Transaction<'_>, new: &NewSubmission, now: u64) -> Result<i64, Fault> {
    let Submission { id, episode, title, priority, max_attempts, mastering, shares, .. } =
        &new.submission;
    tx.prepare_cached(include_str!("sql/insert_submission.sql"))?.execute(params![
        id.as_str(),
        episode.as_str(),
        title,
        priority,
        max_attempts,
        json(mastering),
        signed(now),
        shares,
    ])?;
    let number = tx.last_insert_rowid();
    tx.prepare_cached("INSERT INTO request (submission, body) VALUES (?1, ?2)")?
        .execute(params![number, json(&new.submission)])?;
    let voices = add_voices(tx, number, &new.submission)?;
    let clusters = HashMap::new();
    let mut adding = Adding { tx, number, voices, clusters, now, submission: &new.submission };
    let mut audio_ms = 0;
    for line in &new.lines {
        adding.line(line)?;
        audio_ms += line.take.as_ref().map_or(0, schemas::TakeFacts::duration_ms);
    }
    tx.prepare_cached("UPDATE submission SET audio_ms = ?2 WHERE number = ?1")?
        .execute(params![number, signed(audio_ms)])?;
    event::of_submission(tx, number, "submitted", None, now)?;
    tend::open_gates(tx, now)?;
    Ok(number)
}

fn add_voices(
    tx: &Transaction<'_>,
    number: i64,
    submission: &Submission,
) -> Result<HashMap<VoiceKey, i64>, Fault> {
    let mut voices = HashMap::new();
    for voice in &submission.voices {
        if let Entry::Vacant(vacant) = voices.entry(voice.key()) {
            let key = vacant.key().as_str();
            tx.prepare_cached("INSERT INTO voice (submission, key, body) VALUES (?1, ?2, ?3)")?
                .execute(params![number, key, json(voice)])?;
            vacant.insert(tx.last_insert_rowid());
        }
    }
    Ok(voices)
}

/// A submission whose lines are being added.
struct Adding<'a> {
    tx: &'a Transaction<'a>,
    number: i64,
    voices: HashMap<VoiceKey, i64>,
    /// Groups met so far, by key.
    clusters: HashMap<String, i64>,
    now: u64,
    submission: &'a Submission,
}

impl Adding<'_> {
    fn line(&mut self, line: &QueuedLine) -> Result<(), Fault> {
        let voice = self.voices.get(&line.job.voice).copied().unwrap_or_default();
        let cluster = self.cluster(line, voice)?;
        let (stage, state) = match line.take {
            None => (Stage::Speak, LineState::Waiting),
            Some(_) => (Stage::Master, LineState::Held),
        };
        self.tx.prepare_cached(include_str!("sql/insert_line.sql"))?.execute(params![
            self.number,
            line.order,
            line.job.id.as_str(),
            line.job.character,
            cluster,
            voice,
            line.job.estimated_ms,
            Code(stage),
            Code(state),
            signed(self.now),
            line.take.as_ref().map(json),
        ])?;
        let number = self.tx.last_insert_rowid();
        self.tx
            .prepare_cached("INSERT INTO job (line, body) VALUES (?1, ?2)")?
            .execute(params![number, json(&line.job)])?;
        Ok(())
    }

    fn cluster(&mut self, line: &QueuedLine, voice: i64) -> Result<i64, Fault> {
        if let Some(cluster) = self.clusters.get(line.group.as_str()) {
            return Ok(*cluster);
        }
        self.tx
            .prepare_cached(
                "INSERT INTO cluster (submission, voice, key, engine) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                self.number,
                voice,
                line.group.as_str(),
                self.submission.needs(&line.job.engine)
            ])?;
        let cluster = self.tx.last_insert_rowid();
        self.clusters.insert(line.group.as_str().to_owned(), cluster);
        Ok(cluster)
    }
}

/// Cancels what is open of the other submissions of the episode.
fn supersede(
    tx: &Transaction<'_>,
    number: i64,
    submission: &Submission,
    now: u64,
) -> Result<u64, Fault> {
    let mut statement =
        tx.prepare_cached("SELECT number, id FROM submission WHERE episode = ?1 AND number <> ?2")?;
    let others: Vec<(i64, String)> = statement
        .query_map(params![submission.episode.as_str(), number], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let why = format!("replaced by {}", submission.id);
    let mut superseded = 0;
    for (other, id) in others {
        let all = everything(name("a submission", id)?);
        superseded += command::cancel_lines(tx, other, &all, Some(&why), now)?;
    }
    Ok(superseded)
}
