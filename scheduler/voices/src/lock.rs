//! A voice that nobody can change any more.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemas::{LockKey, VoiceObjectKey};
use serde::{Deserialize, Serialize};

use crate::{
    Consent, Embedding, MoodRules, NEUTRAL, Profile, Provenance, Take, VoiceError, VoiceName,
};

/// Bytes a lock may have in JSON: a hundred times what one takes.
const MOST_BYTES: usize = 8 << 20;

/// A locked voice under its name and version.
///
/// Immutable: it is kept under the hash of its bytes, and a change is another version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lock {
    /// What it is called in the library.
    pub name: VoiceName,
    /// Counts up from 1 for each name; given by the library.
    pub version: u32,
    /// The voice.
    pub voice: LockedVoice,
}

/// What is locked, whatever it is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LockedVoice {
    /// What it speaks, as BCP 47; the first is what it speaks when nothing else is said. Never empty.
    pub languages: Vec<String>,
    /// Who it is to the ear.
    #[serde(default, skip_serializing_if = "Profile::is_empty")]
    pub profile: Profile,
    /// The same in words, as a model or a person was told: see [`Profile::description`].
    pub description: String,
    /// By whose leave it is heard.
    pub consent: Consent,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What it is cloned from, at least one; no two of one mood and language.
    pub takes: Vec<Take>,
    /// Which directions ask for which of its moods.
    #[serde(default)]
    pub moods: MoodRules,
    /// What models made of it, by their names, e.g. `qwen3-tts-12hz-0.6b-base`.
    #[serde(default)]
    pub models: BTreeMap<String, ModelVoice>,
}

/// What one model made of a voice. It follows from the takes: made anew it is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelVoice {
    /// Lower-case hex SHA-256 of the weights that made it.
    pub weights_sha256: String,
    /// Who speaks, by the neutral take; what is rendered later is compared with it.
    pub embedding: Embedding,
    /// Takes made ready for the model; may be none.
    #[serde(default)]
    pub prompts: Vec<Prompt>,
}

/// A reference take made ready for a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prompt {
    /// Of which take.
    pub mood: String,
    /// For lines of which language, BCP 47; for all that have none of their own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What its bytes are.
    pub form: PromptForm,
    /// The hash of its bytes, under which the library keeps them.
    pub object: VoiceObjectKey,
    /// How many they are, before the library compresses them.
    pub bytes: u64,
}

/// What the bytes of a prompt are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PromptForm {
    /// Codes, speaker and transcript, as other programs of this model family read and write them in
    /// voice files: good for every machine with the weights.
    Portable,
    /// What an engine keeps between runs, known to nobody but an engine of the same name.
    Engine {
        /// The engine's name, as in the key of a take.
        engine: String,
        /// The key under which the engine kept it, and by which alone it can be read.
        key: String,
    },
}

impl Lock {
    /// The lock as the library keeps it: the same lock gives the same bytes.
    ///
    /// # Panics
    /// Never: plain structs with text keys always serialise.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain structs with text keys always serialise")
    }

    /// Reads a lock from bytes that anybody may have written.
    ///
    /// # Errors
    /// [`VoiceError::Unreadable`] when they are none, and [`VoiceError::Invalid`] when the lock is not as
    /// locks are: see [`LockedVoice::check`].
    pub fn from_json(json: &[u8]) -> Result<Self, VoiceError> {
        if json.len() > MOST_BYTES {
            return Err(VoiceError::Invalid(format!(
                "a lock of {} bytes: expected at most {MOST_BYTES}",
                json.len()
            )));
        }
        let lock: Self = serde_json::from_slice(json).map_err(VoiceError::Unreadable)?;
        if lock.version == 0 {
            return Err(VoiceError::Invalid("versions of a voice count from 1".into()));
        }
        lock.voice.check()?;
        Ok(lock)
    }

    /// Where the library keeps it: the hash of [`Self::to_json`].
    #[must_use]
    pub fn object_key(&self) -> VoiceObjectKey {
        VoiceObjectKey::of(&self.to_json())
    }
}

impl LockedVoice {
    /// The key of all that decides how it sounds: what is heard and said in its takes, and which
    /// directions choose them. Names, words about it, consent and what models made of it are not in it.
    #[must_use]
    pub fn key(&self) -> LockKey {
        let takes = self.takes.iter().map(|take| {
            (&take.mood, &take.audio, take.transcript.as_deref(), take.language.as_str())
        });
        LockKey::of(&(takes.collect::<Vec<_>>(), &self.moods))
    }

    /// Its moods, in the order of its takes.
    #[must_use]
    pub fn mood_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for take in &self.takes {
            if !names.contains(&take.mood.as_str()) {
                names.push(&take.mood);
            }
        }
        names
    }

    /// The mood of a line that asks for none: [`NEUTRAL`], else the first take's.
    #[must_use]
    pub fn usual_mood(&self) -> &str {
        let moods = self.mood_names();
        moods
            .iter()
            .copied()
            .find(|mood| *mood == NEUTRAL)
            .or(moods.first().copied())
            .unwrap_or(NEUTRAL)
    }

    /// The take of a mood for a line in a language: in exactly it, else in the same base language
    /// (`es-MX` takes `es`), else the mood's first. `None` when it has no such mood.
    #[must_use]
    pub fn take(&self, mood: &str, language: &str) -> Option<&Take> {
        let of_mood = || self.takes.iter().filter(|take| take.mood == mood);
        let tagged = of_mood().map(|take| (Some(take.language.as_str()), take));
        in_language(tagged, language).or_else(|| of_mood().next())
    }

    /// The take by which the voice is known: its usual mood's in its first language.
    #[must_use]
    pub fn usual_take(&self) -> Option<&Take> {
        self.take(self.usual_mood(), self.languages.first().map_or("", String::as_str))
    }
}

impl ModelVoice {
    /// The prompt of a mood for a line in a language: for exactly it, else for its base language, else
    /// the one for all. `is_wanted` says which forms will do.
    #[must_use]
    pub fn prompt(
        &self,
        mood: &str,
        language: &str,
        is_wanted: impl Fn(&PromptForm) -> bool,
    ) -> Option<&Prompt> {
        let of_mood =
            self.prompts.iter().filter(|prompt| prompt.mood == mood && is_wanted(&prompt.form));
        in_language(of_mood.map(|prompt| (prompt.language.as_deref(), prompt)), language)
    }
}

/// Resolves a language as voice files do: exact, base, default. Case does not count.
pub(crate) fn in_language<'a, T>(
    mut items: impl Iterator<Item = (Option<&'a str>, T)> + Clone,
    language: &str,
) -> Option<T> {
    let base = |tag: &str| tag.split('-').next().unwrap_or_default().to_lowercase();
    let is = |wanted: &dyn Fn(&str) -> bool| {
        let mut items = items.clone();
        items.find(|(tag, _)| tag.is_some_and(wanted)).map(|(_, item)| item)
    };
    is(&|tag| tag.eq_ignore_ascii_case(language))
        .or_else(|| is(&|tag| tag.eq_ignore_ascii_case(&base(language))))
        .or_else(|| items.find(|(tag, _)| tag.is_none()).map(|(_, item)| item))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Made, Quality};
    use schemas::RecordingKey;

    /// A take whose audio is the given bytes.
    pub(crate) fn take(mood: &str, language: &str, audio: &[u8]) -> Take {
        Take {
            mood: mood.to_owned(),
            audio: RecordingKey::of(audio),
            transcript: Some(format!("The {mood} words of a take.")),
            language: language.to_owned(),
            duration_ms: 4_200,
            lufs: Some(-23.0),
            quality: Quality::default(),
        }
    }

    /// A designed voice with three takes.
    pub(crate) fn voice() -> LockedVoice {
        LockedVoice {
            languages: vec!["en".into(), "de".into()],
            profile: Profile { gender: Some("female".into()), ..Profile::default() },
            description: "A woman who keeps a lighthouse.".into(),
            consent: Consent::Synthetic {
                model: "qwen3-tts-12hz-1.7b-voicedesign".into(),
                describe: "A woman who keeps a lighthouse.".into(),
                seed: Some(7),
            },
            provenance: Provenance {
                made: Made::Designed { candidate: 2, candidates: 5 },
                locked_at: "2026-11-21T16:05:01Z".into(),
                tool: "tableread 0.1.0".into(),
                sources: Vec::new(),
            },
            takes: vec![
                take("neutral", "en", b"neutral"),
                take("neutral", "de", b"neutral de"),
                take("whisper", "en", b"whisper"),
            ],
            moods: MoodRules([("sotto voce".into(), "whisper".into())].into()),
            models: BTreeMap::new(),
        }
    }

    fn prompt(mood: &str, language: Option<&str>) -> Prompt {
        let language = language.map(str::to_owned);
        let object = VoiceObjectKey::of(format!("{mood} {language:?}").as_bytes());
        Prompt { mood: mood.into(), language, form: PromptForm::Portable, object, bytes: 1 }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let mut lock = Lock { name: VoiceName::parse("mira").unwrap(), version: 3, voice: voice() };
        let embedding = Embedding::new(vec![0.1, -1e-40, 3e30]).unwrap();
        let prompts = vec![prompt("neutral", None)];
        let model = ModelVoice { weights_sha256: "ab".repeat(32), embedding, prompts };
        lock.voice.models.insert("qwen3-tts-12hz-0.6b-base".into(), model);
        let read = Lock::from_json(&lock.to_json()).unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.object_key(), lock.object_key());
    }

    #[test]
    fn what_is_said_of_a_voice_is_not_in_its_key_and_what_is_heard_is() {
        let key = voice().key();
        let with = |change: &dyn Fn(&mut LockedVoice)| {
            let mut voice = voice();
            change(&mut voice);
            voice.key()
        };
        assert_eq!(with(&|voice| voice.description = "A boy.".into()), key);
        assert_eq!(with(&|voice| voice.provenance.locked_at = "1970-01-01T00:00:00Z".into()), key);
        assert_eq!(with(&|voice| voice.takes[0].quality.clipped_samples = 9), key);
        assert_ne!(with(&|voice| voice.takes[0].audio = RecordingKey::of(b"another")), key);
        assert_ne!(with(&|voice| voice.takes[0].transcript = None), key);
        assert_ne!(with(&|voice| voice.takes[0].mood = "calm".into()), key);
        assert_ne!(with(&|voice| voice.takes.truncate(2)), key);
        assert_ne!(with(&|voice| voice.moods = MoodRules::default()), key);
    }

    /// A changed hash would give every locked voice another key: change it knowingly.
    #[test]
    fn keys_are_the_same_in_every_build() {
        assert_eq!(
            voice().key().as_str(),
            "9aa3aa56ae694977f0f2c3930c06b794b974f240a1631f97932d8c8d0ae9453d"
        );
    }

    #[test]
    fn a_line_finds_the_take_of_its_language_its_base_or_the_first() {
        let voice = voice();
        let language = |mood: &str, language: &str| {
            voice.take(mood, language).map(|take| take.language.as_str())
        };
        assert_eq!(language("neutral", "de"), Some("de"));
        assert_eq!(language("neutral", "de-AT"), Some("de"));
        assert_eq!(language("neutral", "DE"), Some("de"));
        assert_eq!(language("neutral", "fr"), Some("en"));
        assert_eq!(language("whisper", "de"), Some("en"));
        assert_eq!(language("shout", "en"), None);
        assert_eq!(voice.usual_mood(), "neutral");
        assert_eq!(voice.mood_names(), ["neutral", "whisper"]);
    }

    #[test]
    fn a_prompt_is_found_by_exact_base_and_default_language() {
        let prompts =
            [None, Some("es"), Some("fr-FR")].map(|language| prompt("neutral", language)).to_vec();
        let embedding = Embedding::new(vec![1.0]).unwrap();
        let model = ModelVoice { weights_sha256: "ab".repeat(32), embedding, prompts };
        let language = |wanted: &str| {
            model.prompt("neutral", wanted, |_| true).map(|prompt| prompt.language.as_deref())
        };
        assert_eq!(language("es"), Some(Some("es")));
        assert_eq!(language("es-MX"), Some(Some("es")));
        assert_eq!(language("fr-fr"), Some(Some("fr-FR")));
        assert_eq!(language("fr"), Some(None));
        assert_eq!(language("de"), Some(None));
        assert_eq!(model.prompt("whisper", "es", |_| true), None);
        assert_eq!(model.prompt("neutral", "es", |form| *form != PromptForm::Portable), None);
    }
}
