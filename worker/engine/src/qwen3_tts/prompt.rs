//! What a line begins with: text and voice laid over each other, one vector a position.

use candle_core::{Result, Tensor};

use super::config::{Kind, ModelConfig, Size, TalkerConfig};
use super::tables::{Frame, Tables};
use super::tokenizer::LineIds;

/// What a prompt is made of.
#[derive(Debug, Clone)]
pub struct PromptRequest<'a> {
    /// The text.
    pub line: &'a LineIds,
    /// Who says it.
    pub voice: PromptVoice<'a>,
    /// The ids of how it is said, or of the voice's description; see `Tokenizer::instruct`. The
    /// small models with named speakers were not trained with it and do without.
    pub instruct: Option<&'a [u32]>,
    /// English name of the language, in any case; `None` leaves it to the model.
    pub language: Option<&'a str>,
    /// Where the text stands.
    pub layout: Layout,
}

/// Who says a line.
#[derive(Debug, Clone)]
pub enum PromptVoice<'a> {
    /// Nobody in particular, or whom the instruction describes.
    Described,
    /// A speaker the model was trained with, by name, in any case.
    Named(&'a str),
    /// The speaker of a recording, `[E]`.
    Embedded(&'a Tensor),
    /// The same, with the recording to go on from.
    Continued {
        /// `[E]`.
        embedding: &'a Tensor,
        /// The ids of what the recording says, at least one; see `Tokenizer::transcript`.
        transcript: &'a [u32],
        /// The recording, at least one frame.
        frames: &'a [Frame],
    },
}

/// Where a line's text stands. Neither is faster; they are trained ways to lay a prompt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// One id a frame, as they are spoken. The reference's choice for recordings.
    Streaming,
    /// All of it in front. The reference's choice for named and described voices.
    Whole,
}

/// A prompt, ready for the talker.
#[derive(Debug, Clone)]
pub struct Prefill {
    /// `[P, E]`.
    pub embeds: Tensor,
    /// How many of the first positions are the same for every line of this voice, instruction,
    /// language and layout whose text does not begin with a newline; below `P`. A newline there is
    /// one id with the template's own, so that already [`LineIds::role`] is another.
    pub shared: usize,
    /// What is added to the first frames, `[N, E]`; later ones get `pad`.
    pub trailing: Option<Tensor>,
    /// What is added to a frame that no text belongs to, `[1, E]`.
    pub pad: Tensor,
}

/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The model was not trained with this speaker.
    #[error("the model has no speaker {0:?}")]
    Speaker(String),
    /// The model was not trained with this language.
    #[error("the model has no language {0:?}")]
    Language(String),
    /// A recording without words or without frames.
    #[error("the recording has no words or no frames")]
    Recording,
    /// The device failed.
    #[error("device failed")]
    Device(#[from] candle_core::Error),
}

/// Lays a prompt out.
///
/// Source: `Qwen3TTSForConditionalGeneration.generate` and `generate_icl_prompt`, Qwen3-TTS
/// `modeling_qwen3_tts.py` at `022e286`.
/// Differs: lines are not padded to each other's length.
///
/// # Errors
/// [`PromptError`].
pub fn assemble(
    tables: &Tables,
    config: &ModelConfig,
    request: &PromptRequest,
) -> std::result::Result<Prefill, PromptError> {
    let assembly =
        Assembly { tables, config: &config.talker_config, special: Special::of(tables, config)? };
    let mut parts = Vec::new();
    if let Some(ids) = request.instruct.filter(|_| takes_instruct(config)) {
        parts.push(tables.text(ids)?);
    }
    parts.push(tables.text(request.line.role())?);
    parts.push(assembly.head(request)?);
    let common = length(&parts)?;
    let body = match &request.voice {
        PromptVoice::Continued { transcript, frames, .. } => {
            if transcript.is_empty() || frames.is_empty() {
                return Err(PromptError::Recording);
            }
            let text = assembly.joined_text(transcript, request.line)?;
            assembly.continued(&text, transcript.len(), frames, request.layout)?
        }
        PromptVoice::Described | PromptVoice::Named(_) | PromptVoice::Embedded(_) => {
            assembly.begun(request.line, request.layout)?
        }
    };
    parts.push(body.embeds);
    let embeds = Tensor::cat(&parts, 0)?;
    let shared = (common + body.shared).min(embeds.dim(0)? - 1);
    Ok(Prefill { embeds, shared, trailing: body.trailing, pad: assembly.special.pad })
}

fn takes_instruct(config: &ModelConfig) -> bool {
    (config.tts_model_type, config.tts_model_size) != (Kind::CustomVoice, Size::Small)
}

/// Positions of `parts` together.
fn length(parts: &[Tensor]) -> Result<usize> {
    parts.iter().map(|part| part.dim(0)).sum()
}

/// The vectors that stand for no text, its beginning and its end, `[1, E]` each.
#[derive(Debug)]
struct Special {
    pad: Tensor,
    begin: Tensor,
    end: Tensor,
}

impl Special {
    fn of(tables: &Tables, config: &ModelConfig) -> Result<Self> {
        let one = |id| tables.text(&[id]);
        Ok(Self {
            pad: one(config.tts_pad_token_id)?,
            begin: one(config.tts_bos_token_id)?,
            end: one(config.tts_eos_token_id)?,
        })
    }
}

/// What follows a prompt's head.
struct Body {
    /// `[N, E]`.
    embeds: Tensor,
    /// How many of the first do not depend on the line.
    shared: usize,
    /// `[M, E]`; `None` if there is nothing but padding.
    trailing: Option<Tensor>,
}

struct Assembly<'a> {
    tables: &'a Tables,
    config: &'a TalkerConfig,
    special: Special,
}

impl Assembly<'_> {
    /// Language, speaker, and the mark that closes the head.
    fn head(&self, request: &PromptRequest) -> std::result::Result<Tensor, PromptError> {
        let config = self.config;
        let tag = match self.language(request)? {
            Some(id) => {
                vec![
                    config.codec_think_id,
                    config.codec_think_bos_id,
                    id,
                    config.codec_think_eos_id,
                ]
            }
            None => {
                vec![config.codec_nothink_id, config.codec_think_bos_id, config.codec_think_eos_id]
            }
        };
        let mut marks = vec![self.tables.codec(&tag)?];
        match &request.voice {
            PromptVoice::Described => {}
            PromptVoice::Named(name) => marks.push(self.tables.codec(&[self.speaker(name)?])?),
            PromptVoice::Embedded(embedding) | PromptVoice::Continued { embedding, .. } => {
                marks.push(self.tables.adopt(embedding)?.flatten_all()?.unsqueeze(0)?);
            }
        }
        let marks = Tensor::cat(&marks, 0)?.broadcast_add(&self.special.pad)?;
        let close = (self.tables.codec(&[config.codec_pad_id])? + &self.special.begin)?;
        Ok(Tensor::cat(&[marks, close], 0)?)
    }

    fn speaker(&self, name: &str) -> std::result::Result<u32, PromptError> {
        let id = self.config.spk_id.get(&name.to_lowercase());
        id.copied().ok_or_else(|| PromptError::Speaker(name.to_owned()))
    }

    /// The talker id of the language or dialect, if one is named.
    ///
    /// A speaker's dialect stands in for Chinese and for no language, but for no other one.
    fn language(&self, request: &PromptRequest) -> std::result::Result<Option<u32>, PromptError> {
        let asked = request.language.map(str::to_lowercase);
        let dialect = match request.voice {
            PromptVoice::Named(name) => self.config.dialect_of(&name.to_lowercase()),
            PromptVoice::Described | PromptVoice::Embedded(_) | PromptVoice::Continued { .. } => {
                None
            }
        };
        let name = match (asked.as_deref(), dialect) {
            (None | Some("auto" | "chinese"), Some(dialect)) => dialect,
            (None | Some("auto"), None) => return Ok(None),
            (Some(language), _) => language,
        };
        let id = self.config.codec_language_id.get(name);
        id.copied().map(Some).ok_or_else(|| PromptError::Language(name.to_owned()))
    }

    /// The text alone.
    fn begun(&self, line: &LineIds, layout: Layout) -> Result<Body> {
        let begin = self.tables.codec(&[self.config.codec_bos_id])?;
        let Special { pad, end, .. } = &self.special;
        match layout {
            Layout::Streaming => {
                let (first, rest) = line.first_and_rest();
                let embeds = (self.tables.text(&[first])? + begin)?;
                let trailing = match rest {
                    [] => end.clone(),
                    rest => Tensor::cat(&[&self.tables.text(rest)?, end], 0)?,
                };
                Ok(Body { embeds, shared: 0, trailing: Some(trailing) })
            }
            Layout::Whole => {
                let text = self.ended(&[line.text()])?.broadcast_add(&self.silence()?)?;
                let embeds = Tensor::cat(&[text, (begin + pad)?], 0)?;
                Ok(Body { embeds, shared: 0, trailing: None })
            }
        }
    }

    /// The recording's words and the line's.
    fn joined_text(&self, transcript: &[u32], line: &LineIds) -> Result<Tensor> {
        self.ended(&[transcript, line.text()])
    }

    /// The recording's words and the line's over the recording's frames, or in front of them.
    fn continued(
        &self,
        text: &Tensor,
        transcript: usize,
        frames: &[Frame],
        layout: Layout,
    ) -> Result<Body> {
        let begin = self.tables.codec(&[self.config.codec_bos_id])?;
        let codes = Tensor::cat(&[begin, self.tables.frames(frames)?], 0)?;
        let (words, positions) = (text.dim(0)?, codes.dim(0)?);
        let pad = &self.special.pad;
        match layout {
            Layout::Streaming if words > positions => Ok(Body {
                embeds: (text.narrow(0, 0, positions)? + codes)?,
                shared: transcript.min(positions),
                trailing: Some(text.narrow(0, positions, words - positions)?),
            }),
            Layout::Streaming => {
                let mut texts = vec![text.clone()];
                texts.resize(1 + positions - words, pad.clone());
                let embeds = (Tensor::cat(&texts, 0)? + codes)?;
                Ok(Body { embeds, shared: transcript, trailing: None })
            }
            Layout::Whole => {
                let text = text.broadcast_add(&self.silence()?)?;
                let codes = codes.broadcast_add(pad)?;
                let embeds = Tensor::cat(&[text, codes], 0)?;
                Ok(Body { embeds, shared: transcript, trailing: None })
            }
        }
    }

    /// Texts one behind the other and their end.
    fn ended(&self, texts: &[&[u32]]) -> Result<Tensor> {
        let ids = texts.concat();
        match ids.as_slice() {
            [] => Ok(self.special.end.clone()),
            ids => Tensor::cat(&[&self.tables.text(ids)?, &self.special.end], 0),
        }
    }

    /// What stands for no frame.
    fn silence(&self) -> Result<Tensor> {
        self.tables.codec(&[self.config.codec_pad_id])
    }
}
