//! From a voice's table to what a line is spoken by.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::voices::{Lock, LockedVoice, MoodRules};
use engine::scratch::{ScratchTimbre, palette};
use schemas::{ReferenceTake, ScratchSynthesiser, Voice, VoiceSource};
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::bad_file::{BadFile, TomlFile};
use super::file::{
    CloneTable, DesignTable, LockTable, PresetTable, ScratchTable, TakeTable, VoiceTable,
};
use super::locks::Locks;
use super::moods;
use crate::plan::Parenthetical;

/// Model name of voices without weights.
pub(crate) const SCRATCH_MODEL: &str = "scratch";

/// Reads a file that a cast names; the path is as written there.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// A voice of the cast.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CastVoice {
    /// As people call it.
    pub(super) name: String,
    /// How it is made.
    pub(super) kind: VoiceKind,
}

/// How a voice of the cast is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum VoiceKind {
    /// The same for every line.
    Fixed {
        /// The model's name.
        model: String,
        /// What the model needs.
        source: VoiceSource,
    },
    /// One of several recordings, by the line's directions.
    Cloned {
        /// The model's name.
        model: String,
        /// At least one.
        takes: Vec<CastTake>,
    },
    /// One of a locked voice's takes, by the line's directions and language.
    Locked {
        /// The model's name.
        model: String,
        /// The voice.
        lock: Arc<Lock>,
        /// The cast's own rules of moods.
        moods: MoodRules,
    },
}

/// A recording of a cloned voice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CastTake {
    /// What selects it.
    mood: String,
    /// What is said in it.
    transcript: Option<String>,
    /// Hash of the audio, or why it cannot be read: that matters only once a line needs it.
    audio_sha256: Result<String, BadFile>,
}

impl CastVoice {
    /// A scratch voice of the given timbre.
    pub(super) fn scratch(name: &str, timbre: ScratchTimbre) -> Self {
        let ScratchTimbre { pitch, formant, rate } = timbre;
        let synthesiser = ScratchSynthesiser::Pico;
        let source = VoiceSource::Scratch { synthesiser, base: None, pitch, formant, rate };
        let kind = VoiceKind::Fixed { model: SCRATCH_MODEL.to_owned(), source };
        Self { name: name.to_owned(), kind }
    }

    /// Whether it needs weights.
    pub(super) fn is_neural(&self) -> bool {
        match &self.kind {
            VoiceKind::Fixed { source, .. } => !matches!(source, VoiceSource::Scratch { .. }),
            VoiceKind::Cloned { .. } | VoiceKind::Locked { .. } => true,
        }
    }

    /// Which of its takes the directions ask for in a language; 0 when there is nothing to choose.
    pub(super) fn take_for(&self, parentheticals: &[Parenthetical], language: &str) -> usize {
        match &self.kind {
            VoiceKind::Fixed { .. } => 0,
            VoiceKind::Cloned { takes, .. } => {
                let moods: Vec<&str> = takes.iter().map(|take| take.mood.as_str()).collect();
                moods::choose(&moods, parentheticals)
            }
            VoiceKind::Locked { lock, moods, .. } => {
                let voice = &lock.voice;
                let mood = mood_of(voice, moods, parentheticals);
                let take = voice.take(&mood, language);
                let place = take.and_then(|take| voice.takes.iter().position(|it| it == take));
                place.unwrap_or(0)
            }
        }
    }

    /// Makes the voice of one take at one rate.
    ///
    /// The rate is folded into scratch voices; other models take no rate and ignore it.
    ///
    /// # Errors
    /// When the take's audio could not be read.
    pub(super) fn voice(&self, take: usize, rate: f32) -> Result<Voice, BadFile> {
        let (model, source) = match &self.kind {
            VoiceKind::Fixed { model, source } => (model, at_rate(source.clone(), rate)),
            VoiceKind::Cloned { model, takes } => {
                let CastTake { mood, transcript, audio_sha256 } = &takes[take];
                let (mood, transcript) = (mood.clone(), transcript.clone());
                let audio_sha256 = audio_sha256.clone()?;
                let reference = ReferenceTake { mood, audio_sha256, transcript };
                (model, VoiceSource::Clone { reference })
            }
            VoiceKind::Locked { model, lock, .. } => {
                (model, VoiceSource::Clone { reference: lock.voice.takes[take].reference() })
            }
        };
        Ok(Voice { name: self.name.clone(), model: model.clone(), source })
    }
}

/// The mood that a line's directions ask for: the first direction decides that asks for any, by the
/// cast's rules, the lock's, or a mood's own name and its usual words.
fn mood_of(voice: &LockedVoice, rules: &MoodRules, directions: &[Parenthetical]) -> String {
    let names = voice.mood_names();
    let asked = directions.iter().find_map(|direction| {
        let by_rule =
            rules.mood_of(&direction.text).or_else(|| voice.moods.mood_of(&direction.text));
        by_rule.or_else(|| moods::named(&names, &direction.text).map(|place| names[place]))
    });
    asked.unwrap_or_else(|| voice.usual_mood()).to_owned()
}

fn at_rate(source: VoiceSource, by: f32) -> VoiceSource {
    match source {
        VoiceSource::Scratch { synthesiser, base, pitch, formant, rate } => {
            // Thousandths: no ear hears less, and keys do not depend on how 1.1 × 1.1 is rounded.
            let rate = ((rate * by * 1_000.0).round() / 1_000.0).clamp(0.5, 2.0);
            VoiceSource::Scratch { synthesiser, base, pitch, formant, rate }
        }
        VoiceSource::Preset { .. }
        | VoiceSource::Clone { .. }
        | VoiceSource::Design { .. }
        | VoiceSource::Recorded { .. } => source,
    }
}

/// Gives out timbres of the palette, each as different from those before as can be.
#[derive(Debug, Default)]
pub(super) struct Palette {
    taken: Vec<usize>,
}

impl Palette {
    /// Chooses the timbre of `key`; depends on it and on those chosen before, on nothing after.
    pub(super) fn choose(&mut self, key: &str) -> ScratchTimbre {
        let (index, timbre) = palette(key, &self.taken);
        self.taken.push(index);
        timbre
    }
}

/// Makes voices out of tables.
#[derive(Clone, Copy)]
pub(super) struct VoiceReader<'a> {
    /// For errors.
    pub(super) file: TomlFile<'a>,
    /// For reference audio.
    pub(super) read_file: ReadFile<'a>,
    /// Locked voices that the cast may name.
    pub(super) locks: &'a Locks,
}

impl VoiceReader<'_> {
    /// Makes the voice of one table.
    ///
    /// # Errors
    /// For anything but exactly one kind of voice, values out of range, and clones without consent.
    pub(super) fn voice(
        self,
        name: &Spanned<String>,
        table: VoiceTable,
    ) -> Result<CastVoice, BadFile> {
        let kind = match (table.scratch, table.preset, table.clone, table.design, table.lock) {
            (Some(scratch), None, None, None, None) => self.scratch(scratch)?,
            (None, Some(preset), None, None, None) => self.preset(preset)?,
            (None, None, Some(clone), None, None) => self.clone(clone)?,
            (None, None, None, Some(design), None) => self.design(design)?,
            (None, None, None, None, Some(lock)) => self.lock(lock)?,
            (None, None, None, None, None) => {
                return Err(self.kinds(name, "is of no kind"));
            }
            (_, _, _, _, _) => return Err(self.kinds(name, "is of several kinds")),
        };
        Ok(CastVoice { name: name.get_ref().clone(), kind })
    }

    fn kinds(self, name: &Spanned<String>, what: &str) -> BadFile {
        let message = format!("voice `{}` {what}", name.get_ref());
        self.file.bad(
            &name.span(),
            message,
            "give it one of scratch, preset, clone, design and lock",
        )
    }

    fn scratch(self, table: ScratchTable) -> Result<VoiceKind, BadFile> {
        let source = VoiceSource::Scratch {
            synthesiser: table.synthesiser.unwrap_or(ScratchSynthesiser::Pico),
            base: table.base,
            pitch: in_range(self.file, "pitch", table.pitch.as_ref(), (0.5, 2.0))?.unwrap_or(1.0),
            formant: in_range(self.file, "formant", table.formant.as_ref(), (0.8, 1.25))?
                .unwrap_or(1.0),
            rate: in_range(self.file, "rate", table.rate.as_ref(), (0.5, 2.0))?.unwrap_or(1.0),
        };
        Ok(VoiceKind::Fixed { model: SCRATCH_MODEL.to_owned(), source })
    }

    fn preset(self, table: PresetTable) -> Result<VoiceKind, BadFile> {
        let model = self.model(table.model)?;
        let speaker = self.filled("speaker", table.speaker)?;
        let instruct = table.instruct;
        Ok(VoiceKind::Fixed { model, source: VoiceSource::Preset { speaker, instruct } })
    }

    fn design(self, table: DesignTable) -> Result<VoiceKind, BadFile> {
        let model = self.model(table.model)?;
        let describe = self.filled("describe", table.describe)?;
        Ok(VoiceKind::Fixed { model, source: VoiceSource::Design { describe } })
    }

    fn clone(self, table: Spanned<CloneTable>) -> Result<VoiceKind, BadFile> {
        let at = table.span();
        let table = table.into_inner();
        let granted = |consent: &str| {
            consent.trim().strip_prefix("granted:").is_some_and(|record| !record.trim().is_empty())
        };
        let (place, consent) =
            table.consent.map_or((at, None), |c| (c.span(), Some(c.into_inner())));
        if !consent.as_deref().is_some_and(granted) {
            let advice = "add `consent = \"granted: …\"` that says where the consent is recorded, or \
                          choose another kind of voice";
            return Err(self.file.bad(&place, "no consent is recorded for this clone", advice));
        }
        if table.takes.get_ref().is_empty() {
            let advice = "give at least one with mood and audio";
            return Err(self.file.bad(&table.takes.span(), "a clone needs takes", advice));
        }
        let model = self.model(table.model)?;
        let takes = table.takes.into_inner().into_iter().map(|take| self.take(take)).collect();
        Ok(VoiceKind::Cloned { model, takes })
    }

    fn lock(self, table: LockTable) -> Result<VoiceKind, BadFile> {
        let LockTable { voice, version, model, moods } = table;
        let found = self.locks.get(voice.get_ref(), version).map_err(|problem| {
            let advice = "see what there is with `tableread voices list`";
            self.file.bad(&voice.span(), problem, advice)
        })?;
        let mut made_for = found.voice.models.keys();
        let model = match (model, made_for.next(), made_for.next()) {
            (Some(model), _, _) => self.model(model)?,
            (None, Some(model), None) => model.clone(),
            (None, _, _) => {
                let message = format!("which model speaks `{}` is not said", voice.get_ref());
                let advice = "add `model = \"qwen3-tts-12hz-1.7b-base\"` or another base model";
                return Err(self.file.bad(&voice.span(), message, advice));
            }
        };
        let known = found.voice.mood_names();
        if let Some((words, mood)) = moods.iter().find(|(_, mood)| !known.contains(&mood.as_str()))
        {
            let message = format!("`{}` has no take of the mood `{mood}`", voice.get_ref());
            let advice = format!("choose one of {}", known.join(", "));
            return Err(self.file.bad(&words.span(), message, advice));
        }
        let moods = moods.into_iter().map(|(words, mood)| (words.into_inner(), mood)).collect();
        Ok(VoiceKind::Locked { model, lock: Arc::new(found.clone()), moods: MoodRules(moods) })
    }

    fn take(self, table: TakeTable) -> CastTake {
        let audio_sha256 = self.sha256(&table.audio);
        let (mood, transcript) = (table.mood.into_inner(), table.transcript);
        CastTake { mood, transcript, audio_sha256 }
    }

    fn sha256(self, audio: &Spanned<PathBuf>) -> Result<String, BadFile> {
        let path = audio.get_ref();
        let bytes = (self.read_file)(path).map_err(|err| {
            let message = format!("reference audio `{}` cannot be read: {err}", path.display());
            self.file.bad(&audio.span(), message, "paths are relative to the cast file")
        })?;
        Ok(schemas::hex(&Sha256::digest(&bytes)))
    }

    fn model(self, model: Spanned<String>) -> Result<String, BadFile> {
        let at = model.span();
        let model = self.filled("model", model)?;
        if model == SCRATCH_MODEL {
            let advice = "name the model's weights, or use `scratch = { … }`";
            return Err(self.file.bad(&at, "scratch is no model for this kind of voice", advice));
        }
        Ok(model)
    }

    fn filled(self, field: &str, text: Spanned<String>) -> Result<String, BadFile> {
        if text.get_ref().trim().is_empty() {
            return Err(self.file.bad(&text.span(), format!("{field} is empty"), "fill it in"));
        }
        Ok(text.into_inner())
    }
}

/// Checks a number that may be absent; not-a-numbers are in no range.
///
/// # Errors
/// When it is outside `(low, high)`.
pub(super) fn in_range(
    file: TomlFile<'_>,
    field: &str,
    value: Option<&Spanned<f32>>,
    (low, high): (f32, f32),
) -> Result<Option<f32>, BadFile> {
    let Some(value) = value else { return Ok(None) };
    if !(low..=high).contains(value.get_ref()) {
        let message = format!("{field} is {}", value.get_ref());
        return Err(file.bad(&value.span(), message, format!("choose {low} to {high}")));
    }
    Ok(Some(*value.get_ref()))
}
