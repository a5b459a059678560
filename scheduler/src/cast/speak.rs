//! Giving every line its character's voice.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{Voice, VoiceKey};

use super::names::keys_of;
use super::uncast::Strangers;
use super::{Cast, CastError, Character};
use crate::plan::{Line, NARRATION};

/// A voice and its key, shared by all lines spoken in it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedVoice {
    /// Hash of all that decides its sound.
    pub key: VoiceKey,
    /// The voice.
    pub voice: Voice,
}

/// A line and how its character speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct CastLine {
    /// What is said.
    pub line: Line,
    /// The character's name as the cast writes it.
    pub character: String,
    /// The voice, rate and reference take included.
    pub voice: Arc<KeyedVoice>,
    /// BCP 47.
    pub language: String,
    /// Added to its level, in dB.
    pub gain_db: f32,
}

/// A script's lines once they are cast.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Casting {
    /// Those to be spoken, in script order.
    pub lines: Vec<CastLine>,
    /// Those of characters the cast skips, in script order.
    pub skipped: Vec<Line>,
}

/// Gives every line the voice, language, rate and gain of its character; a language that the script
/// asks for goes before the character's.
///
/// A cue with an extension, `MIRA (YOUNG)`, is looked up with it first and then without. Adding a
/// character at the end of the cast changes no other character's voice.
///
/// # Errors
/// [`CastError::Uncast`] with every character that the cast does not have;
/// [`CastError::Voice`] when a line needs a recording that could not be read.
pub fn cast(lines: Vec<Line>, cast: &Cast) -> Result<Casting, CastError> {
    let mut strangers = Strangers::default();
    let mut roles = Vec::with_capacity(lines.len());
    for line in &lines {
        match cast.role(line) {
            Some(role) => roles.push(role),
            None => strangers.meet(line),
        }
    }
    strangers.finish(cast)?;
    let mut wardrobe = Wardrobe { cast, voices: BTreeMap::new() };
    let mut casting = Casting::default();
    // Without strangers every line has a role.
    for (line, role) in lines.into_iter().zip(roles) {
        match role {
            Role::Narrator(voice) => casting.lines.push(wardrobe.narrate(line, voice)?),
            Role::Character(character) if character.is_skipped => casting.skipped.push(line),
            Role::Character(character) => casting.lines.push(wardrobe.dress(line, character)?),
        }
    }
    Ok(casting)
}

enum Role<'a> {
    Narrator(usize),
    Character(&'a Character),
}

impl Cast {
    fn role(&self, line: &Line) -> Option<Role<'_>> {
        if line.speaker_key == NARRATION {
            return self.narrator.map(Role::Narrator);
        }
        let index = keys_of(line).find_map(|key| self.by_key.get(&key))?;
        Some(Role::Character(&self.characters[*index]))
    }
}

/// Makes each voice once, whoever speaks in it.
struct Wardrobe<'a> {
    cast: &'a Cast,
    voices: BTreeMap<(usize, usize, u32), Arc<KeyedVoice>>,
}

impl Wardrobe<'_> {
    fn narrate(&mut self, line: Line, voice: usize) -> Result<CastLine, CastError> {
        let (character, language) = (line.character.clone(), self.cast.language.clone());
        let voice = self.voice((voice, 1.0), &line, &language)?;
        Ok(CastLine { line, character, voice, language, gain_db: 0.0 })
    }

    fn dress(&mut self, line: Line, character: &Character) -> Result<CastLine, CastError> {
        let language = line.language.clone().unwrap_or_else(|| character.language.clone());
        let voice = self.voice((character.voice, character.rate), &line, &language)?;
        Ok(CastLine {
            line,
            character: character.name.clone(),
            voice,
            language,
            gain_db: character.gain_db,
        })
    }

    fn voice(
        &mut self,
        (index, rate): (usize, f32),
        line: &Line,
        language: &str,
    ) -> Result<Arc<KeyedVoice>, CastError> {
        let chosen = &self.cast.voices[index];
        let take = chosen.take_for(&line.parentheticals, language);
        let slot = (index, take, rate.to_bits());
        if let Some(ready) = self.voices.get(&slot) {
            return Ok(Arc::clone(ready));
        }
        let voice = chosen.voice(take, rate)?;
        let ready = Arc::new(KeyedVoice { key: voice.key(), voice });
        self.voices.insert(slot, Arc::clone(&ready));
        Ok(ready)
    }
}
