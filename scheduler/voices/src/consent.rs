//! By whose leave a voice is heard.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VoiceError;

/// By whose leave a voice is heard. Every locked voice has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Consent {
    /// The speaker locked the voice.
    Own {
        /// Who that is and where it is recorded, if anything is to be said of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
    },
    /// The speaker let others do so.
    Granted {
        /// Who granted it, and where that is recorded.
        note: Note,
    },
    /// Nobody was recorded: a model spoke.
    Synthetic {
        /// Its name, e.g. `qwen3-tts-12hz-1.7b-voicedesign`.
        model: String,
        /// The description it spoke by.
        describe: String,
        /// Of its sampler; unknown for voices that other programs designed.
        #[serde(skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
}

/// By whose leave a person's recording is cloned: there is no recording without one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingConsent {
    /// The speaker is who locks the voice.
    Own {
        /// See [`Consent::Own`].
        note: Option<Note>,
    },
    /// The speaker has granted it.
    Granted {
        /// See [`Consent::Granted`].
        note: Note,
    },
}

impl From<RecordingConsent> for Consent {
    fn from(consent: RecordingConsent) -> Self {
        match consent {
            RecordingConsent::Own { note } => Self::Own { note },
            RecordingConsent::Granted { note } => Self::Granted { note },
        }
    }
}

impl Consent {
    /// Whether nobody was recorded.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        matches!(self, Self::Synthetic { .. })
    }
}

/// A few words that say something: 1 to 2000 characters, not only spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Note(String);

impl Note {
    /// Accepts a note; spaces around it go.
    ///
    /// # Errors
    /// [`VoiceError::Invalid`] when nothing is left, or too much.
    pub fn parse(note: impl AsRef<str>) -> Result<Self, VoiceError> {
        let note = note.as_ref().trim();
        if note.is_empty() {
            return Err(VoiceError::Invalid(
                "the note on consent is empty: say who granted it and where that is recorded"
                    .into(),
            ));
        }
        if note.chars().count() > 2_000 {
            return Err(VoiceError::Invalid(
                "the note on consent is longer than 2000 characters: say where it is recorded"
                    .into(),
            ));
        }
        Ok(Self(note.to_owned()))
    }

    /// The note as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Note {
    type Error = VoiceError;

    fn try_from(note: String) -> Result<Self, VoiceError> {
        Self::parse(note)
    }
}

impl From<Note> for String {
    fn from(note: Note) -> Self {
        note.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_that_was_granted_says_where_that_is_recorded() {
        let read = |json: &str| serde_json::from_str::<Consent>(json);
        assert!(read(r#"{"kind": "granted", "note": "Ana Ruiz, signed 2026-02-01"}"#).is_ok());
        for bad in [
            r#"{"kind": "granted"}"#,
            r#"{"kind": "granted", "note": "  "}"#,
            r#"{"kind": "unknown"}"#,
            r#"{"kind": "synthetic", "model": "m"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
