//! A release as the engine's seam has it.

use std::path::PathBuf;
use std::sync::Arc;

use candle_core::Device;
use schemas::{Voice, VoiceSource};

use super::codec::decoder::CodecDecoder;
use super::config::{GenerationConfig, Kind, ModelConfig};
use super::frame_model::FrameModel;
use super::frames::{Admission, Ending, Frames, StepOutcome};
use super::length::{Watch, most_frames};
use super::prompt::{PromptError, assemble};
use super::ready::{CODEC_DTYPE, Listener, Preparing, ReadyVoice, Recordings};
use super::request::{Choosing, VoiceRequest, Who};
use super::sampling::{Draws, Sampling};
use super::tokenizer::{Tokenizer, Words};
use super::vocoder::QwenVocoder;
use super::weights::{Pins, WeightFormat, compute_dtype};
use super::{Checkpoint, Frame, LoadError, device_failed};
use crate::error::excerpt;
use crate::{
    DeviceError, EngineError, LineError, LinePlan, Request, Samples, Seating, SpeechModel, Step,
};

/// What to open and how.
pub struct QwenConfig {
    /// Folder of the release, as published.
    pub release: PathBuf,
    /// What voices call it; from its kind and size when `None`, e.g. `qwen3-tts-12hz-1.7b-base`.
    pub name: Option<String>,
    /// What computes.
    pub device: Device,
    /// What the large matrices are held in; [`WeightFormat::Q8_0`] is for a processor.
    pub weights: WeightFormat,
    /// How text is cut into words.
    pub words: Words,
    /// What the release's files must be.
    pub pins: Pins,
    /// Where recordings come from.
    pub recordings: Recordings,
}

/// An opened release: weights only.
pub struct QwenModel {
    name: String,
    /// Name and version of all that decides frames besides the request.
    pub(super) engine: String,
    config: ModelConfig,
    generation: GenerationConfig,
    tokenizer: Tokenizer,
    pub(super) frames: FrameModel,
    listener: Option<Listener>,
    vocoder: QwenVocoder,
    recordings: Recordings,
}

/// Characters that a line may have: prompts take memory with the square of their length.
const LONGEST_TEXT: usize = 10_000;

/// A text like any other, to find out what all lines of a voice begin with.
const ANY_TEXT: &str = "a";

/// A line for [`QwenModel::seat`].
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) sampling: Sampling,
    pub(super) seed: u64,
}

impl QwenModel {
    /// Moves a release's weights to the device.
    ///
    /// # Errors
    /// [`LoadError`], naming the file.
    pub fn open(config: QwenConfig) -> Result<Self, LoadError> {
        let QwenConfig { release, name, device, weights, words, pins, recordings } = config;
        let checkpoint = Checkpoint::open(&release, words, &pins)?;
        let codec = checkpoint.codec_weights.builder(CODEC_DTYPE, &device);
        let model = checkpoint.model_weights.builder(compute_dtype(&device), &device);
        let listener = match checkpoint.model.tts_model_type {
            Kind::Base => {
                Some(Listener::load((&checkpoint.model, &model), (&checkpoint.codec, &codec))?)
            }
            Kind::CustomVoice | Kind::VoiceDesign => None,
        };
        let decoder = Arc::new(CodecDecoder::new(&checkpoint.codec, &codec)?);
        let name = name.unwrap_or_else(|| checkpoint.model.release_name());
        Ok(Self {
            engine: format!("{name}/1"),
            name,
            frames: FrameModel::load_in(
                weights,
                &checkpoint.model_weights,
                &checkpoint.model,
                &device,
            )?,
            listener,
            vocoder: QwenVocoder::new(decoder, device.is_cpu()),
            config: checkpoint.model,
            generation: checkpoint.generation,
            tokenizer: checkpoint.tokenizer,
            recordings,
        })
    }

    /// What turns its frames into samples.
    #[must_use]
    pub fn vocoder(&self) -> QwenVocoder {
        self.vocoder.clone()
    }

    /// Makes a voice ready. Takes seconds on a CPU where there is a recording to be heard.
    ///
    /// # Errors
    /// [`LineError::Voice`] says what the model cannot do or what is missing.
    pub fn ready(&self, request: &VoiceRequest) -> Result<ReadyVoice, EngineError> {
        let mut voice = self.preparing().ready(request)?;
        let ids = self.tokenizer.line(ANY_TEXT);
        let prefill = assemble(self.frames.tables(), &self.config, &voice.prompt(&ids));
        let prefill = prefill.map_err(unassembled)?;
        voice.begin(&self.frames, &ids, &prefill).map_err(device_failed)?;
        Ok(voice)
    }

    pub(super) fn preparing(&self) -> Preparing<'_> {
        Preparing {
            config: &self.config,
            tokenizer: &self.tokenizer,
            listener: self.listener.as_ref(),
            decoder: self.vocoder.decoder(),
            recordings: &self.recordings,
        }
    }

    /// How codes of a line are chosen.
    pub(super) fn sampling(
        &self,
        choosing: &Choosing,
        text: &str,
        language: &str,
    ) -> Result<Sampling, LineError> {
        choosing.sampling(&self.generation, most_frames(text, language))
    }

    /// Seats a line and returns its slot.
    ///
    /// # Errors
    /// [`LineError::Text`] when no position is left for what it says.
    pub(super) fn seat(
        &self,
        frames: &mut Frames,
        line: Line<'_>,
        voice: &ReadyVoice,
    ) -> Result<usize, EngineError> {
        let Line { text, sampling, seed } = line;
        if text.chars().nth(LONGEST_TEXT).is_some() {
            let start = excerpt(text);
            let problem = format!("`{start}` has more than {LONGEST_TEXT} characters; divide it");
            return Err(LineError::Text(problem).into());
        }
        let ids = self.tokenizer.line(&self.tokenizer.without_markers(text));
        let prefill = assemble(self.frames.tables(), &self.config, &voice.prompt(&ids));
        let prefill = prefill.map_err(unassembled)?;
        let positions = prefill.embeds.dim(0).map_err(device_failed)?;
        if positions + 2 > self.config.talker_config.max_position_embeddings {
            let start = excerpt(text);
            let problem = format!("`{start}` is too long for the model; divide it");
            return Err(LineError::Text(problem).into());
        }
        let prefix = voice.prefix(&ids, &prefill);
        let draws = Draws::seeded(seed);
        let admission = Admission { prefill: &prefill, prefix, sampling, draws };
        Ok(frames.admit(&self.frames, admission).map_err(device_failed)?)
    }
}

fn unassembled(error: PromptError) -> EngineError {
    match error {
        PromptError::Device(error) => device_failed(error).into(),
        PromptError::Speaker(_) | PromptError::Language(_) | PromptError::Recording => {
            LineError::Voice(error.to_string()).into()
        }
    }
}

/// The seats of [`QwenModel`].
pub struct QwenSeats {
    frames: Frames,
    /// By the seam's slot.
    seated: Vec<Option<Seat>>,
    /// What could not be said where it happened: the next call tells.
    broken: Option<DeviceError>,
}

/// A seated line.
struct Seat {
    /// Its slot in the frames.
    place: usize,
    /// The start of its text.
    start: String,
    watch: Watch,
}

impl SpeechModel for QwenModel {
    type Prompt = ReadyVoice;
    type Seats = QwenSeats;
    type Frame = Frame;

    fn engine(&self) -> &str {
        &self.engine
    }

    fn models(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn seats(&self, slots: usize) -> Result<QwenSeats, DeviceError> {
        let frames = Frames::new(&self.frames, slots);
        Ok(QwenSeats { frames, seated: (0..slots).map(|_| None).collect(), broken: None })
    }

    fn prepare_voice(&self, voice: &Voice, language: &str) -> Result<ReadyVoice, EngineError> {
        if voice.model != self.name {
            let (name, wanted) = (&self.name, &voice.model);
            let problem = format!("this worker has {name}, not {wanted}; start one that has it");
            return Err(LineError::Voice(problem).into());
        }
        self.ready(&voice_request(&voice.source, language)?)
    }

    fn prompt_bytes(&self, prompt: &ReadyVoice) -> usize {
        prompt.bytes()
    }

    fn keep(&self, key: &str, prompt: &ReadyVoice) -> Option<Vec<u8>> {
        prompt.to_bytes(key).unwrap_or_else(|error| {
            tracing::warn!(key, reason = error.to_string(), "voice not kept for the next run");
            None
        })
    }

    fn recall(
        &self,
        key: &str,
        (voice, language): (&Voice, &str),
        bytes: &[u8],
    ) -> Result<ReadyVoice, EngineError> {
        let request = voice_request(&voice.source, language)?;
        self.preparing().recall(&request, (key, bytes), &self.frames)
    }

    fn embed(&self, samples: &Samples) -> Result<Option<Vec<f32>>, EngineError> {
        let Some(listener) = &self.listener else { return Ok(None) };
        listener.who_speaks(samples).map(Some)
    }

    fn embedding(&self, prompt: &ReadyVoice) -> Result<Option<Vec<f32>>, DeviceError> {
        prompt.embedding().map_err(device_failed)
    }

    fn divides_at_pauses(&self) -> bool {
        true
    }

    fn plan(&self, request: &Request, _: &ReadyVoice) -> Result<LinePlan, LineError> {
        if !request.text.chars().any(char::is_alphanumeric) {
            let start = excerpt(&request.text);
            let problem = format!("nothing in `{start}` can be spoken; reword it or leave it out");
            return Err(LineError::Text(problem));
        }
        // The turn that ends a line counts as well.
        Ok(LinePlan { max_turns: most_frames(&request.text, &request.language) + 1 })
    }

    fn admit(
        &self,
        seats: &mut QwenSeats,
        lines: &[Seating<'_, ReadyVoice>],
    ) -> Result<Vec<Result<(), LineError>>, DeviceError> {
        seats.check()?;
        let mut results = Vec::with_capacity(lines.len());
        for &Seating { slot, request, prompt } in lines {
            let text = request.text.as_str();
            let seated = self
                .sampling(&Choosing::default(), text, &request.language)
                .map_err(EngineError::from)
                .and_then(|sampling| {
                    let line = Line { text, sampling, seed: request.seed };
                    self.seat(&mut seats.frames, line, prompt)
                });
            results.push(match seated {
                Ok(place) => {
                    let start = excerpt(&request.text);
                    seats.seated[slot] = Some(Seat { place, start, watch: Watch::default() });
                    Ok(())
                }
                Err(EngineError::Line(error)) => Err(error),
                Err(EngineError::Device(error)) => return Err(error),
            });
        }
        Ok(results)
    }

    fn step(
        &self,
        seats: &mut QwenSeats,
        slots: &[usize],
    ) -> Result<Vec<Step<Frame>>, DeviceError> {
        seats.check()?;
        let outcomes = seats.frames.step(&self.frames).map_err(device_failed)?;
        if outcomes.len() != slots.len() {
            let (seated, asked) = (outcomes.len(), slots.len());
            return Err(DeviceError(format!("{asked} lines of {seated} cannot move alone")));
        }
        let step = |&slot: &usize| {
            let seat = seats.seated.get_mut(slot)?.as_mut()?;
            let outcome = outcomes.iter().find(|(place, _)| *place == seat.place)?;
            Some(seat.take(outcome.1))
        };
        let steps: Option<Vec<_>> = slots.iter().map(step).collect();
        steps.ok_or_else(|| DeviceError("a slot was moved in which nobody sits".to_owned()))
    }

    fn release(&self, seats: &mut QwenSeats, slot: usize) {
        let Some(seat) = seats.seated.get_mut(slot).and_then(Option::take) else { return };
        if let Err(error) = seats.frames.release(seat.place) {
            seats.broken = Some(device_failed(error));
        }
    }
}

impl QwenSeats {
    fn check(&mut self) -> Result<(), DeviceError> {
        self.broken.take().map_or(Ok(()), Err)
    }
}

impl Seat {
    fn take(&mut self, outcome: StepOutcome) -> Step<Frame> {
        match outcome {
            StepOutcome::Frame(frame) if self.watch.is_stuck_after(&frame) => {
                Step::Failed(stuck(&self.start))
            }
            StepOutcome::Frame(frame) => Step::Frame(frame),
            StepOutcome::Ended(Ending::Said) => Step::End,
            StepOutcome::Ended(Ending::Capped) => Step::Failed(endless(&self.start)),
        }
    }
}

/// Why a line is lost that fell silent for ever.
pub(super) fn stuck(start: &str) -> LineError {
    LineError::Text(format!(
        "`{start}` got stuck in silence or in one sound; reword it or speak it with another seed"
    ))
}

/// Why a line is lost that did not end in time.
pub(super) fn endless(start: &str) -> LineError {
    LineError::Text(format!("`{start}` was spoken without end; reword or divide it"))
}

/// What the seam's voices are to this model.
fn voice_request(source: &VoiceSource, language: &str) -> Result<VoiceRequest, LineError> {
    let (who, instruct) = match source {
        VoiceSource::Preset { speaker, instruct } => {
            (Who::Named(speaker.clone()), instruct.clone())
        }
        VoiceSource::Clone { reference } => {
            let recording = reference.audio_sha256.clone();
            (Who::Recorded { recording, transcript: reference.transcript.clone() }, None)
        }
        VoiceSource::Design { describe } => (Who::Described, Some(describe.clone())),
        VoiceSource::Scratch { .. } => {
            let problem = "a scratch voice is spoken by the scratch engine, not by a model";
            return Err(LineError::Voice(problem.to_owned()));
        }
        VoiceSource::Recorded { .. } => {
            let problem = "a person recorded this line, and no model speaks it";
            return Err(LineError::Voice(problem.to_owned()));
        }
    };
    Ok(VoiceRequest { who, instruct, language: language.to_owned(), layout: None })
}

#[cfg(test)]
mod tests;
