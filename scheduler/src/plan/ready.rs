//! From cast lines to lines that can be queued: what is spoken, and under which keys.

use std::collections::{BTreeMap, btree_map::Entry};

use schemars::JsonSchema;
use schemas::{
    GroupKey, LineId, LineJob, Pause, SynthInputs, SynthKey, Voice, VoiceKey, VoiceSource,
};
use screenplay::Dual;
use serde::Serialize;

use super::lines::{Line, Place};
use super::pauses::pauses;
use super::seeds::{Said, repeats, seed};
use super::speakers::Speakers;
use crate::cast::CastLine;
use crate::lexicon::{Lexicon, Respelt};
use crate::takes::LineBasis;

/// What one line may hold, in characters; more is no utterance but a paragraph gone astray.
pub const LONGEST_LINE: usize = 10_000;

/// A line that no engine takes: too long to be spoken in one go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error(
    "{character} speaks {characters} characters at {place}, more than the {LONGEST_LINE} a line \
     may have; split the speech in two"
)]
pub struct TooLong {
    /// Who.
    pub character: String,
    /// How many.
    pub characters: usize,
    /// Where its cue stands.
    pub place: Place,
}

/// A line that is ready for the queue.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlannedLine {
    /// Position among the plan's lines, from 0, without gaps.
    pub order: u32,
    /// Lines of one group can be spoken in one batch.
    pub group: GroupKey,
    /// The line as the script has it.
    pub line: Line,
    /// The line as a worker gets it.
    pub job: LineJob,
    /// What a choice of a take of it rests on.
    #[serde(skip)]
    pub basis: LineBasis,
    /// The take that script and cast give; another than the job's where somebody chose one.
    #[serde(skip)]
    pub planned_key: SynthKey,
    /// Number of the take that somebody chose for it; absent for the one that script and cast give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen_take: Option<u32>,
    /// Which time it is, from 0, that its character says this; part of the seed.
    pub repeat: u32,
    /// Lexicon entries that changed its text, as the lexicon writes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lexicon: Vec<String>,
}

/// Makes cast lines ready: lexicon, pauses, seeds, estimates and keys.
///
/// `speakers` say which engine has to speak a line. `before` holds the repeats of lines that still say what they said at the last import.
///
/// # Errors
/// [`TooLong`] for the first line of more than [`LONGEST_LINE`] characters.
pub fn ready(
    lines: Vec<CastLine>,
    lexicon: &Lexicon,
    speakers: &Speakers,
    before: &BTreeMap<LineId, u32>,
) -> Result<Vec<PlannedLine>, TooLong> {
    let respelt = lines.iter().map(|line| respell(line, lexicon)).collect::<Result<Vec<_>, _>>()?;
    let said: Vec<Said<'_>> = lines
        .iter()
        .zip(&respelt)
        .map(|(CastLine { line, .. }, Respelt { text, .. })| Said {
            speaker_key: &line.speaker_key,
            text,
            before: before.get(&line.id).copied(),
        })
        .collect();
    let repeats = repeats(&said);
    let mut desk = Desk::default();
    for ((line, respelt), repeat) in lines.into_iter().zip(respelt).zip(repeats) {
        desk.take(line, respelt, repeat, speakers);
    }
    Ok(desk.planned)
}

fn respell(cast: &CastLine, lexicon: &Lexicon) -> Result<Respelt, TooLong> {
    let line = &cast.line;
    let respelt = lexicon.respell(&line.text, &cast.language, &pauses(&line.parentheticals));
    let characters = respelt.text.chars().count();
    if characters > LONGEST_LINE {
        let character = line.character.clone();
        return Err(TooLong { character, characters, place: line.place });
    }
    Ok(respelt)
}

#[derive(Default)]
struct Desk {
    planned: Vec<PlannedLine>,
    /// Hashing a group once is enough; there are as many as voices and languages.
    groups: BTreeMap<(VoiceKey, String), GroupKey>,
}

impl Desk {
    fn take(&mut self, cast: CastLine, respelt: Respelt, repeat: u32, speakers: &Speakers) {
        let Respelt { text, pauses, matched } = respelt;
        let CastLine { line, character, voice, language, gain_db } = cast;
        let seed = seed(&line.speaker_key, &text, repeat);
        let engine = speakers.engine_of(&voice.voice.model);
        let synth_key = SynthInputs {
            text: &text,
            pauses: &pauses,
            model: &voice.voice.model,
            source: &voice.voice.source,
            language: &language,
            engine: &engine,
            seed,
        }
        .key();
        let job = LineJob {
            id: line.id.clone(),
            scene: line.scene.heading.clone(),
            scene_number: line.scene.number,
            is_with_previous: self.is_with_previous(&line),
            character,
            estimated_ms: estimate_ms(&text, &pauses, &language, &voice.voice),
            text,
            pauses,
            voice: voice.key.clone(),
            seed,
            engine,
            synth_key,
            gain_db,
            language,
        };
        let group = self.group(&voice.voice, &job);
        let order = u32::try_from(self.planned.len()).expect("scripts are limited to 256 MB");
        self.planned.push(PlannedLine {
            order,
            group,
            basis: LineBasis::of(&line.text, &job),
            planned_key: job.synth_key.clone(),
            chosen_take: None,
            line,
            job,
            repeat,
            lexicon: matched,
        });
    }

    /// Whether it is the right half of a pair whose left half is spoken too.
    fn is_with_previous(&self, line: &Line) -> bool {
        line.dual == Some(Dual::Right)
            && self.planned.last().is_some_and(|previous| {
                previous.line.dual == Some(Dual::Left)
                    && previous.line.position + 1 == line.position
            })
    }

    fn group(&mut self, voice: &Voice, job: &LineJob) -> GroupKey {
        match self.groups.entry((job.voice.clone(), job.language.clone())) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(free) => free.insert(GroupKey::new(voice, &job.language)).clone(),
        }
    }
}

fn estimate_ms(text: &str, pauses: &[Pause], language: &str, voice: &Voice) -> u32 {
    let rate = match &voice.source {
        VoiceSource::Scratch { rate, .. } => *rate,
        VoiceSource::Preset { .. }
        | VoiceSource::Clone { .. }
        | VoiceSource::Design { .. }
        | VoiceSource::Recorded { .. } => 1.0,
    };
    let silence = pauses.iter().fold(0, |sum: u32, pause| sum.saturating_add(pause.ms));
    engine::estimate_ms(text, language, rate).saturating_add(silence)
}
