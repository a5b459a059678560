//! From a script and its cast to lines that can be queued. Pure: no clock, disk or chance.

mod batches;
mod group;
mod ids;
mod languages;
mod lines;
mod pauses;
mod ready;
mod seeds;
mod speakers;
mod submission;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use schemas::{ManifestVoice, VoiceKey};
use screenplay::Script;
use serde::Serialize;

use crate::cast::{Cast, CastError, CastLine, Casting, KeyedVoice, cast};
use crate::ledger::{Ledger, carry_ids};
use crate::lexicon::Lexicon;

pub use batches::{Limits, PlannedBatch, batches};
pub use group::{Group, group_by_voice};
pub(crate) use ids::Minter;
pub use ids::{BadNotes, NoteKind, NoteProblem};
pub use languages::{Unspoken, UnspokenLanguages};
pub use lines::{
    Line, NARRATION, Parenthetical, Place, Scene, Stretch, narrated_lines, spoken_lines,
};
pub use pauses::pauses;
pub use ready::{LONGEST_LINE, PlannedLine, TooLong, ready};
pub use seeds::seed;
pub(crate) use speakers::is_unresolved;
pub use speakers::{Speakers, models_with_voices};
pub(crate) use submission::submission_of;
pub use submission::{SubmissionSettings, to_submission};

/// How a script is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// How words are spoken; the empty one changes nothing.
    pub lexicon: Lexicon,
    /// Whether every voice that needs weights is replaced by a scratch voice: a timing track.
    pub is_scratch: bool,
    /// Whether lines that are sung throughout are left out; else they are spoken.
    pub skips_lyrics: bool,
    /// How much one batch may hold.
    pub limits: Limits,
    /// Which engine speaks which model.
    pub speakers: Speakers,
}

/// Why a script cannot be planned; nothing is queued before a person has changed something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The script: ids or languages in its notes clash or cannot be used.
    #[error(transparent)]
    Notes(#[from] BadNotes),
    /// Script or cast: lines are in languages that their voices' models do not speak.
    #[error(transparent)]
    Language(#[from] UnspokenLanguages),
    /// The cast: characters or recordings are missing.
    #[error(transparent)]
    Cast(#[from] CastError),
    /// The script: a speech is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// All that is to be done for one upload of an episode. A value: the same script, cast, options and
/// ledger give the same plan, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// Version of this layout; 1.
    pub version: u32,
    /// The cast's title, else the title page's, else `Untitled`.
    pub title: String,
    /// Sums over the lines.
    pub totals: PlanTotals,
    /// Every voice that is spoken in, by key.
    pub voices: Vec<ManifestVoice>,
    /// Lines to be spoken, in script order.
    pub lines: Vec<PlannedLine>,
    /// Lines that cast or options leave out, in script order.
    pub skipped: Vec<Line>,
    /// Lines by what they share, by first appearance.
    pub groups: Vec<Group>,
    /// Groups in pieces, within the limits.
    pub batches: Vec<PlannedBatch>,
}

/// Sums over a plan's lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanTotals {
    /// Lines to be spoken.
    pub lines: u64,
    /// Lines left out.
    pub skipped: u64,
    /// Characters of text to be spoken.
    pub characters: u64,
    /// Estimated audio in milliseconds, one line after the other.
    pub estimated_ms: u64,
}

/// Plans a script: every line with its id, voice, text and keys, and how the work would be split.
///
/// With a ledger, lines keep the ids they had at the last import. Takes time and memory linear in
/// the script but for sorting.
///
/// # Errors
/// [`PlanError`] when ids or languages in the script's notes cannot be used, when characters are not
/// cast (naming all of them), when a recording is missing, when a model does not speak a line's
/// language, or when a speech is too long.
pub fn plan(
    script: &Script,
    cast: &Cast,
    options: &PlanOptions,
    ledger: Option<&Ledger>,
) -> Result<Plan, PlanError> {
    let mut lines =
        if cast.has_narrator() { narrated_lines(script)? } else { spoken_lines(script)? };
    let before = ledger.map(|ledger| carry_ids(&mut lines, ledger).repeats);
    let Casting { lines, skipped } = casting(lines, cast, options)?;
    languages::check(&lines)?;
    let voices = voices(&lines);
    let before = before.unwrap_or_default();
    let lines = ready(lines, &options.lexicon, &options.speakers, &before)?;
    let groups = group_by_voice(&lines);
    let batches = batches(&groups, &lines, &options.limits);
    let totals = PlanTotals {
        lines: lines.len() as u64,
        skipped: skipped.len() as u64,
        characters: groups.iter().map(|group| group.characters).sum(),
        estimated_ms: groups.iter().map(|group| group.estimated_ms).sum(),
    };
    let title = title(script, cast);
    Ok(Plan { version: 1, title, totals, voices, lines, skipped, groups, batches })
}

impl Plan {
    /// Groups and batches anew, after lines were given other takes.
    pub(crate) fn regroup(&mut self, limits: &Limits) {
        self.groups = group_by_voice(&self.lines);
        self.batches = batches(&self.groups, &self.lines, limits);
    }

    /// The JSON Schema of a plan as it is written.
    #[must_use]
    pub fn schema() -> schemars::Schema {
        schemars::generate::SchemaSettings::default()
            .for_serialize()
            .into_generator()
            .into_root_schema_for::<Self>()
    }
}

fn casting(lines: Vec<Line>, whole: &Cast, options: &PlanOptions) -> Result<Casting, CastError> {
    let scratch = options.is_scratch.then(|| whole.in_scratch());
    let mut casting = cast(lines, scratch.as_ref().unwrap_or(whole))?;
    if options.skips_lyrics {
        let (sung, spoken): (Vec<_>, Vec<_>) =
            casting.lines.into_iter().partition(|cast| cast.line.is_sung());
        casting.lines = spoken;
        casting.skipped.extend(sung.into_iter().map(|cast| cast.line));
        casting.skipped.sort_by_key(|line| line.position);
    }
    Ok(casting)
}

/// Two names for one sound are one voice, called by the first.
fn voices(lines: &[CastLine]) -> Vec<ManifestVoice> {
    let mut voices: BTreeMap<&VoiceKey, &Arc<KeyedVoice>> = BTreeMap::new();
    for line in lines {
        voices.entry(&line.voice.key).or_insert(&line.voice);
    }
    let keyed = |(key, keyed): (&VoiceKey, &Arc<KeyedVoice>)| ManifestVoice {
        key: key.clone(),
        voice: keyed.voice.clone(),
    };
    voices.into_iter().map(keyed).collect()
}

fn title(script: &Script, cast: &Cast) -> String {
    let page = script.title_page.iter().find(|field| field.key.eq_ignore_ascii_case("title"));
    let written = cast.title.as_deref().or(page.map(|field| field.value.as_str()));
    let title = written.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() { "Untitled".to_owned() } else { title }
}
