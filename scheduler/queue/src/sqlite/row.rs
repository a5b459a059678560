//! Lines as rows: how states are written, and the one way a line changes.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Params, Row, Transaction};
use schemas::{Failure, LineState, Stage, TakeFacts};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::state::{IllegalMove, Move, Place};

const STAGES: [Stage; 2] = [Stage::Speak, Stage::Master];
const STATES: [LineState; 7] = [
    LineState::Waiting,
    LineState::Leased,
    LineState::Delayed,
    LineState::Held,
    LineState::Done,
    LineState::Failed,
    LineState::Cancelled,
];

/// A stage or state as the file has it: its place in the list above.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code<T>(pub(super) T);

macro_rules! code {
    ($type:ty, $list:ident) => {
        impl ToSql for Code<$type> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let place = (0_i64..).zip($list).find(|(_, one)| *one == self.0);
                Ok(ToSqlOutput::from(place.map_or(-1, |(place, _)| place)))
            }
        }

        impl FromSql for Code<$type> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let number = value.as_i64()?;
                let place =
                    usize::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))?;
                $list.get(place).map(|one| Self(*one)).ok_or(FromSqlError::OutOfRange(number))
            }
        }
    };
}
code!(Stage, STAGES);
code!(LineState, STATES);

/// Milliseconds and counts as the file has them.
#[expect(clippy::cast_possible_wrap, reason = "times and sums of this world are below 2^63")]
pub(super) fn signed(number: u64) -> i64 {
    number as i64
}

/// Reads what [`signed`] wrote.
pub(super) fn unsigned(number: i64) -> u64 {
    number.max(0).unsigned_abs()
}

/// Writes a value of ours as JSON.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own plain structs always serialise")
}

/// Reads JSON that [`json`] wrote; `what` names the row.
pub(super) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|source| Fault::Row { what: what.to_owned(), source })
}

/// Reads an id or key that was written as bare text; `what` names the row.
pub(super) fn name<T: DeserializeOwned>(what: &str, text: String) -> Result<T, Fault> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|source| Fault::Row { what: what.to_owned(), source })
}

/// What decides how a line moves.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) number: i64,
    pub(super) submission: i64,
    pub(super) id: String,
    pub(super) voice: i64,
    pub(super) place: Place,
    pub(super) attempts: u32,
    pub(super) lease: Option<String>,
    pub(super) is_started: bool,
    pub(super) worker: Option<String>,
    pub(super) due_at_ms: Option<u64>,
    /// Set only when it is new: the file keeps the one it has.
    pub(super) take: Option<TakeFacts>,
    pub(super) delivery: Option<String>,
    pub(super) failure: Option<String>,
}

impl Line {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let stage: Code<Stage> = row.get(4)?;
        let state: Code<LineState> = row.get(5)?;
        Ok(Self {
            number: row.get(0)?,
            submission: row.get(1)?,
            id: row.get(2)?,
            voice: row.get(3)?,
            place: Place::new(stage.0, state.0),
            attempts: row.get(6)?,
            lease: row.get(7)?,
            is_started: row.get(8)?,
            worker: row.get(9)?,
            due_at_ms: None,
            take: None,
            delivery: row.get(10)?,
            failure: row.get(11)?,
        })
    }

    /// Moves the line and writes it. A line that comes into another stage or starts afresh has made
    /// no attempts there, and every worker may take it.
    pub(super) fn make(&mut self, tx: &Transaction<'_>, step: Move, now: u64) -> Result<(), Step> {
        let before = self.place;
        self.place = before.after(step)?;
        let is_fresh =
            before.stage != self.place.stage || matches!(step, Move::Revive | Move::Hold);
        if is_fresh {
            self.attempts = 0;
            self.delivery = None;
            self.failure = None;
            tx.prepare_cached("DELETE FROM unfit WHERE line = ?1")?.execute([self.number])?;
        }
        if self.place.state != LineState::Leased {
            self.is_started = false;
        }
        // What is taken away from a lease stays marked with it, so that a renewal can tell.
        if !matches!(step, Move::Claim | Move::Cancel | Move::Hold) {
            self.lease = None;
        }
        self.save(tx, now)?;
        Ok(())
    }

    /// Writes the line as it is.
    pub(super) fn save(&self, tx: &Transaction<'_>, now: u64) -> Result<(), Fault> {
        tx.prepare_cached(include_str!("sql/move_line.sql"))?.execute(rusqlite::params![
            self.number,
            Code(self.place.stage),
            Code(self.place.state),
            self.attempts,
            self.lease,
            self.is_started,
            self.worker,
            self.due_at_ms.map(signed),
            signed(now),
            self.take.as_ref().map(json),
            self.delivery,
            self.failure,
        ])?;
        Ok(())
    }

    /// Notes why it failed.
    pub(super) fn failed_with(&mut self, failure: &Failure) {
        self.failure = Some(json(failure));
    }
}

/// Why a line could not be moved.
pub(super) enum Step {
    /// The table does not have the move.
    Illegal,
    /// The file could not be written.
    Fault(Fault),
}

impl From<IllegalMove> for Step {
    fn from(_: IllegalMove) -> Self {
        Self::Illegal
    }
}

impl From<Fault> for Step {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<rusqlite::Error> for Step {
    fn from(err: rusqlite::Error) -> Self {
        Self::Fault(err.into())
    }
}

/// Moves that were selected by state cannot be illegal; one that is changes nothing.
impl From<Step> for Fault {
    fn from(step: Step) -> Self {
        match step {
            Step::Fault(fault) => fault,
            Step::Illegal => Self::Sql(rusqlite::Error::InvalidQuery),
        }
    }
}

/// Reads the lines that `sql` selects.
pub(super) fn lines(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<Line>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params, Line::read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file's numbers must never change: they are in its indices, triggers and rows.
    #[test]
    fn states_are_written_as_the_layout_says() {
        let text = include_str!("sql/layout_1.sql").split_once("CREATE").unwrap().0;
        let text = text.replace("\n-- ", " ");
        for (number, state) in STATES.iter().enumerate() {
            let word = serde_json::to_value(state).unwrap();
            let said = format!("{number} {}", word.as_str().unwrap());
            assert!(text.contains(&said), "{said}");
        }
    }
}
