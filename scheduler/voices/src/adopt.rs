//! Recordings and voices of other programs, made into voices of ours.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemas::RecordingKey;

use crate::name::is_usable;
use crate::{
    Clip, Consent, Embedder, Foreign, LockedVoice, Made, MoodRules, NEUTRAL, Note, Profile,
    Provenance, Recording, RecordingConsent, Take, VoiceError, take_in,
};

/// Recordings that are made into takes of one voice.
const MOST_CLIPS: usize = 64;

/// A recording that is to be a take.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTake {
    /// Its mood, named as voices are.
    pub mood: String,
    /// What is said in it, where that is known.
    pub transcript: Option<String>,
    /// BCP 47.
    pub language: String,
    /// The recording.
    pub recording: Recording,
}

/// What is known of a voice beside its takes.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Who it is to the ear.
    pub profile: Profile,
    /// The same in words.
    pub description: String,
    /// RFC 3339, see [`crate::rfc3339`].
    pub locked_at: String,
    /// Which program locks it, with its version.
    pub tool: String,
}

/// A voice that can be locked once its audio is in the library.
#[derive(Debug, Clone, PartialEq)]
pub struct Unlocked {
    /// The voice.
    pub voice: LockedVoice,
    /// Audio of its takes.
    pub audio: BTreeMap<RecordingKey, Bytes>,
    /// What could be better about its recordings, each as a sentence that begins with the mood.
    pub advice: Vec<String>,
}

/// Makes a voice of recordings of a person, by whose leave it is.
///
/// # Errors
/// [`VoiceError::Invalid`] when it is no voice, e.g. without takes or with two of one mood.
pub fn clone_voice(
    about: About,
    takes: Vec<NewTake>,
    consent: RecordingConsent,
) -> Result<Unlocked, VoiceError> {
    of_takes(about, takes, consent.into(), Made::Recorded)
}

fn of_takes(
    about: About,
    takes: Vec<NewTake>,
    consent: Consent,
    made: Made,
) -> Result<Unlocked, VoiceError> {
    let mut languages: Vec<String> = Vec::new();
    let (mut audio, mut advice, mut sources) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut kept = Vec::new();
    for NewTake { mood, transcript, language, recording } in takes {
        if !languages.contains(&language) {
            languages.push(language.clone());
        }
        advice.extend(recording.advice.iter().map(|words| format!("{mood}: {words}")));
        sources.push(recording.source);
        let wav = Bytes::from(recording.wav);
        let key = RecordingKey::of(&wav);
        audio.insert(key.clone(), wav);
        kept.push(Take {
            mood,
            audio: key,
            transcript,
            language,
            duration_ms: recording.duration_ms,
            lufs: recording.lufs,
            quality: recording.quality,
        });
    }
    let provenance = Provenance { made, locked_at: about.locked_at, tool: about.tool, sources };
    let voice = LockedVoice {
        languages,
        profile: about.profile,
        description: about.description,
        consent,
        provenance,
        takes: kept,
        moods: MoodRules::default(),
        models: BTreeMap::new(),
    };
    voice.check()?;
    Ok(Unlocked { voice, audio, advice })
}

impl Foreign {
    /// Makes a voice of ours of what another program wrote: its recordings become takes as those do that
    /// are handed in. `consent` stands for what the file does not say.
    ///
    /// # Errors
    /// [`VoiceError::Invalid`] when there is no recording, or when neither the file nor `consent` says by
    /// whose leave the voice is used; otherwise as [`take_in`].
    pub fn adopt(
        &self,
        locked_at: &str,
        tool: &str,
        consent: Option<RecordingConsent>,
        mut embedder: Option<&mut dyn Embedder>,
    ) -> Result<Unlocked, VoiceError> {
        let name = &self.manifest.voice.name;
        if self.clips.is_empty() {
            return Err(VoiceError::Invalid(format!(
                "only words describe `{name}`, there is no recording to clone; design a voice by them: {}",
                self.manifest.voice.description
            )));
        }
        let consent = self.consent(consent)?;
        let mut takes: Vec<NewTake> = Vec::new();
        for clip in self.clips.iter().take(MOST_CLIPS) {
            let hears = embedder.as_mut().map(|embedder| &mut **embedder as &mut dyn Embedder);
            let recording = take_in(&clip.bytes, hears).map_err(|error| of_clip(clip, &error))?;
            let language = clip.language.clone().or_else(|| self.manifest.voice.language.clone());
            takes.push(NewTake {
                mood: mood_of(clip, &takes),
                transcript: clip.transcript.clone(),
                language: language.unwrap_or_else(|| "en".to_owned()),
                recording,
            });
        }
        let from = self.manifest.provenance.clone().unwrap_or_default();
        let about = About {
            profile: self.profile(),
            description: self.manifest.voice.description.clone(),
            locked_at: locked_at.to_owned(),
            tool: tool.to_owned(),
        };
        let made = Made::Imported { method: from.method, engine: from.engine };
        of_takes(about, takes, consent, made)
    }

    /// By whose leave: what the file says, else what was said on import. A designed voice has nobody's.
    fn consent(&self, given: Option<RecordingConsent>) -> Result<Consent, VoiceError> {
        let from = self.manifest.provenance.clone().unwrap_or_default();
        let note = from.notes.as_deref().and_then(|notes| Note::parse(notes).ok());
        match (given, from.consent.as_deref(), from.method.as_deref()) {
            (Some(given), _, _) => Ok(given.into()),
            (None, Some("self"), _) => Ok(Consent::Own { note }),
            (None, Some("granted"), _) => {
                let said = format!("granted, as the voice file {} says", self.manifest.id);
                Ok(Consent::Granted { note: note.map_or_else(|| Note::parse(said), Ok)? })
            }
            (None, None, Some("designed" | "synthesized")) => Ok(Consent::Synthetic {
                model: from.engine.unwrap_or_else(|| "unknown".to_owned()),
                describe: self.manifest.voice.description.clone(),
                seed: None,
            }),
            (None, _, _) => Err(VoiceError::Invalid(format!(
                "nothing in the file says by whose leave `{}` is used: if you have it, say so with \
                 --consent own, or --consent granted --note WHERE-THAT-IS-RECORDED",
                self.manifest.voice.name
            ))),
        }
    }

    fn profile(&self) -> Profile {
        let voice = &self.manifest.voice;
        let prosody = self.manifest.prosody.clone().unwrap_or_default();
        Profile {
            gender: voice.gender.clone(),
            age: voice.age_range.map(|(youngest, oldest)| format!("{youngest} to {oldest}")),
            pitch: prosody.pitch_base,
            pace: prosody.rate,
            mood: prosody.emotion_default,
            ..Profile::default()
        }
    }
}

/// A clip's mood: its context where that is one plain word, else neutral for the first and a number for
/// those after it.
fn mood_of(clip: &Clip, before: &[NewTake]) -> String {
    let is_free = |mood: &str| before.iter().all(|take| take.mood != mood);
    let context = clip.context.as_deref().map(|context| context.trim().to_lowercase());
    let named = context.filter(|context| is_usable(context) && is_free(context));
    let number = format!("take-{}", before.len() + 1);
    named.unwrap_or_else(|| if is_free(NEUTRAL) { NEUTRAL.to_owned() } else { number })
}

fn of_clip(clip: &Clip, error: &VoiceError) -> VoiceError {
    VoiceError::Invalid(format!("{} in the voice file: {error}", clip.file))
}
