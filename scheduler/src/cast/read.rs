//! From a cast file to a [`Cast`].

use std::collections::{BTreeMap, btree_map::Entry};
use std::ops::Range;

use screenplay::speaker_key;
use toml::Spanned;

use super::bad_file::{BadFile, TomlFile};
use super::file::{CastFile, CharacterTable, VoiceTable};
use super::locks::Locks;
use super::names::{cast_key, most_alike};
use super::voices::{CastVoice, Palette, ReadFile, VoiceReader, in_range};
use super::{Cast, Character};

/// What lines are spoken in when neither cast nor character says.
const USUAL_LANGUAGE: &str = "en-US";

impl Cast {
    /// Reads a cast file; `name` is what errors call it, `read_file` fetches reference audio.
    ///
    /// Audio that cannot be read is no error yet: it becomes one when a line needs it.
    ///
    /// # Errors
    /// [`BadFile`] at the first mistake: TOML that is none, unknown fields, values out of range,
    /// voices that are of no kind or of several, clones without consent, names that nothing has or
    /// that two characters have.
    pub fn read(name: &str, text: &str, read_file: ReadFile<'_>) -> Result<Self, BadFile> {
        Self::read_with(name, text, read_file, &Locks::default())
    }

    /// As [`Self::read`], with the locked voices that it may name.
    ///
    /// # Errors
    /// As [`Self::read`], and when it names a lock that cannot be had.
    pub fn read_with(
        name: &str,
        text: &str,
        read_file: ReadFile<'_>,
        locks: &Locks,
    ) -> Result<Self, BadFile> {
        let file = TomlFile { name, text };
        let parsed: CastFile = file.read()?;
        let language = language(file, parsed.language.as_ref())?;
        let language = language.unwrap_or_else(|| USUAL_LANGUAGE.to_owned());
        let mut reader = Reader { file, voices: Vec::new(), timing: Vec::new() };
        let mut claims = reader.named_voices(parsed.voices, read_file, locks)?;
        let narrator = parsed.narrator.as_ref().map(|name| reader.find(name)).transpose()?;
        let tables = in_file_order(parsed.characters);
        let characters = reader.characters(&tables, &language, &mut claims)?;
        reader.give_timbres(claims);
        let by_key = by_key(file, &tables)?;
        let (voices, timing) = (reader.voices, reader.timing);
        Ok(Self { title: parsed.title, language, voices, timing, narrator, characters, by_key })
    }
}

/// Whether `tag` looks like a BCP 47 language, e.g. `de`, `en-GB`, `zh-Hant-TW`.
#[must_use]
pub fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    parts.next().is_some_and(|first| {
        (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic())
    }) && parts.all(is_part)
}

fn language(file: TomlFile<'_>, tag: Option<&Spanned<String>>) -> Result<Option<String>, BadFile> {
    let Some(tag) = tag else { return Ok(None) };
    if !is_language(tag.get_ref()) {
        let message = format!("`{}` is no language", tag.get_ref());
        return Err(file.bad(&tag.span(), message, "write it like `en-GB` or `de`"));
    }
    Ok(Some(tag.get_ref().clone()))
}

fn in_file_order<T>(tables: BTreeMap<Spanned<String>, T>) -> Vec<(Spanned<String>, T)> {
    let mut tables: Vec<_> = tables.into_iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    tables
}

/// A voice that waits for its place in the palette.
struct Claim {
    /// Where its table stands: claims are met in the order of the file.
    at: usize,
    /// Index of the voice.
    voice: usize,
    /// What the palette goes by.
    key: String,
}

struct Reader<'a> {
    file: TomlFile<'a>,
    voices: Vec<CastVoice>,
    timing: Vec<CastVoice>,
}

impl Reader<'_> {
    fn named_voices(
        &mut self,
        tables: BTreeMap<Spanned<String>, VoiceTable>,
        read_file: ReadFile<'_>,
        locks: &Locks,
    ) -> Result<Vec<Claim>, BadFile> {
        let reader = VoiceReader { file: self.file, read_file, locks };
        let mut claims = Vec::new();
        for (name, table) in in_file_order(tables) {
            let voice = reader.voice(&name, table)?;
            if voice.is_neural() {
                let (at, key) = (name.span().start, name.get_ref().clone());
                claims.push(Claim { at, voice: self.voices.len(), key });
            }
            self.timing.push(voice.clone());
            self.voices.push(voice);
        }
        Ok(claims)
    }

    fn find(&self, name: &Spanned<String>) -> Result<usize, BadFile> {
        let wanted = name.get_ref();
        self.voices.iter().position(|voice| voice.name == *wanted).ok_or_else(|| {
            let names = self.voices.iter().map(|voice| voice.name.as_str());
            let advice = match most_alike(wanted, names) {
                Some(alike) => format!("did you mean `{alike}`?"),
                None => format!("add a table [voices.{}]", toml::Value::from(wanted.as_str())),
            };
            self.file.bad(&name.span(), format!("there is no voice `{wanted}`"), advice)
        })
    }

    fn characters(
        &mut self,
        tables: &[(Spanned<String>, CharacterTable)],
        usual: &str,
        claims: &mut Vec<Claim>,
    ) -> Result<Vec<Character>, BadFile> {
        let mut characters = Vec::with_capacity(tables.len());
        for (name, table) in tables {
            let voice = if let Some(voice) = &table.voice {
                self.find(voice)?
            } else {
                let voice = self.voices.len();
                let key = speaker_key(name.get_ref());
                claims.push(Claim { at: name.span().start, voice, key });
                self.leave_room(name.get_ref());
                voice
            };
            characters.push(self.character(name.get_ref(), voice, table, usual)?);
        }
        Ok(characters)
    }

    /// The timbre follows once all claims are known.
    fn leave_room(&mut self, name: &str) {
        let usual = engine::scratch::ScratchTimbre { pitch: 1.0, formant: 1.0, rate: 1.0 };
        self.voices.push(CastVoice::scratch(name, usual));
        self.timing.push(CastVoice::scratch(name, usual));
    }

    fn character(
        &self,
        name: &str,
        voice: usize,
        table: &CharacterTable,
        usual: &str,
    ) -> Result<Character, BadFile> {
        let rate = in_range(self.file, "rate", table.rate.as_ref(), (0.5, 2.0))?;
        let gain_db = in_range(self.file, "gain_db", table.gain_db.as_ref(), (-40.0, 20.0))?;
        let language = language(self.file, table.language.as_ref())?;
        Ok(Character {
            name: name.to_owned(),
            voice,
            language: language.unwrap_or_else(|| usual.to_owned()),
            rate: rate.unwrap_or(1.0),
            gain_db: gain_db.unwrap_or(0.0),
            is_skipped: table.skip,
        })
    }

    /// In the order of the file, so that what is added at its end changes nobody's timbre. Voices
    /// with weights claim one too, for timing tracks.
    fn give_timbres(&mut self, mut claims: Vec<Claim>) {
        claims.sort_by_key(|claim| claim.at);
        let mut palette = Palette::default();
        for Claim { voice, key, .. } in claims {
            let stand_in = CastVoice::scratch(&self.voices[voice].name, palette.choose(&key));
            if !self.voices[voice].is_neural() {
                self.voices[voice] = stand_in.clone();
            }
            self.timing[voice] = stand_in;
        }
    }
}

fn by_key(
    file: TomlFile<'_>,
    tables: &[(Spanned<String>, CharacterTable)],
) -> Result<BTreeMap<String, usize>, BadFile> {
    let mut by_key: BTreeMap<String, (usize, Range<usize>)> = BTreeMap::new();
    // Names before aliases, so that the alias is told it is in the way.
    let names = tables.iter().enumerate().map(|(index, (name, _))| (index, name));
    let aliases = tables
        .iter()
        .enumerate()
        .flat_map(|(index, (_, table))| table.aliases.iter().map(move |alias| (index, alias)));
    for (index, name) in names.chain(aliases) {
        let key = cast_key(name.get_ref());
        if key.is_empty() {
            return Err(file.bad(&name.span(), "a character needs a name", "write it as in cues"));
        }
        match by_key.entry(key) {
            Entry::Vacant(free) => {
                free.insert((index, name.span()));
            }
            Entry::Occupied(first) if first.get().0 == index => {}
            Entry::Occupied(first) => {
                let line = file.bad(&first.get().1, "", "").line;
                let message = format!("`{}` is cast on line {line} already", name.get_ref());
                return Err(file.bad(&name.span(), message, "keep one of the two"));
            }
        }
    }
    Ok(by_key.into_iter().map(|(key, (index, _))| (key, index)).collect())
}
