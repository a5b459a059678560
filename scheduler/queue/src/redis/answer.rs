//! Reading what functions answer.

use ::redis::Value;
use schemas::{LineState, Stage};
use serde::de::{DeserializeOwned, Error as _};

use crate::QueueError;

/// States as the server has them, by number.
const STATES: [LineState; 7] = [
    LineState::Waiting,
    LineState::Leased,
    LineState::Delayed,
    LineState::Held,
    LineState::Done,
    LineState::Failed,
    LineState::Cancelled,
];

/// A list of words, the first of which says how it went.
#[derive(Debug)]
pub(super) struct Answer(Vec<Value>);

impl Answer {
    /// # Errors
    /// [`QueueError::Corrupt`] when it is empty.
    pub(super) fn new(values: Vec<Value>) -> Result<Self, QueueError> {
        if values.is_empty() { Err(unreadable("an answer")) } else { Ok(Self(values)) }
    }

    /// Whether it went like that.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(&self.0[0], Value::BulkString(bytes) if bytes == word.as_bytes())
    }

    /// The word at `at`.
    pub(super) fn text(&self, at: usize) -> Result<String, QueueError> {
        self.0.get(at).and_then(text).ok_or_else(|| unreadable("an answer"))
    }

    /// The number at `at`.
    pub(super) fn number(&self, at: usize) -> Result<u64, QueueError> {
        number(&self.text(at)?)
    }

    /// What follows the first `skip` words.
    pub(super) fn rest(&self, skip: usize) -> &[Value] {
        self.0.get(skip..).unwrap_or_default()
    }

    /// The words after the first `skip`, as text.
    pub(super) fn words(&self, skip: usize) -> Result<Vec<String>, QueueError> {
        words(self.rest(skip))
    }

    /// The lists after the first `skip` words, as text.
    pub(super) fn lists(&self, skip: usize) -> Result<Vec<Vec<String>>, QueueError> {
        self.rest(skip)
            .iter()
            .map(|value| match value {
                Value::Array(values) => words(values),
                _ => Err(unreadable("an answer")),
            })
            .collect()
    }
}

/// The text of a value.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn words(values: &[Value]) -> Result<Vec<String>, QueueError> {
    values.iter().map(|value| text(value).ok_or_else(|| unreadable("an answer"))).collect()
}

/// Reads a count or a time. Sums of this world are below 2^53, so a float is never rounded.
pub(super) fn number(text: &str) -> Result<u64, QueueError> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    // A counter that was taken from too often would be a bug; it is told as nothing.
    text.parse::<i64>().map(|_| 0).map_err(|_| unreadable(&format!("number `{text}`")))
}

/// Reads JSON that a program of ours wrote; `what` names it.
pub(super) fn parse<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, QueueError> {
    serde_json::from_str(json)
        .map_err(|source| QueueError::Corrupt { what: what.to_owned(), source })
}

/// The same where nothing is written as an empty word.
pub(super) fn parse_some<T: DeserializeOwned>(
    what: &str,
    json: &str,
) -> Result<Option<T>, QueueError> {
    some(json).map(|json| parse(what, json)).transpose()
}

/// Reads an id or key that was written as bare text; `what` names it.
pub(super) fn name<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, QueueError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|source| QueueError::Corrupt { what: what.to_owned(), source })
}

/// `None` for an empty word.
pub(super) fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Reads a stage.
pub(super) fn stage(text: &str) -> Result<Stage, QueueError> {
    match text {
        "0" => Ok(Stage::Speak),
        "1" => Ok(Stage::Master),
        _ => Err(unreadable(&format!("stage `{text}`"))),
    }
}

/// Reads a state.
pub(super) fn state(text: &str) -> Result<LineState, QueueError> {
    let number = text.parse::<usize>().ok();
    number
        .and_then(|number| STATES.get(number).copied())
        .ok_or_else(|| unreadable(&format!("state `{text}`")))
}

/// Something is not as our functions write it.
pub(super) fn unreadable(what: &str) -> QueueError {
    let source = serde_json::Error::custom("not as it is written");
    QueueError::Corrupt { what: what.to_owned(), source }
}
