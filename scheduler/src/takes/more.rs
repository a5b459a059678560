//! Alternatives: the same line with other seeds, or in another direction.

use std::collections::BTreeSet;

use queue::NewSubmission;
use schemas::{
    ChosenKind, EpisodeId, GroupKey, LineId, LineRecord, ManifestVoice, QueuedLine, Submission,
    SynthInputs, SynthKey, Voice, VoiceSource,
};
use sha2::{Digest as _, Sha256};

use super::{KnownTake, LineBasis, LineTakes};
use crate::plan::{SubmissionSettings, submission_of};

/// Part of the episodes' ids that takes are rendered under, apart from the episode itself.
const APART: &str = ".takes.";

/// A direction that changes nothing in a voice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectionError {
    /// Its synthesiser understands none.
    #[error(
        "voice `{0}` is a timing track's and takes no directions; leave --direction out, or give the \
         character a voice of a model"
    )]
    Deaf(String),
    /// A cloned voice continues a recording, and none of this mood is heard in the episode.
    #[error(
        "voice `{voice}` is cloned and takes its mood from a recording; the episode has it in: {moods}"
    )]
    NoSuchMood {
        /// The voice's name.
        voice: String,
        /// Moods that there are.
        moods: String,
    },
}

/// The voice as it speaks in a direction; `others` are all voices of the episode.
///
/// # Errors
/// [`DirectionError`].
pub fn in_direction(
    voice: &Voice,
    direction: &str,
    others: &[Voice],
) -> Result<Voice, DirectionError> {
    let direction = direction.trim();
    let source = match &voice.source {
        VoiceSource::Preset { speaker, instruct } => {
            let instruct = Some(joined(instruct.as_deref().unwrap_or_default(), direction));
            VoiceSource::Preset { speaker: speaker.clone(), instruct }
        }
        VoiceSource::Design { describe } => {
            VoiceSource::Design { describe: joined(describe, direction) }
        }
        VoiceSource::Clone { .. } => return in_mood(voice, direction, others),
        VoiceSource::Scratch { .. } | VoiceSource::Recorded { .. } => {
            return Err(DirectionError::Deaf(voice.name.clone()));
        }
    };
    Ok(Voice { source, ..voice.clone() })
}

fn joined(first: &str, second: &str) -> String {
    let first = first.trim().trim_end_matches('.');
    if first.is_empty() { second.to_owned() } else { format!("{first}. {second}") }
}

fn in_mood(voice: &Voice, direction: &str, others: &[Voice]) -> Result<Voice, DirectionError> {
    let wanted = direction.to_lowercase();
    let mut moods = Vec::new();
    for other in others.iter().filter(|other| other.name == voice.name) {
        let VoiceSource::Clone { reference } = &other.source else { continue };
        if wanted.contains(&reference.mood.to_lowercase()) {
            return Ok(other.clone());
        }
        moods.push(reference.mood.clone());
    }
    Err(DirectionError::NoSuchMood { voice: voice.name.clone(), moods: moods.join(", ") })
}

/// What alternatives of a line are made of.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What script and cast give.
    pub usual: &'a KnownTake,
    /// What a choice rests on.
    pub basis: &'a LineBasis,
    /// The voice, in the direction.
    pub voice: &'a Voice,
    /// The direction.
    pub direction: Option<&'a str>,
    /// How many.
    pub count: usize,
}

/// As many takes of a line as are wished for, none of which is in `rendered`: those that were asked for
/// before and never rendered come first. The same wish over the same takes gives the same ones.
#[must_use]
pub fn alternatives(
    wish: &Wish<'_>,
    known: Option<&LineTakes>,
    rendered: &BTreeSet<SynthKey>,
) -> Vec<KnownTake> {
    let kind = ChosenKind::Spoken { direction: wish.direction.map(str::to_owned) };
    let before = known.map_or(&[][..], LineTakes::takes);
    let is_open = |take: &&KnownTake| {
        take.basis == *wish.basis
            && take.kind == kind
            && take.key != wish.usual.key
            && take.engine == wish.usual.engine
            && !rendered.contains(&take.key)
    };
    let mut takes: Vec<_> = before.iter().filter(is_open).take(wish.count).cloned().collect();
    let mut number = before.len() as u64 + 1;
    while takes.len() < wish.count {
        number += 1;
        let take = spoken_with(wish, seed(wish.usual.seed, number), kind.clone());
        if !rendered.contains(&take.key) && !before.iter().any(|one| one.key == take.key) {
            takes.push(take);
        }
    }
    takes
}

fn spoken_with(wish: &Wish<'_>, seed: u64, kind: ChosenKind) -> KnownTake {
    let usual = wish.usual;
    let key = SynthInputs {
        text: &usual.text,
        pauses: &usual.pauses,
        model: &wish.voice.model,
        source: &wish.voice.source,
        language: &usual.language,
        engine: &usual.engine,
        seed,
    }
    .key();
    let voice = wish.voice.key();
    KnownTake { key, basis: wish.basis.clone(), voice, seed, kind, ..usual.clone() }
}

/// The seed of a line's take of this number: the first eight bytes, big-endian, of a SHA-256 over the
/// usual take's seed and the number.
fn seed(usual: u64, number: u64) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(b"seed of a take/1\0");
    hasher.update(usual.to_be_bytes());
    hasher.update(number.to_be_bytes());
    let hash = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

/// A submission that renders takes of one line as one batch, apart from the episode they are of: it
/// replaces nothing, and nothing replaces it.
///
/// # Panics
/// Never: ids are cut to fit.
#[must_use]
pub fn submission_of_takes(
    of: &Submission,
    record: &LineRecord,
    takes: &[KnownTake],
    voice: &Voice,
) -> NewSubmission {
    let line = &record.job.id;
    let keys: Vec<&str> = takes.iter().map(|take| take.key.as_str()).collect();
    let hash = schemas::hex(&Sha256::digest(format!("{} {line} {}", of.episode, keys.concat())));
    let short = of.episode.as_str().get(..40).unwrap_or(of.episode.as_str());
    let apart = format!("{}{APART}{}", short.trim_end_matches('.'), &hash[..12]);
    let episode = EpisodeId::parse(apart).expect("the beginning of an id and digits are an id");
    let queued = |(order, take): (u32, &KnownTake)| {
        let mut job = record.job.clone();
        job.engine.clone_from(&take.engine);
        let group: GroupKey = take.put_into(&mut job, voice);
        let short = line.as_str().get(..70).unwrap_or(line.as_str());
        let name = format!("{}-{}", short.trim_end_matches('.'), order + 1);
        job.id = LineId::parse(name).expect("the beginning of an id and a number are an id");
        job.is_with_previous = false;
        QueuedLine { order, group, job, take: None }
    };
    let lines = (0..).zip(takes).map(queued).collect();
    let settings = SubmissionSettings {
        episode,
        priority: of.priority,
        max_attempts: of.max_attempts,
        shares: of.shares,
        tag: of.tag.clone(),
        mastering: of.mastering.clone(),
        takes: std::collections::BTreeMap::new(),
        restart: 0,
    };
    let voices = vec![ManifestVoice { key: voice.key(), voice: voice.clone() }];
    submission_of(&format!("{}: takes of {line}", of.title), voices, lines, &settings)
}

/// Whether an episode is none, but takes of a line on their way.
#[must_use]
pub fn of_takes(episode: &EpisodeId) -> bool {
    episode.as_str().contains(APART)
}
