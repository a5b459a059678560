//! Voices made ready: all that the lines of one voice have in common, computed once.

mod kept;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::codec::decoder::{CodecDecoder, Reference};
use super::codec::encoder::CodecEncoder;
use super::config::{CodecConfig, Kind, ModelConfig};
use super::frame_model::{FrameModel, Prefix};
use super::language;
use super::prompt::{Layout, Prefill, PromptRequest, PromptVoice};
use super::request::{VoiceRequest, Who};
use super::speaker::SpeakerEncoder;
use super::tokenizer::{LineIds, Tokenizer};
use super::voice::{ClonePrompt, Recording};
use crate::{EngineError, LineError, Samples};

/// Samples a second of recordings and of what is spoken.
pub const RATE_HZ: u32 = 24_000;

/// Seconds that a recording may have. Longer ones do not make a voice better, but take memory with
/// the square of their length.
pub const LONGEST_RECORDING_S: usize = 120;

/// Gives a recording by name: one channel at [`RATE_HZ`], −1 to 1. An error says what is missing and
/// how to get it.
///
/// The name is a [`Who::Recorded`]'s: where lines come as [`Request`](crate::Request)s the lower-case
/// hex SHA-256 of the recording's file.
pub type Recordings = Box<dyn Fn(&str) -> Result<Samples, String> + Send>;

/// A voice made ready.
#[derive(Debug)]
pub struct ReadyVoice {
    who: ReadyWho,
    instruct: Option<Vec<u32>>,
    language: Option<String>,
    layout: Layout,
    /// What its lines begin with; `None` if they have nothing in common.
    prefix: Option<SharedPrefix>,
}

#[derive(Debug)]
struct SharedPrefix {
    /// The ids it begins with. A text that begins with a newline changes the last of them: such a
    /// line is taken in from its start.
    role: Vec<u32>,
    positions: usize,
    prefix: Prefix,
}

#[derive(Debug)]
enum ReadyWho {
    Described,
    Named(String),
    Cloned(Cloned),
}

/// A speaker from a recording.
#[derive(Debug)]
struct Cloned {
    /// `[E]`.
    embedding: Tensor,
    continued: Option<Continued>,
}

/// A recording to go on from.
#[derive(Debug)]
struct Continued {
    recording: Recording,
    /// What the decoder has heard of it.
    heard: Reference,
}

impl ReadyVoice {
    /// What a line of this voice is assembled from.
    pub(crate) fn prompt<'a>(&'a self, line: &'a LineIds) -> PromptRequest<'a> {
        let voice = match &self.who {
            ReadyWho::Described => PromptVoice::Described,
            ReadyWho::Named(name) => PromptVoice::Named(name),
            ReadyWho::Cloned(Cloned { embedding, continued: None }) => {
                PromptVoice::Embedded(embedding)
            }
            ReadyWho::Cloned(Cloned {
                embedding,
                continued: Some(Continued { recording, .. }),
            }) => PromptVoice::Continued {
                embedding,
                transcript: &recording.transcript,
                frames: &recording.frames,
            },
        };
        PromptRequest {
            line,
            voice,
            instruct: self.instruct.as_deref(),
            language: self.language.as_deref(),
            layout: self.layout,
        }
    }

    /// Takes in what lines of this voice begin with, `line` and its `prefill` being any one of them.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn begin(
        &mut self,
        model: &FrameModel,
        line: &LineIds,
        prefill: &Prefill,
    ) -> candle_core::Result<()> {
        let (role, positions) = (line.role().to_vec(), prefill.shared);
        let prefix = model.prefix(prefill)?;
        self.prefix = prefix.map(|prefix| SharedPrefix { role, positions, prefix });
        Ok(())
    }

    /// What a line of this voice begins with, taken in already; `None` if it begins otherwise.
    pub(crate) fn prefix(&self, line: &LineIds, prefill: &Prefill) -> Option<&Prefix> {
        let is_its = |shared: &&SharedPrefix| {
            shared.role == line.role() && shared.positions == prefill.shared
        };
        self.prefix.as_ref().filter(is_its).map(|shared| &shared.prefix)
    }

    /// Bytes it takes, on the device and beside it.
    pub(crate) fn bytes(&self) -> usize {
        let prefix = self.prefix.as_ref().map_or(0, |shared| shared.prefix.0.bytes());
        let ReadyWho::Cloned(Cloned { embedding, continued }) = &self.who else { return prefix };
        let heard = continued.as_ref().map_or(0, |Continued { recording, heard }| {
            heard.bytes()
                + 2 * size_of_val(&*recording.frames)
                + size_of_val(&*recording.transcript)
        });
        prefix + heard + embedding.elem_count() * size_of::<f32>()
    }

    /// Who speaks in its recording; `None` without one.
    ///
    /// # Errors
    /// When the device does not give it.
    pub(crate) fn embedding(&self) -> candle_core::Result<Option<Vec<f32>>> {
        match &self.who {
            ReadyWho::Cloned(Cloned { embedding, .. }) => embedding.to_vec1().map(Some),
            ReadyWho::Described | ReadyWho::Named(_) => Ok(None),
        }
    }

    /// What the decoder goes on from.
    pub(crate) fn heard(&self) -> Option<&Reference> {
        match &self.who {
            ReadyWho::Cloned(Cloned { continued: Some(continued), .. }) => Some(&continued.heard),
            ReadyWho::Described | ReadyWho::Named(_) | ReadyWho::Cloned(_) => None,
        }
    }
}

/// What hears recordings; only base models have it.
#[derive(Debug)]
pub(crate) struct Listener {
    speaker: SpeakerEncoder,
    codec: CodecEncoder,
}

impl Listener {
    pub(crate) fn load(
        model: (&ModelConfig, &VarBuilder),
        codec: (&CodecConfig, &VarBuilder),
    ) -> candle_core::Result<Self> {
        Ok(Self {
            speaker: SpeakerEncoder::new(&model.0.speaker_encoder_config, model.1)?,
            codec: CodecEncoder::new(codec.0, codec.1)?,
        })
    }

    /// Hears who speaks, in the first [`LONGEST_RECORDING_S`] seconds.
    ///
    /// # Errors
    /// [`LineError::Voice`] on samples that no voice could be made of.
    pub(crate) fn who_speaks(&self, heard: &Samples) -> Result<Vec<f32>, EngineError> {
        let most = LONGEST_RECORDING_S * RATE_HZ as usize;
        let samples = heard.samples[..heard.samples.len().min(most)].to_vec();
        let samples = Samples { samples, rate_hz: heard.rate_hz };
        let samples = checked("just spoken", samples, self.speaker.min_samples())?;
        Ok(self.speaker.embed(&samples).map_err(super::device_failed)?)
    }
}

/// What makes voices ready.
pub(crate) struct Preparing<'a> {
    pub(crate) config: &'a ModelConfig,
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) listener: Option<&'a Listener>,
    pub(crate) decoder: &'a CodecDecoder,
    pub(crate) recordings: &'a Recordings,
}

impl Preparing<'_> {
    /// Makes a voice ready.
    ///
    /// # Errors
    /// [`LineError::Voice`] on what this model cannot do, and when the recording is not there.
    pub(crate) fn ready(&self, request: &VoiceRequest) -> Result<ReadyVoice, EngineError> {
        let who = match &request.who {
            Who::Described => self.described()?,
            Who::Named(name) => self.named(name)?,
            Who::Recorded { recording, transcript } => {
                let (x_vector, recording) = self.hear(recording, transcript.as_deref())?;
                self.cloned(&x_vector, recording)?
            }
            Who::Kept(prompt) => self.kept(prompt)?,
        };
        self.ready_as(request, who)
    }

    fn ready_as(&self, request: &VoiceRequest, who: ReadyWho) -> Result<ReadyVoice, EngineError> {
        let usual = match self.config.tts_model_type {
            Kind::Base => Layout::Streaming,
            Kind::CustomVoice | Kind::VoiceDesign => Layout::Whole,
        };
        Ok(ReadyVoice {
            who,
            instruct: self.instruct(request.instruct.as_deref())?,
            language: self.language(&request.language)?,
            layout: request.layout.unwrap_or(usual),
            prefix: None,
        })
    }

    fn described(&self) -> Result<ReadyWho, LineError> {
        match self.config.tts_model_type {
            Kind::CustomVoice | Kind::VoiceDesign => Ok(ReadyWho::Described),
            Kind::Base => Err(voice("a base model speaks like a recording, and there is none")),
        }
    }

    fn named(&self, name: &str) -> Result<ReadyWho, LineError> {
        let speakers = &self.config.talker_config.spk_id;
        if speakers.contains_key(&name.to_lowercase()) {
            return Ok(ReadyWho::Named(name.to_owned()));
        }
        Err(match self.config.tts_model_type {
            Kind::CustomVoice => {
                let known = speakers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                voice(format!("the model has no speaker `{name}`; it has {known}"))
            }
            Kind::Base | Kind::VoiceDesign => voice(format!(
                "the model knows nobody by name, so not `{name}`; use a customvoice model"
            )),
        })
    }

    fn instruct(&self, text: Option<&str>) -> Result<Option<Vec<u32>>, LineError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        match self.config.tts_model_type {
            Kind::Base => Err(voice("a base model takes no instruction; leave it out")),
            Kind::CustomVoice | Kind::VoiceDesign => {
                Ok(Some(self.tokenizer.instruct(&self.tokenizer.without_markers(text))))
            }
        }
    }

    fn language(&self, tag: &str) -> Result<Option<String>, LineError> {
        language::named(tag, &self.config.talker_config).map_err(|known| {
            let known = known.join(", ");
            voice(format!("the model does not speak `{tag}`; it speaks {known}"))
        })
    }

    /// Hears who speaks in a recording and, with a transcript, its frames.
    fn hear(
        &self,
        name: &str,
        transcript: Option<&str>,
    ) -> Result<(Vec<f32>, Option<Recording>), EngineError> {
        let Some(listener) = self.listener else {
            return Err(voice("the model cannot hear a recording; use a base model").into());
        };
        let samples = (self.recordings)(name).map_err(LineError::Voice)?;
        let samples = checked(name, samples, listener.speaker.min_samples())?;
        let x_vector = listener.speaker.embed(&samples).map_err(super::device_failed)?;
        let Some(transcript) = transcript else { return Ok((x_vector, None)) };
        let transcript = self.tokenizer.transcript(&self.tokenizer.without_markers(transcript));
        if transcript.is_empty() {
            let problem = format!("the transcript of recording `{name}` is empty; leave it out");
            return Err(voice(problem).into());
        }
        let frames = listener.codec.encode(&samples).map_err(super::device_failed)?;
        Ok((x_vector, Some(Recording { transcript, frames })))
    }

    fn kept(&self, prompt: &[u8]) -> Result<ReadyWho, EngineError> {
        let prompt = ClonePrompt::from_bytes(prompt).map_err(|error| voice(error.to_string()))?;
        if self.config.tts_model_type != Kind::Base || !prompt.fits(self.config) {
            return Err(voice("the kept voice is of another model; make it anew").into());
        }
        self.cloned(&prompt.x_vector, prompt.recording)
    }

    fn cloned(
        &self,
        x_vector: &[f32],
        recording: Option<Recording>,
    ) -> Result<ReadyWho, EngineError> {
        let embedding = Tensor::new(x_vector, &Device::Cpu).map_err(super::device_failed)?;
        let continued = recording
            .map(|recording| {
                let heard = self.decoder.listen(&recording.frames);
                Ok(Continued { heard: heard?, recording })
            })
            .transpose()
            .map_err(super::device_failed)?;
        Ok(ReadyWho::Cloned(Cloned { embedding, continued }))
    }
}

/// A recording's samples, if a voice can be made of them.
fn checked(name: &str, samples: Samples, fewest: usize) -> Result<Vec<f32>, LineError> {
    let Samples { samples, rate_hz } = samples;
    let most = LONGEST_RECORDING_S * RATE_HZ as usize;
    let problem = if rate_hz != RATE_HZ {
        format!("is of {rate_hz} Hz, not of {RATE_HZ}")
    } else if samples.len() < fewest {
        "is too short to hear who speaks; use one of 3 to 30 seconds".to_owned()
    } else if samples.len() > most {
        format!("is longer than {LONGEST_RECORDING_S} seconds; use one of 3 to 30")
    } else if !samples.iter().all(|sample| sample.is_finite()) {
        "has samples that are no numbers".to_owned()
    } else {
        return Ok(samples);
    };
    Err(voice(format!("the recording `{name}` {problem}")))
}

fn voice(problem: impl Into<String>) -> LineError {
    LineError::Voice(problem.into())
}

/// The type that encoder and decoder of the codec are computed in, everywhere.
pub(crate) const CODEC_DTYPE: DType = DType::F32;

#[cfg(test)]
mod cost;
#[cfg(test)]
mod tests;
