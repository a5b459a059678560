//! Looking at every byte of the library.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{Library, Lock, VoiceError, VoiceName};

/// What [`Library::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdicts {
    /// Versions that were looked at.
    pub voices: u64,
    /// Objects that were read and hashed, each once.
    pub objects: u64,
    /// What is wrong, by voice.
    pub faults: Vec<Fault>,
}

/// Something of a voice that is not as it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// Name of the voice.
    pub name: VoiceName,
    /// Its version.
    pub version: u32,
    /// What is wrong and what to do.
    pub problem: String,
}

impl Library {
    /// Reads and hashes all of a voice's versions, or of all voices; `seen` is told of each version.
    ///
    /// # Errors
    /// When the store cannot be read; what is wrong with a voice is in the result.
    pub async fn verify(
        &self,
        name: Option<&VoiceName>,
        mut seen: impl FnMut(&str),
    ) -> Result<Verdicts, VoiceError> {
        let mut verdicts = Verdicts::default();
        let mut read = BTreeSet::new();
        let names = self.names().await?;
        if let Some(name) = name.filter(|name| !names.contains_key(name)) {
            self.get(name, None).await?;
        }
        let wanted = names.iter().filter(|(found, _)| name.is_none_or(|name| name == *found));
        for (name, versions) in wanted {
            for &version in versions {
                seen(&format!("{name} {version}"));
                verdicts.voices += 1;
                let problems = self.problems(name, version, &mut read).await?;
                let fault = |problem| Fault { name: name.clone(), version, problem };
                verdicts.faults.extend(problems.into_iter().map(fault));
            }
        }
        verdicts.objects = read.len() as u64;
        Ok(verdicts)
    }

    async fn problems(
        &self,
        name: &VoiceName,
        version: u32,
        read: &mut BTreeSet<String>,
    ) -> Result<Vec<String>, VoiceError> {
        let lock = match self.get(name, Some(version)).await {
            Ok(lock) => lock,
            Err(error) => return Ok(vec![told(error)?]),
        };
        read.insert(lock.object_key().to_string());
        let mut problems = Vec::new();
        self.check_takes(&lock, read, &mut problems).await?;
        self.check_prompts(&lock, read, &mut problems).await?;
        Ok(problems)
    }

    async fn check_takes(
        &self,
        lock: &Lock,
        read: &mut BTreeSet<String>,
        problems: &mut Vec<String>,
    ) -> Result<(), VoiceError> {
        for take in &lock.voice.takes {
            match self.audio(lock, take).await {
                Ok(_) => _ = read.insert(take.audio.to_string()),
                Err(error) => problems.push(told(error)?),
            }
        }
        Ok(())
    }

    async fn check_prompts(
        &self,
        lock: &Lock,
        read: &mut BTreeSet<String>,
        problems: &mut Vec<String>,
    ) -> Result<(), VoiceError> {
        for prompt in lock.voice.models.values().flat_map(|model| &model.prompts) {
            match self.prompt(lock, prompt).await {
                Ok(plain) if plain.len() as u64 == prompt.bytes => {
                    read.insert(prompt.object.to_string());
                }
                Ok(plain) => problems.push(format!(
                    "the prompt for {} has {} bytes where the lock says {}",
                    prompt.mood,
                    plain.len(),
                    prompt.bytes
                )),
                Err(error) => problems.push(told(error)?),
            }
        }
        Ok(())
    }
}

/// What is wrong with a voice, in words; what is wrong with the store goes on as an error.
fn told(error: VoiceError) -> Result<String, VoiceError> {
    match error {
        VoiceError::Store(_) => Err(error),
        VoiceError::Unreadable(ref cause) => Ok(format!("{error}: {cause}")),
        VoiceError::BadName { .. }
        | VoiceError::Invalid(_)
        | VoiceError::NoSuchVoice { .. }
        | VoiceError::Contended(_)
        | VoiceError::Lost { .. }
        | VoiceError::File(_) => Ok(error.to_string()),
    }
}
