//! From candidates to a voice that can be locked.

use ::voices::{Consent, LockedVoice, Made, MoodRules, NEUTRAL, Provenance, Quality, Source, Take};
use schemas::{Voice, VoiceSource};

use super::draft::{Candidate, Draft, DraftError};

/// Which candidate is a voice's take of a mood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The mood, e.g. `whisper`.
    pub mood: String,
    /// The candidate's number.
    pub number: u32,
}

/// Why a draft cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It lacks a candidate.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// Nobody chose.
    #[error("no candidate of `{0}` was chosen: tableread voices choose {0} NUMBER")]
    NotChosen(::voices::VoiceName),
}

/// The choices with the draft's chosen candidate as the neutral take, where they name none.
///
/// # Errors
/// [`LockError::NotChosen`] when neither says which take is neutral.
pub fn chosen(draft: &Draft, mut choices: Vec<Choice>) -> Result<Vec<Choice>, LockError> {
    if choices.iter().all(|choice| choice.mood != NEUTRAL) {
        let number = draft.chosen.ok_or_else(|| LockError::NotChosen(draft.name.clone()))?;
        choices.insert(0, Choice { mood: NEUTRAL.to_owned(), number });
    }
    Ok(choices)
}

/// The candidate that a voice is known by: its neutral one.
///
/// # Errors
/// [`LockError`] when the draft does not have it.
pub fn neutral<'a>(draft: &'a Draft, choices: &[Choice]) -> Result<&'a Candidate, LockError> {
    let choice = choices.iter().find(|choice| choice.mood == NEUTRAL);
    let choice = choice.ok_or_else(|| LockError::NotChosen(draft.name.clone()))?;
    Ok(draft.candidate(choice.number)?)
}

/// Makes the voice of which a draft's chosen candidates are the takes; what models make of it is not in it
/// yet. `locked_at` as [`::voices::rfc3339`] writes it.
///
/// # Errors
/// [`LockError`] when the draft lacks one of them.
pub fn to_lock(
    draft: &Draft,
    choices: &[Choice],
    moods: MoodRules,
    locked_at: String,
) -> Result<LockedVoice, LockError> {
    let neutral = neutral(draft, choices)?;
    let mut takes = Vec::new();
    let mut sources = Vec::new();
    let mut languages = vec![neutral.language.clone()];
    for choice in choices {
        let candidate = draft.candidate(choice.number)?;
        if !languages.contains(&candidate.language) {
            languages.push(candidate.language.clone());
        }
        takes.push(take(choice, candidate));
        sources.push(source(candidate));
    }
    let count = u32::try_from(draft.candidates.len()).unwrap_or(u32::MAX);
    Ok(LockedVoice {
        languages,
        profile: neutral.profile.clone(),
        description: neutral.description.clone(),
        consent: Consent::Synthetic {
            model: neutral.model.clone(),
            describe: described(neutral),
            seed: Some(neutral.seed),
        },
        provenance: Provenance {
            made: Made::Designed { candidate: neutral.number, candidates: count },
            locked_at,
            tool: concat!("tableread ", env!("CARGO_PKG_VERSION")).to_owned(),
            sources,
        },
        takes,
        moods,
        models: std::collections::BTreeMap::new(),
    })
}

/// What the model was told; a synthesiser is told a timbre.
fn described(candidate: &Candidate) -> String {
    match &candidate.source {
        VoiceSource::Design { describe } => describe.clone(),
        VoiceSource::Scratch { pitch, formant, rate, .. } => {
            format!("pitch {pitch}, formant {formant}, rate {rate}")
        }
        VoiceSource::Preset { speaker, .. } => speaker.clone(),
        VoiceSource::Clone { .. } | VoiceSource::Recorded { .. } => candidate.description.clone(),
    }
}

fn take(choice: &Choice, candidate: &Candidate) -> Take {
    Take {
        mood: choice.mood.clone(),
        audio: candidate.audio.clone(),
        transcript: Some(candidate.text.clone()),
        language: candidate.language.clone(),
        duration_ms: candidate.duration_ms,
        lufs: candidate.lufs,
        quality: Quality { peak_dbfs: Some(candidate.peak_dbfs), ..Quality::default() },
    }
}

/// What a model spoke is its own source: the hash is that of the take.
fn source(candidate: &Candidate) -> Source {
    let (sha256, bytes) = (candidate.audio.as_str().to_owned(), candidate.audio_bytes);
    Source { sha256, bytes, format: "wav".to_owned() }
}

/// A voice as a base model speaks it by one of its takes: what prompts are made for.
#[must_use]
pub fn cloned(name: &str, model: &str, take: &Take) -> Voice {
    let source = VoiceSource::Clone { reference: take.reference() };
    Voice { name: name.to_owned(), model: model.to_owned(), source }
}
