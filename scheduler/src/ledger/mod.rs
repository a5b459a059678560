//! What keeps a line's id its own while the script around it changes.

mod carry;
mod diff;
mod edits;
mod scenes;
mod similar;

use std::collections::{BTreeMap, BTreeSet};

use schemas::{LineId, SynthKey};
use serde::{Deserialize, Serialize};

use crate::plan::{Line, Plan, PlannedLine};
use crate::takes::LineBasis;

pub use carry::{Carried, Matched, carry_ids};
pub use edits::edits;

/// The layout of ledgers that is written.
const VERSION: u32 = 1;

/// Why a stored ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It was written by a newer program: use that one.
    #[error("the ledger has layout {0} and this program knows {VERSION}; use a newer tableread")]
    Version(u32),
    /// It is damaged: restore it, or remove it and let lines be numbered anew.
    #[error("the ledger is damaged; restore it, or remove it to number all lines anew")]
    Damaged(#[source] serde_json::Error),
}

/// Every line of an episode's last import, and every line that was ever removed.
///
/// Removed lines stay so that no id is ever given twice and a line that comes back is known again;
/// there are never more of them than lines were written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Version of this layout; 1.
    version: u32,
    /// Lines of the last import, in script order, those left out too.
    lines: Vec<LedgerLine>,
    /// Lines that stood in some import before and stand no more, the latest removed first.
    removed: Vec<LedgerLine>,
}

/// One line as it was last imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LedgerLine {
    /// Its id.
    id: LineId,
    /// The number its scene had.
    scene: u32,
    /// The heading its scene had.
    heading: String,
    /// Who said it.
    speaker_key: String,
    /// What was said, as written.
    text: String,
    /// What its audio was made of; absent when it was left out.
    synth_key: Option<SynthKey>,
    /// Which time it was that its speaker said this; absent when it was left out.
    repeat: Option<u32>,
    /// What a choice of a take of it rests on, and what else decides its sound; absent when it was left
    /// out, and where an older program wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_of: Option<MadeOf>,
}

/// What decided how a line sounds, beside its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeOf {
    /// What a choice of a take of it rests on.
    #[serde(flatten)]
    pub(crate) basis: LineBasis,
    /// Who said it, as cast.
    pub(crate) character: String,
    /// Name of the voice's model.
    pub(crate) model: String,
    /// Engine that spoke it, by name and version.
    pub(crate) engine: String,
    /// Its directions, in order: part of the script.
    pub(crate) directions: Vec<String>,
}

/// A line of the last import, as far as its sound is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remembered<'a> {
    /// What was said, as written.
    pub(crate) text: &'a str,
    /// The take that script and cast gave.
    pub(crate) synth_key: &'a SynthKey,
    /// What decided its sound beside its words.
    pub(crate) made_of: &'a MadeOf,
}

impl Ledger {
    /// Returns the ledger to keep once `plan` is submitted.
    #[must_use]
    pub fn after(plan: &Plan, before: Option<&Self>) -> Self {
        let models: BTreeMap<_, _> =
            plan.voices.iter().map(|keyed| (&keyed.key, keyed.voice.model.as_str())).collect();
        let planned = plan.lines.iter().map(|planned| {
            let model = models.get(&planned.basis.voice).copied().unwrap_or_default();
            (planned.line.position, LedgerLine::spoken(planned, model))
        });
        let skipped = plan.skipped.iter().map(|line| (line.position, LedgerLine::left_out(line)));
        let mut placed: Vec<_> = planned.chain(skipped).collect();
        placed.sort_by_key(|(position, _)| *position);
        let lines: Vec<LedgerLine> = placed.into_iter().map(|(_, line)| line).collect();
        let standing: BTreeSet<&LineId> = lines.iter().map(|line| &line.id).collect();
        let known =
            before.into_iter().flat_map(|ledger| ledger.lines.iter().chain(&ledger.removed));
        let removed = known.filter(|line| !standing.contains(&line.id)).cloned().collect();
        Self { version: VERSION, lines, removed }
    }

    /// Reads a stored ledger.
    ///
    /// # Errors
    /// [`LedgerError`] when it is of a newer layout or damaged.
    pub fn from_json(json: &[u8]) -> Result<Self, LedgerError> {
        #[derive(Deserialize)]
        struct Layout {
            version: u32,
        }
        let Layout { version } = serde_json::from_slice(json).map_err(LedgerError::Damaged)?;
        if version != VERSION {
            return Err(LedgerError::Version(version));
        }
        serde_json::from_slice(json).map_err(LedgerError::Damaged)
    }

    /// Writes it for storing.
    ///
    /// # Panics
    /// Never: plain structs of strings and numbers always serialise.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain structs of strings and numbers always serialise")
    }

    /// How many lines the last import had, and how many were removed over time.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.lines.len(), self.removed.len())
    }

    /// A line of the last import, unless it was left out or an older program wrote it.
    pub(crate) fn remembered(&self, id: &LineId) -> Option<Remembered<'_>> {
        let line = self.lines.iter().find(|line| line.id == *id)?;
        line.remembered().map(|(_, remembered)| remembered)
    }

    /// All lines of the last import of which it is known what decided their sound, by id.
    pub(crate) fn all_remembered(&self) -> BTreeMap<&LineId, Remembered<'_>> {
        self.lines.iter().filter_map(LedgerLine::remembered).collect()
    }

    /// What the audio of each line of the last import was made of.
    fn synth_keys(&self) -> BTreeMap<&LineId, Option<&SynthKey>> {
        self.lines.iter().map(|line| (&line.id, line.synth_key.as_ref())).collect()
    }
}

impl LedgerLine {
    fn spoken(planned: &PlannedLine, model: &str) -> Self {
        let PlannedLine { line, job, basis, .. } = planned;
        let made_of = MadeOf {
            basis: basis.clone(),
            character: job.character.clone(),
            model: model.to_owned(),
            engine: job.engine.clone(),
            directions: line.parentheticals.iter().map(|one| one.text.clone()).collect(),
        };
        Self {
            synth_key: Some(planned.planned_key.clone()),
            repeat: Some(planned.repeat),
            made_of: Some(made_of),
            ..Self::left_out(line)
        }
    }

    fn remembered(&self) -> Option<(&LineId, Remembered<'_>)> {
        let (synth_key, made_of) = (self.synth_key.as_ref()?, self.made_of.as_ref()?);
        Some((&self.id, Remembered { text: &self.text, synth_key, made_of }))
    }

    fn left_out(line: &Line) -> Self {
        Self {
            id: line.id.clone(),
            scene: line.scene.number,
            heading: line.scene.heading.clone(),
            speaker_key: line.speaker_key.clone(),
            text: line.text.clone(),
            synth_key: None,
            repeat: None,
            made_of: None,
        }
    }
}
