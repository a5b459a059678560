//! What was decided, put into a plan or a manifest.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{LineId, LineOutcome, Manifest, ManifestVoice, SynthKey};

use super::{Choice, Decisions, LineBasis};
use crate::plan::{Limits, Plan, PlannedLine};

/// A choice that stands no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    /// Of which line.
    pub line: LineId,
    /// Who says it.
    pub character: String,
    /// Number of the take that was chosen.
    pub take: u32,
    /// Why.
    pub why: LapseReason,
}

/// Why a choice stands no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LapseReason {
    /// The line says something else.
    Words,
    /// It is in another voice.
    Voice,
    /// It is in another language.
    Language,
    /// It is pronounced otherwise, or paused.
    Pronunciation,
    /// The take's audio is gone from the store and cannot be made again.
    Gone,
}

impl LapseReason {
    /// The reason in words, as in `its words changed`.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Words => "its words changed",
            Self::Voice => "its voice changed",
            Self::Language => "its language changed",
            Self::Pronunciation => "how it is pronounced or paused changed",
            Self::Gone => "the take's audio is gone from the store",
        }
    }
}

/// Takes that may be put into a plan: those that are chosen for one of its lines.
#[must_use]
pub fn wanted(plan: &Plan, decisions: &Decisions) -> BTreeSet<SynthKey> {
    let choice = |line: &PlannedLine| match decisions.choice(&line.job.id, &line.basis) {
        Choice::Stands(take) => Some(take.key.clone()),
        Choice::Usual | Choice::Lapsed(..) => None,
    };
    plan.lines.iter().filter_map(choice).collect()
}

/// Puts the takes that were chosen into a plan; `stored` are those of [`wanted`] that the store has.
/// Returns which choices stand no more, in the order of the script.
///
/// A chosen take whose audio is gone is spoken again, unless a person recorded it or another engine
/// spoke it.
pub fn apply(
    plan: &mut Plan,
    decisions: &Decisions,
    stored: &BTreeSet<SynthKey>,
    limits: &Limits,
) -> Vec<Lapse> {
    let mut lapses = Vec::new();
    let mut is_changed = false;
    for line in &mut plan.lines {
        let (take, why) = match decisions.choice(&line.job.id, &line.basis) {
            Choice::Usual => continue,
            Choice::Lapsed(take, on) => (take, Some(reason(on, &line.basis))),
            Choice::Stands(take) => {
                let is_own = !take.is_recorded() && take.engine == line.job.engine;
                let is_usable = is_own || stored.contains(&take.key);
                (take, (!is_usable).then_some(LapseReason::Gone))
            }
        };
        let number = decisions.line(&line.job.id).and_then(|known| known.number(&take.key));
        if let Some(why) = why {
            let (id, character) = (line.job.id.clone(), line.job.character.clone());
            lapses.push(Lapse { line: id, character, take: number.unwrap_or(0), why });
        } else if take.key != line.job.synth_key
            && let Some(voice) = decisions.voice(&take.voice)
        {
            line.group = take.put_into(&mut line.job, voice);
            line.chosen_take = number;
            is_changed = true;
        }
    }
    if is_changed {
        plan.voices = voices(plan, decisions);
        plan.regroup(limits);
    }
    lapses
}

fn reason(then: &LineBasis, now: &LineBasis) -> LapseReason {
    if then.written != now.written {
        LapseReason::Words
    } else if then.voice != now.voice {
        LapseReason::Voice
    } else if then.language != now.language {
        LapseReason::Language
    } else {
        LapseReason::Pronunciation
    }
}

/// The voices that lines are heard in, by key.
fn voices(plan: &Plan, decisions: &Decisions) -> Vec<ManifestVoice> {
    let planned = plan.voices.iter().map(|keyed| (&keyed.key, &keyed.voice));
    let known: BTreeMap<_, _> = decisions.voices.iter().chain(planned).collect();
    let heard: BTreeSet<_> = plan.lines.iter().map(|line| &line.job.voice).collect();
    let keyed = |key: &schemas::VoiceKey| {
        let voice = known.get(key).map(|voice| (*voice).clone());
        voice.map(|voice| ManifestVoice { key: key.clone(), voice })
    };
    heard.into_iter().filter_map(keyed).collect()
}

/// Says in a manifest which takes were chosen and which are approved.
pub fn annotate(manifest: &mut Manifest, decisions: &Decisions) {
    for line in &mut manifest.lines {
        let LineOutcome::Delivered { take, .. } = &line.outcome else { continue };
        let Some(known) = decisions.line(&line.id) else { continue };
        line.is_approved = known.approved().contains(&take.synth_key);
        line.chosen = known.chosen(&take.synth_key);
        manifest.totals.approved += u64::from(line.is_approved);
    }
}
