//! What people decided, step by step, and what follows from all steps.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    ChosenKind, ChosenTake, GroupKey, LineId, LineJob, Pause, SynthKey, Voice, VoiceKey,
};
use serde::{Deserialize, Serialize};

use super::LineBasis;

/// Engine of takes that people recorded.
pub const RECORDING_ENGINE: &str = "recording/1";

/// One rendering of a line that can be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownTake {
    /// Names its audio.
    pub key: SynthKey,
    /// What was planned when it was made.
    pub basis: LineBasis,
    /// Words that are said in it.
    pub text: String,
    /// Silences between them.
    pub pauses: Vec<Pause>,
    /// BCP 47.
    pub language: String,
    /// The voice that is heard; among the step's voices.
    pub voice: VoiceKey,
    /// Engine that speaks it, by name and version; [`RECORDING_ENGINE`] for a recording.
    pub engine: String,
    /// Of the sampler; 0 for a recording.
    pub seed: u64,
    /// How long it is expected to be, in milliseconds.
    pub estimated_ms: u32,
    /// Where it comes from.
    #[serde(flatten)]
    pub kind: ChosenKind,
}

impl KnownTake {
    /// The take that a job asks for.
    #[must_use]
    pub fn of_job(job: &LineJob, basis: &LineBasis) -> Self {
        Self {
            key: job.synth_key.clone(),
            basis: basis.clone(),
            text: job.text.clone(),
            pauses: job.pauses.clone(),
            language: job.language.clone(),
            voice: job.voice.clone(),
            engine: job.engine.clone(),
            seed: job.seed,
            estimated_ms: job.estimated_ms,
            kind: ChosenKind::Spoken { direction: None },
        }
    }

    /// Whether a person recorded it.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        matches!(self.kind, ChosenKind::Recorded { .. })
    }

    /// Whether a choice of it that was made on one basis holds on another.
    #[must_use]
    fn holds(&self, chosen_on: &LineBasis, now: &LineBasis) -> bool {
        if self.is_recorded() { chosen_on.written == now.written } else { chosen_on == now }
    }

    /// Makes a job ask for this take. A take in another engine's words than the job's is a group of its
    /// own, because a group has one engine.
    pub(crate) fn put_into(&self, job: &mut LineJob, voice: &Voice) -> GroupKey {
        let group = if self.engine == job.engine || self.is_recorded() {
            GroupKey::new(voice, &self.language)
        } else {
            GroupKey::of_engine(voice, &self.language, &self.engine)
        };
        job.text.clone_from(&self.text);
        job.pauses.clone_from(&self.pauses);
        job.language.clone_from(&self.language);
        job.voice = self.voice.clone();
        job.engine.clone_from(&self.engine);
        job.seed = self.seed;
        job.synth_key = self.key.clone();
        job.estimated_ms = self.estimated_ms;
        group
    }
}

/// What was done to one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Takes were made, or are to be; nothing is decided.
    Made,
    /// A take was chosen.
    Chosen {
        /// Which.
        take: SynthKey,
        /// What it was chosen for.
        on: LineBasis,
    },
    /// A take was approved.
    Approved {
        /// Which.
        take: SynthKey,
    },
    /// An approval was taken back.
    Withdrawn {
        /// Of which take.
        take: SynthKey,
    },
    /// The last decision that stood was undone.
    Undone,
    /// The last one undone stands again.
    Redone,
}

/// What one step says of one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineStep {
    /// Which line.
    pub line: LineId,
    /// Takes that are to be known of it from now on; those known already do not matter.
    pub takes: Vec<KnownTake>,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
}

/// One thing that somebody did, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Version of this layout; 1.
    pub version: u32,
    /// When, by the clock of who did it; Unix milliseconds.
    pub at_ms: u64,
    /// Voices that its takes are heard in.
    pub voices: Vec<Voice>,
    /// To which lines what was done.
    pub lines: Vec<LineStep>,
}

/// All that people decided about the takes of an episode.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decisions {
    pub(super) voices: BTreeMap<VoiceKey, Voice>,
    lines: BTreeMap<LineId, LineTakes>,
    /// Number that the next step is written under.
    pub(super) next: u64,
}

/// Takes of one line and what was decided about them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineTakes {
    takes: Vec<KnownTake>,
    done: Vec<Act>,
    undone: Vec<Act>,
}

/// Whether a choice of a take stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Choice<'a> {
    /// Nobody chose: it is the take that script and cast give.
    Usual,
    /// This take was chosen.
    Stands(&'a KnownTake),
    /// This take was chosen, for other words, another voice or another language: for this basis.
    Lapsed(&'a KnownTake, &'a LineBasis),
}

impl Decisions {
    /// Goes on by one step.
    pub fn take_in(&mut self, step: Step) {
        self.voices.extend(step.voices.into_iter().map(|voice| (voice.key(), voice)));
        for LineStep { line, takes, act } in step.lines {
            let line = self.lines.entry(line).or_default();
            line.know(takes);
            line.act(act);
        }
    }

    /// What is known of a line; `None` when nobody did anything about its takes.
    #[must_use]
    pub fn line(&self, id: &LineId) -> Option<&LineTakes> {
        self.lines.get(id)
    }

    /// Lines about whose takes something was done, by id.
    pub fn lines(&self) -> impl Iterator<Item = (&LineId, &LineTakes)> {
        self.lines.iter()
    }

    /// A voice that a take is heard in.
    #[must_use]
    pub fn voice(&self, key: &VoiceKey) -> Option<&Voice> {
        self.voices.get(key)
    }

    /// Whether the choice for a line stands that is planned like this.
    #[must_use]
    pub fn choice(&self, id: &LineId, now: &LineBasis) -> Choice<'_> {
        self.line(id).map_or(Choice::Usual, |line| line.choice(now))
    }

    /// Whether a take of a line is approved.
    #[must_use]
    pub fn is_approved(&self, id: &LineId, take: &SynthKey) -> bool {
        self.line(id).is_some_and(|line| line.approved().contains(take))
    }
}

impl LineTakes {
    /// Every take that was made of the line, in the order in which they became known: the first is number 1.
    #[must_use]
    pub fn takes(&self) -> &[KnownTake] {
        &self.takes
    }

    /// Number of a take, from 1.
    #[must_use]
    pub fn number(&self, key: &SynthKey) -> Option<u32> {
        let at = self.takes.iter().position(|take| take.key == *key)?;
        u32::try_from(at + 1).ok()
    }

    /// The take that was chosen last and not undone, as a manifest says it.
    #[must_use]
    pub fn chosen(&self, key: &SynthKey) -> Option<ChosenTake> {
        let (chosen, _) = self.last_choice()?;
        let number = self.number(key)?;
        (chosen.key == *key).then(|| ChosenTake { number, kind: chosen.kind.clone() })
    }

    /// Whether there is a decision to undo, and one to do again.
    #[must_use]
    pub fn can_undo_and_redo(&self) -> (bool, bool) {
        (!self.done.is_empty(), !self.undone.is_empty())
    }

    /// Takes that are approved.
    #[must_use]
    pub fn approved(&self) -> BTreeSet<&SynthKey> {
        let mut approved = BTreeSet::new();
        for act in &self.done {
            match act {
                Act::Approved { take } => {
                    approved.insert(take);
                }
                Act::Withdrawn { take } => {
                    approved.remove(take);
                }
                Act::Made | Act::Chosen { .. } | Act::Undone | Act::Redone => {}
            }
        }
        approved
    }

    fn choice(&self, now: &LineBasis) -> Choice<'_> {
        match self.last_choice() {
            None => Choice::Usual,
            Some((take, on)) if take.holds(on, now) => Choice::Stands(take),
            Some((take, on)) => Choice::Lapsed(take, on),
        }
    }

    fn last_choice(&self) -> Option<(&KnownTake, &LineBasis)> {
        let chosen = self.done.iter().rev().find_map(|act| match act {
            Act::Chosen { take, on } => Some((take, on)),
            Act::Made
            | Act::Approved { .. }
            | Act::Withdrawn { .. }
            | Act::Undone
            | Act::Redone => None,
        });
        let (key, on) = chosen?;
        self.takes.iter().find(|take| take.key == *key).map(|take| (take, on))
    }

    fn know(&mut self, takes: Vec<KnownTake>) {
        for take in takes {
            if self.number(&take.key).is_none() {
                self.takes.push(take);
            }
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Made => {}
            Act::Undone => self.undone.extend(self.done.pop()),
            Act::Redone => self.done.extend(self.undone.pop()),
            Act::Chosen { .. } | Act::Approved { .. } | Act::Withdrawn { .. } => {
                self.done.push(act);
                self.undone.clear();
            }
        }
    }
}
