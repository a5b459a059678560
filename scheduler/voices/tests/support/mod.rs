//! A library in memory, and voices to put into it.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::collections::BTreeMap;

use schemas::{RecordingKey, VoiceObjectKey};
use store::Store;
use voices::{
    Consent, Embedding, Library, LockedVoice, Made, ModelVoice, MoodRules, Profile, Prompt,
    PromptForm, Provenance, Quality, Take,
};

/// An empty library.
pub(crate) async fn library() -> Library {
    Library::new(Store::open("memory:").await.unwrap())
}

/// The audio of one of a voice's takes, as far as a library cares.
pub(crate) fn audio(of: &str, mood: &str) -> Vec<u8> {
    format!("audio of {of}, {mood}").into_bytes()
}

/// A designed voice of two takes, whose audio is [`audio`].
pub(crate) fn voice(of: &str) -> LockedVoice {
    let take = |mood: &str| Take {
        mood: mood.into(),
        audio: RecordingKey::of(&audio(of, mood)),
        transcript: Some(format!("What {of} says.")),
        language: "en".into(),
        duration_ms: 4_200,
        lufs: Some(-23.0),
        quality: Quality { peak_dbfs: Some(-3.1), ..Quality::default() },
    };
    LockedVoice {
        languages: vec!["en".into()],
        profile: Profile {
            gender: Some("female".into()),
            age: Some("67".into()),
            pitch: Some("low".into()),
            ..Profile::default()
        },
        description: format!("A woman called {of}."),
        consent: Consent::Synthetic {
            model: "qwen3-tts-12hz-1.7b-voicedesign".into(),
            describe: format!("A woman called {of}."),
            seed: Some(7),
        },
        provenance: Provenance {
            made: Made::Designed { candidate: 1, candidates: 3 },
            locked_at: "2026-11-21T16:05:01Z".into(),
            tool: "tableread 0.1.0".into(),
            sources: Vec::new(),
        },
        takes: vec![take("neutral"), take("whisper")],
        moods: MoodRules([("sotto voce".into(), "whisper".into())].into()),
        models: BTreeMap::new(),
    }
}

/// The same, with its audio in the library.
pub(crate) async fn put_voice(library: &Library, of: &str) -> LockedVoice {
    for mood in ["neutral", "whisper"] {
        library.put_audio(audio(of, mood)).await.unwrap();
    }
    voice(of)
}

/// What one model made of a voice: an embedding and one prompt.
pub(crate) fn model(
    object: &VoiceObjectKey,
    bytes: u64,
    form: PromptForm,
) -> BTreeMap<String, ModelVoice> {
    let prompt =
        Prompt { mood: "neutral".into(), language: None, form, object: object.clone(), bytes };
    let embedding = Embedding::new(vec![0.25, -1.5, 3.0]).unwrap();
    let model = ModelVoice { weights_sha256: "ab".repeat(32), embedding, prompts: vec![prompt] };
    [("qwen3-tts-12hz-0.6b-base".to_owned(), model)].into()
}
