//! Which voices an episode needs ready, before a line of it is spoken.

use std::collections::BTreeMap;

use schemas::{LineJob, PromptKey, Voice, VoiceKey, VoiceSource};

/// A cloned voice that lines of an episode are spoken in, and the language they are in.
#[derive(Debug, Clone, PartialEq)]
pub struct Warmth {
    /// The voice.
    pub voice: Voice,
    /// BCP 47.
    pub language: String,
    /// What has to speak it, by name and version.
    pub engine: String,
    /// Lines it has.
    pub lines: u64,
}

/// The voices that jobs need made ready, each once, by the key under which workers share them. Voices
/// without a recording are made as fast as they would be fetched: they are not among them.
#[must_use]
pub fn prompts_of<'a>(
    voices: impl IntoIterator<Item = &'a Voice>,
    jobs: impl IntoIterator<Item = &'a LineJob>,
) -> BTreeMap<PromptKey, Warmth> {
    let voices: BTreeMap<VoiceKey, &Voice> =
        voices.into_iter().map(|voice| (voice.key(), voice)).collect();
    let mut needed: BTreeMap<PromptKey, Warmth> = BTreeMap::new();
    let is_cloned = |voice: &Voice| matches!(voice.source, VoiceSource::Clone { .. });
    for job in jobs {
        let Some(voice) = voices.get(&job.voice).filter(|voice| is_cloned(voice)) else { continue };
        let Some(key) = worker::shared_key(&job.engine, voice, &job.language) else { continue };
        let warmth = needed.entry(key).or_insert_with(|| Warmth {
            voice: (*voice).clone(),
            language: job.language.clone(),
            engine: job.engine.clone(),
            lines: 0,
        });
        warmth.lines += 1;
    }
    needed
}
