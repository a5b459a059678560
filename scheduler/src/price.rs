//! What it costs that lines sound otherwise than before, known before anything is rendered.
//!
//! A change of voice, model, language, pronunciation or engine makes takes stale without a word of the
//! script having changed. Edits of the script are what a production is for, and are not counted.

use std::collections::{BTreeMap, BTreeSet};

use queue::{Queue, QueueError};
use schemars::JsonSchema;
use schemas::{LineId, SynthKey, TakeFacts};
use serde::Serialize;

use crate::ledger::{Ledger, Remembered};
use crate::pace;
use crate::plan::{Plan, PlannedLine, is_unresolved};
use crate::takes::{Choice, Decisions};

/// Approved lines that a price names.
const NAMED: usize = 100;

/// Why a line sounds otherwise though the script is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Another voice, or another version of it.
    Voice,
    /// Another model.
    Model,
    /// Another language.
    Language,
    /// The lexicon.
    Pronunciation,
    /// Another engine of the model: other weights, precision or device.
    Engine,
}

impl Cause {
    /// The cause in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Model => "model",
            Self::Language => "language",
            Self::Pronunciation => "pronunciation",
            Self::Engine => "engine",
        }
    }
}

/// A line that sounds otherwise than at the last import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Which.
    pub line: LineId,
    /// Who says it, as cast now.
    pub character: String,
    /// Its take of before.
    pub take: SynthKey,
    /// Its take of now.
    pub next: SynthKey,
    /// How long that is expected to be, in milliseconds.
    pub next_ms: u64,
    /// Whether the take of before is approved.
    pub is_approved: bool,
    /// What changed.
    pub causes: BTreeSet<Cause>,
}

/// What it costs that lines sound otherwise than before.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Price {
    /// Rendered lines that go stale.
    pub lines: u64,
    /// Those of them whose take is approved.
    pub approved: u64,
    /// Audio that goes stale, in milliseconds.
    pub audio_ms: u64,
    /// Audio that is to be spoken in its place, in milliseconds: none of what is in the store already.
    pub to_speak_ms: u64,
    /// How long that takes, in milliseconds of wall time.
    pub wall_ms: u64,
    /// Whether that is by what was measured here; else it is as long as the audio.
    pub is_measured: bool,
    /// By character, those with most lines first.
    pub characters: Vec<CharacterPrice>,
    /// The first 100 approved lines that go stale, in the order of the script.
    pub approved_lines: Vec<LineId>,
}

/// One character's part of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CharacterPrice {
    /// Who, as cast.
    pub character: String,
    /// Rendered lines that go stale.
    pub lines: u64,
    /// Those of them whose take is approved.
    pub approved: u64,
    /// Audio that goes stale, in milliseconds.
    pub audio_ms: u64,
    /// What changed.
    pub causes: BTreeSet<Cause>,
}

/// Finds the lines that sound otherwise than at the last import though they say the same, in the order
/// of the script. Whether they were rendered is not asked here.
#[must_use]
pub fn stale(plan: &Plan, before: &Ledger, decisions: &Decisions) -> Vec<Stale> {
    let models: BTreeMap<_, _> =
        plan.voices.iter().map(|keyed| (&keyed.key, keyed.voice.model.as_str())).collect();
    let remembered = before.all_remembered();
    let one = |line: &PlannedLine| {
        let id = &line.job.id;
        // Nobody would speak it, so it cannot be said what it will be.
        let then = remembered.get(id).filter(|_| !is_unresolved(&line.job.engine))?;
        let take = match decisions.choice(id, &then.made_of.basis) {
            Choice::Stands(take) => &take.key,
            Choice::Usual | Choice::Lapsed(..) => then.synth_key,
        };
        let model = models.get(&line.basis.voice).copied();
        let causes = causes(line, then, model);
        (*take != line.job.synth_key && !causes.is_empty()).then(|| Stale {
            line: id.clone(),
            character: line.job.character.clone(),
            take: take.clone(),
            next: line.job.synth_key.clone(),
            next_ms: line.job.estimated_ms.into(),
            is_approved: decisions.is_approved(id, take),
            causes,
        })
    };
    plan.lines.iter().filter_map(one).collect()
}

/// What decides a line's sound otherwise than before; nothing when the script itself changed there.
fn causes(line: &PlannedLine, then: &Remembered<'_>, model: Option<&str>) -> BTreeSet<Cause> {
    let was = then.made_of;
    let directions = line.line.parentheticals.iter().map(|one| one.text.as_str());
    if line.line.text != then.text || !directions.eq(was.directions.iter().map(String::as_str)) {
        return BTreeSet::new();
    }
    let (old, new) = (&was.basis, &line.basis);
    // A model's name is part of the voice: that the voice changed is no news then.
    let is_other_model = model.is_some_and(|model| model != was.model);
    [
        (Cause::Model, is_other_model),
        (Cause::Voice, old.voice != new.voice && !is_other_model),
        (Cause::Language, old.language != new.language),
        (Cause::Pronunciation, old.spoken != new.spoken),
        (Cause::Engine, was.engine != line.job.engine && !is_other_model),
    ]
    .into_iter()
    .filter_map(|(cause, is_changed)| is_changed.then_some(cause))
    .collect()
}

impl Price {
    /// Adds up what was rendered of stale lines; `None` when nothing was. `before` and `now` are the
    /// takes of before and of now that the store has. The time is that of the audio until
    /// [`Price::at_speed`] knows better.
    #[must_use]
    pub fn of(
        stale: &[Stale],
        before: &BTreeMap<SynthKey, TakeFacts>,
        now: &BTreeMap<SynthKey, TakeFacts>,
    ) -> Option<Self> {
        let mut characters: BTreeMap<&str, CharacterPrice> = BTreeMap::new();
        let mut to_speak: BTreeMap<&SynthKey, u64> = BTreeMap::new();
        let mut approved_lines = Vec::new();
        for one in stale {
            let Some(facts) = before.get(&one.take) else { continue };
            let sum = characters.entry(&one.character).or_insert_with(|| CharacterPrice {
                character: one.character.clone(),
                lines: 0,
                approved: 0,
                audio_ms: 0,
                causes: BTreeSet::new(),
            });
            sum.lines += 1;
            sum.audio_ms += facts.duration_ms();
            sum.causes.extend(&one.causes);
            if one.is_approved {
                sum.approved += 1;
                approved_lines.push(one.line.clone());
            }
            if !now.contains_key(&one.next) {
                to_speak.insert(&one.next, one.next_ms);
            }
        }
        let mut characters: Vec<_> = characters.into_values().collect();
        characters.sort_by_key(|one| std::cmp::Reverse(one.lines));
        approved_lines.truncate(NAMED);
        let to_speak_ms = to_speak.values().sum();
        (!characters.is_empty()).then(|| Self {
            lines: characters.iter().map(|one| one.lines).sum(),
            approved: characters.iter().map(|one| one.approved).sum(),
            audio_ms: characters.iter().map(|one| one.audio_ms).sum(),
            to_speak_ms,
            wall_ms: to_speak_ms,
            is_measured: false,
            characters,
            approved_lines,
        })
    }

    /// The same at a speed in seconds of audio a second; unchanged where none was measured.
    #[must_use]
    pub fn at_speed(mut self, speed: Option<f64>) -> Self {
        if let Some(speed) = speed.filter(|speed| *speed > 0.0) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an estimate of some days at most"
            )]
            let wall_ms = (self.to_speak_ms as f64 / speed) as u64;
            (self.wall_ms, self.is_measured) = (wall_ms, true);
        }
        self
    }
}

/// Seconds of audio that this farm makes in a second: what its living workers measured together, else
/// what the newest submission took line by line; `None` when nothing was rendered here yet.
///
/// # Errors
/// When the queue cannot be read.
pub async fn measured_speed(queue: &dyn Queue) -> Result<Option<f64>, QueueError> {
    let speed = pace::speed(&queue.workers().await?, pace::now_ms());
    if speed > 0.0 {
        return Ok(Some(speed));
    }
    let all = queue.submissions(None).await?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of some months at most")]
    let speeds = all
        .iter()
        .find(|progress| progress.audio_ms > 0 && progress.synth_ms > 0)
        .map(|progress| progress.audio_ms as f64 / progress.synth_ms as f64);
    Ok(speeds)
}
