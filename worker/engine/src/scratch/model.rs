//! The scratch synthesisers behind the engine's one model trait.

use std::io;

use schemas::Voice;

use super::frame::Frame;
use super::pico::{PicoLine, PicoVoice};
use super::program_line::ProgramLine;
use super::synthesiser::{Synthesiser, choose};
use super::text::{Passage, for_pico, for_program, passages};
use super::timbre::Settings;
use super::{ENGINE, ScratchConfig};
use crate::error::excerpt;
use crate::{DeviceError, EngineError, LineError, LinePlan, Request, Seating, SpeechModel, Step};

/// What voices call this model.
const MODEL: &str = "scratch";

/// Everything that can speak without weights.
#[derive(Debug)]
pub(crate) struct Scratch {
    config: ScratchConfig,
}

/// A scratch voice in a language.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) settings: Settings,
    synthesiser: Synthesiser,
}

/// A seated line.
#[derive(Debug)]
pub(crate) enum ScratchLine {
    Pico(PicoLine),
    Program(ProgramLine),
}

impl Scratch {
    pub(crate) fn new(config: ScratchConfig) -> Self {
        Self { config }
    }

    fn seat(&self, request: &Request, prompt: &Prompt) -> Result<ScratchLine, LineError> {
        let passages = passages(&request.text, &request.pauses);
        match &prompt.synthesiser {
            Synthesiser::Program(call) => {
                let folder = self.config.scratch_dir.clone();
                Ok(ScratchLine::Program(ProgramLine::new(call.clone(), folder, passages)))
            }
            Synthesiser::Pico(voice) => self.open_pico(voice, prompt.settings, passages),
        }
    }

    /// The files are looked at again only if Pico cannot load them: someone may have tidied up.
    fn open_pico(
        &self,
        voice: &PicoVoice,
        settings: Settings,
        passages: Vec<Passage>,
    ) -> Result<ScratchLine, LineError> {
        let folder = &self.config.scratch_dir;
        let line =
            PicoLine::open(&voice.paths_in(folder), settings, passages.clone()).or_else(|_| {
                voice.write_to(folder).map_err(|err| self.unwritable(&err))?;
                PicoLine::open(&voice.paths_in(folder), settings, passages)
                    .map_err(|err| LineError::Failed(err.to_string()))
            })?;
        Ok(ScratchLine::Pico(line))
    }

    fn unwritable(&self, err: &io::Error) -> LineError {
        let folder = self.config.scratch_dir.display();
        LineError::Failed(format!("cannot write Pico's voices to `{folder}`: {err}"))
    }
}

impl SpeechModel for Scratch {
    type Prompt = Prompt;
    type Seats = Vec<Option<ScratchLine>>;
    type Frame = Frame;

    fn engine(&self) -> &str {
        ENGINE
    }

    fn models(&self) -> Vec<String> {
        vec![MODEL.to_owned()]
    }

    fn seats(&self, slots: usize) -> Result<Self::Seats, DeviceError> {
        Ok((0..slots).map(|_| None).collect())
    }

    fn prepare_voice(&self, voice: &Voice, language: &str) -> Result<Prompt, EngineError> {
        let (synthesiser, settings) = choose(&self.config, voice, language)?;
        if let Synthesiser::Pico(pico) = synthesiser {
            pico.write_to(&self.config.scratch_dir).map_err(|err| self.unwritable(&err))?;
        }
        Ok(Prompt { settings, synthesiser })
    }

    fn plan(&self, request: &Request, prompt: &Prompt) -> Result<LinePlan, LineError> {
        let is_speakable = match prompt.synthesiser {
            Synthesiser::Pico(_) => for_pico(&request.text).is_some(),
            Synthesiser::Program(_) => for_program(&request.text).is_some(),
        };
        if !is_speakable {
            let start = excerpt(&request.text);
            let language = &request.language;
            return Err(LineError::Text(format!(
                "nothing in `{start}` can be spoken in `{language}`; reword it or leave it out"
            )));
        }
        Ok(LinePlan { max_turns: max_turns(request, prompt) })
    }

    fn admit(
        &self,
        seats: &mut Self::Seats,
        lines: &[Seating<'_, Prompt>],
    ) -> Result<Vec<Result<(), LineError>>, DeviceError> {
        let mut seat = |line: &Seating<'_, Prompt>| {
            seats[line.slot] = Some(self.seat(line.request, line.prompt)?);
            Ok(())
        };
        Ok(lines.iter().map(&mut seat).collect())
    }

    fn step(
        &self,
        seats: &mut Self::Seats,
        slots: &[usize],
    ) -> Result<Vec<Step<Frame>>, DeviceError> {
        let step = |&slot: &usize| match &mut seats[slot] {
            Some(ScratchLine::Pico(line)) => line.step(),
            Some(ScratchLine::Program(line)) => line.step(),
            None => Step::End,
        };
        Ok(slots.iter().map(step).collect())
    }

    fn release(&self, seats: &mut Self::Seats, slot: usize) {
        seats[slot] = None;
    }
}

/// Generous: a digit can be a word of its own, and a program may be looked at for minutes.
fn max_turns(request: &Request, prompt: &Prompt) -> u32 {
    let characters = u32::try_from(request.text.chars().count()).unwrap_or(u32::MAX);
    let pauses = u32::try_from(request.pauses.len()).unwrap_or(u32::MAX);
    let per_character = match prompt.synthesiser {
        // Half a second a turn, or 16 turns a character for a voice at its slowest.
        Synthesiser::Pico(_) => 16,
        // A look of some milliseconds a turn.
        Synthesiser::Program(_) => 200,
    };
    let fixed = match prompt.synthesiser {
        Synthesiser::Pico(_) => 64,
        Synthesiser::Program(_) => 20_000,
    };
    characters.saturating_mul(per_character).saturating_add(pauses.saturating_mul(4)) + fixed
}
