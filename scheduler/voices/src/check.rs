//! What every locked voice keeps to.

use std::collections::BTreeSet;

use crate::name::is_usable;
use crate::{Consent, LockedVoice, Made, ModelVoice, Take, VoiceError};

/// Takes a voice may have: dozens of moods in a handful of languages.
const MOST_TAKES: usize = 256;
/// Models that may have made something of a voice.
const MOST_MODELS: usize = 32;
/// Prompts of one model.
const MOST_PROMPTS: usize = 1_024;
/// Rules of moods.
const MOST_RULES: usize = 1_024;
/// Characters of any text.
const LONGEST_TEXT: usize = 2_000;

impl LockedVoice {
    /// Whether the voice is as locked voices are: it has takes and a language, no two takes for one
    /// mood and language, consent that fits where it comes from, and nothing beyond all measure.
    ///
    /// # Errors
    /// [`VoiceError::Invalid`] says what is wrong.
    pub fn check(&self) -> Result<(), VoiceError> {
        count("language", self.languages.len(), 1, MOST_TAKES)?;
        count("take", self.takes.len(), 1, MOST_TAKES)?;
        count("model", self.models.len(), 0, MOST_MODELS)?;
        count("mood rule", self.moods.0.len(), 0, MOST_RULES)?;
        text("description", &self.description)?;
        self.languages.iter().try_for_each(|tag| language(tag))?;
        self.check_consent()?;
        self.check_takes()?;
        for (name, model) in &self.models {
            self.check_model(name, model)?;
        }
        for (words, mood) in &self.moods.0 {
            text("words of a mood rule", words)?;
            self.check_mood("a mood rule", mood)?;
        }
        Ok(())
    }

    fn check_consent(&self) -> Result<(), VoiceError> {
        match (&self.provenance.made, &self.consent) {
            (Made::Recorded, Consent::Synthetic { .. }) => invalid(
                "the voice was recorded, so its consent is a person's: own, or granted with a note",
            ),
            (Made::Designed { .. }, Consent::Own { .. } | Consent::Granted { .. }) => {
                invalid("the voice was designed, so its consent is synthetic")
            }
            (_, Consent::Synthetic { describe, .. }) => text("description of the design", describe),
            (_, Consent::Own { .. } | Consent::Granted { .. }) => Ok(()),
        }
    }

    fn check_takes(&self) -> Result<(), VoiceError> {
        let mut seen = BTreeSet::new();
        for Take { mood, language: tag, transcript, .. } in &self.takes {
            if !is_usable(mood) {
                return invalid(format!(
                    "`{mood}` is no mood: use 1 to 64 of a-z, 0-9, `-` and `_`, e.g. `whisper`"
                ));
            }
            language(tag)?;
            if let Some(transcript) = transcript {
                text("transcript", transcript)?;
            }
            if !seen.insert((mood, tag.to_lowercase())) {
                return invalid(format!(
                    "two takes are {mood} in {tag}: give each a mood of its own"
                ));
            }
        }
        Ok(())
    }

    fn check_model(&self, name: &str, model: &ModelVoice) -> Result<(), VoiceError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > 100 || !name.chars().all(is_plain) {
            return invalid(format!("`{name}` is no model's name"));
        }
        count("prompt", model.prompts.len(), 0, MOST_PROMPTS)?;
        for prompt in &model.prompts {
            self.check_mood("a prompt", &prompt.mood)?;
            prompt.language.as_deref().map_or(Ok(()), language)?;
        }
        Ok(())
    }

    fn check_mood(&self, of: &str, mood: &str) -> Result<(), VoiceError> {
        let moods = self.mood_names();
        if moods.contains(&mood) {
            return Ok(());
        }
        invalid(format!(
            "{of} is for `{mood}`, of which there is no take; there are: {}",
            moods.join(", ")
        ))
    }
}

fn invalid<T>(problem: impl Into<String>) -> Result<T, VoiceError> {
    Err(VoiceError::Invalid(problem.into()))
}

fn count(what: &str, found: usize, least: usize, most: usize) -> Result<(), VoiceError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    invalid(format!("a voice with {found} {what}s: expected {least} to {most}"))
}

fn text(what: &str, text: &str) -> Result<(), VoiceError> {
    let length = text.chars().count();
    if length <= LONGEST_TEXT {
        return Ok(());
    }
    invalid(format!("the {what} has {length} characters: expected at most {LONGEST_TEXT}"))
}

/// A tag that is plain enough for paths; which languages a model speaks is the model's to say.
fn language(tag: &str) -> Result<(), VoiceError> {
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    if tag.len() <= 35 && tag.split('-').all(is_part) {
        return Ok(());
    }
    invalid(format!("`{tag}` is no language: give it as BCP 47, e.g. `en` or `pt-BR`"))
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{take, voice};
    use crate::*;

    type Change<'a> = &'a dyn Fn(&mut LockedVoice);

    #[test]
    fn a_voice_that_is_none_is_refused_and_says_why() {
        let problem = |change: &dyn Fn(&mut LockedVoice)| {
            let mut voice = voice();
            change(&mut voice);
            voice.check().unwrap_err().to_string()
        };
        voice().check().unwrap();
        let granted = Note::parse("Ana Ruiz").map(|note| Consent::Granted { note }).unwrap();
        let cases: [(Change<'_>, &str); 9] = [
            (&|v| v.takes.clear(), "0 takes"),
            (&|v| v.languages.clear(), "0 languages"),
            (&|v| v.takes.push(take("neutral", "EN", b"x")), "two takes"),
            (&|v| v.takes[0].mood = "../up".into(), "no mood"),
            (&|v| v.takes[0].language = "../en".into(), "no language"),
            (&|v| v.takes[0].transcript = Some("x".repeat(2_001)), "2001 characters"),
            (&|v| v.provenance.made = Made::Recorded, "own, or granted"),
            (&|v| v.consent = granted.clone(), "synthetic"),
            (&|v| _ = v.moods.0.insert("yells".into(), "shout".into()), "no take"),
        ];
        for (change, words) in cases {
            let problem = problem(change);
            assert!(problem.contains(words), "{problem}");
        }
    }
}
