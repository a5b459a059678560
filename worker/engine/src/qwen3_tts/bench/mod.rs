//! What it costs to speak, for whoever has a clock: this crate has none.
//!
//! Made-up weights cost what a release's do. Lines never end: whoever measures says how many frames
//! they get. [`BenchLines`] goes through the same [`Frames`] as lines that are heard, so what it takes
//! is what they take; [`PartsOfFrame`] goes through a frame's parts one by one and waits for the device
//! behind each, so its sum is more than a frame takes.

mod parts;

use std::path::Path;

use candle_core::{Device, Result};

pub use parts::{Part, PartsOfFrame};

use super::codec::decoder::{CodecDecoder, Line};
use super::config::{CodecConfig, GenerationConfig, Kind, ModelConfig, Size};
use super::frames::{Admission, Frames, StepOutcome};
use super::prompt::Prefill;
use super::ready::CODEC_DTYPE;
use super::sampling::{Draws, Sampling};
use super::tokenizer::Words;
use super::weights::{Layout, Pins, WeightFormat, Weights};
use super::{Checkpoint, Frame, FrameModel, LoadError};

/// What is measured: a model, and the codec that makes its frames heard.
pub struct BenchModel {
    config: ModelConfig,
    generation: GenerationConfig,
    frames: FrameModel,
    decoder: Option<CodecDecoder>,
    device: Device,
}

/// How a model is held.
#[derive(Debug, Clone)]
pub struct Holding {
    /// What computes.
    pub device: Device,
    /// How matrices are held.
    pub format: WeightFormat,
    /// Whether the codec is there, too.
    pub has_codec: bool,
}

/// Positions of a prompt: a voice with a recording of ten seconds and a sentence.
pub const PROMPT_POSITIONS: usize = 150;

/// Ids of the text that goes beside the frames.
const TRAILING_IDS: usize = 40;

/// The seed of made-up weights.
const SEED: u64 = 1;

impl BenchModel {
    /// Makes up the weights of a released model with named speakers, of its real size.
    ///
    /// Needs the memory that the release needs.
    ///
    /// # Errors
    /// When the device is out of memory, or cannot hold matrices so.
    pub fn random(size: Size, holding: &Holding) -> Result<Self> {
        let config = ModelConfig::released(Kind::CustomVoice, size);
        let weights = Weights::random(Layout::of_model(&config), SEED);
        let codec = CodecConfig::released();
        let codec_weights = Weights::random(Layout::of_codec(&codec), SEED);
        let generation = GenerationConfig::default();
        Self::new(config, generation, &weights, (&codec, &codec_weights), holding)
    }

    /// Opens a release.
    ///
    /// # Errors
    /// [`LoadError`], naming the file.
    pub fn open(release: &Path, holding: &Holding) -> std::result::Result<Self, LoadError> {
        let opened = Checkpoint::open(release, Words::Native, &Pins::default())?;
        let codec = (&opened.codec, &opened.codec_weights);
        Ok(Self::new(opened.model, opened.generation, &opened.model_weights, codec, holding)?)
    }

    fn new(
        mut config: ModelConfig,
        generation: GenerationConfig,
        weights: &Weights,
        codec: (&CodecConfig, &Weights),
        holding: &Holding,
    ) -> Result<Self> {
        let Holding { device, format, has_codec } = holding;
        let talker = &mut config.talker_config;
        // An id that there is not is never chosen, and no other control may be.
        talker.codec_eos_token_id = u32::try_from(talker.vocab_size).unwrap_or(u32::MAX);
        let decoder = has_codec
            .then(|| CodecDecoder::new(codec.0, &codec.1.builder(CODEC_DTYPE, device)))
            .transpose()?;
        Ok(Self {
            frames: FrameModel::load_in(*format, weights, &config, device)?,
            config,
            generation,
            decoder,
            device: device.clone(),
        })
    }

    /// What it is called, as a release is.
    #[must_use]
    pub fn name(&self) -> String {
        self.config.release_name()
    }

    /// Waits until the device has done all it was given.
    ///
    /// # Errors
    /// When it failed.
    pub fn wait(&self) -> Result<()> {
        self.device.synchronize()
    }

    /// A prompt of [`PROMPT_POSITIONS`], and the text that goes beside the frames.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn prompt(&self) -> Result<Prefill> {
        let tables = self.frames.tables();
        let vocabulary = self.config.talker_config.text_vocab_size;
        let ids = |count: usize| -> Vec<u32> {
            // Any ids will do; a step that is no divisor of the vocabulary visits many.
            (0..count).map(|place| u32::try_from(place * 37 % vocabulary).unwrap_or(0)).collect()
        };
        Ok(Prefill {
            embeds: tables.text(&ids(PROMPT_POSITIONS))?,
            shared: 0,
            trailing: Some(tables.text(&ids(TRAILING_IDS))?),
            pad: tables.text(&[self.config.tts_pad_token_id])?,
        })
    }

    /// How codes are chosen: as the release says, without end.
    fn sampling(&self) -> Sampling {
        Sampling { max_tokens: usize::MAX, ..Sampling::from(&self.generation) }
    }

    /// Seats for `rows` lines, with nobody in them.
    #[must_use]
    pub fn lines(&self, rows: usize) -> BenchLines<'_> {
        let frames = Frames::new(&self.frames, rows);
        BenchLines { model: self, frames, spoken: vec![Vec::new(); rows] }
    }

    /// The parts of a frame of `rows` lines, each behind its prompt.
    ///
    /// # Errors
    /// When the device fails.
    pub fn parts(&self, prompt: &Prefill, rows: usize) -> Result<PartsOfFrame<'_>> {
        PartsOfFrame::new(&self.frames, self.sampling(), prompt, rows)
    }

    /// Decodes lines, as many at once as the decoder takes, and returns how many samples they have.
    ///
    /// # Errors
    /// When there is no codec or the device fails.
    pub fn decode(&self, lines: &[Vec<Frame>]) -> Result<usize> {
        let Some(decoder) = &self.decoder else { candle_core::bail!("opened without codec") };
        let lines: Vec<_> = lines.iter().map(|frames| Line { reference: None, frames }).collect();
        Ok(decoder.decode(&lines)?.iter().map(Vec::len).sum())
    }
}

/// Lines that are being spoken, to be measured.
pub struct BenchLines<'a> {
    model: &'a BenchModel,
    frames: Frames,
    /// By slot.
    spoken: Vec<Vec<Frame>>,
}

impl BenchLines<'_> {
    /// Seats one more line: takes its prompt in.
    ///
    /// # Errors
    /// When all seats are taken or the device fails.
    pub fn seat(&mut self, prompt: &Prefill) -> Result<()> {
        let seed = self.frames.free_slots() as u64;
        let admission = Admission {
            prefill: prompt,
            prefix: None,
            sampling: self.model.sampling(),
            draws: Draws::seeded(seed),
        };
        self.frames.admit(&self.model.frames, admission).map(drop)
    }

    /// Moves every line by one frame and returns how many did.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self) -> Result<usize> {
        let outcomes = self.frames.step(&self.model.frames)?;
        let mut moved = 0;
        for (slot, outcome) in outcomes {
            if let StepOutcome::Frame(frame) = outcome {
                self.spoken[slot].push(frame);
                moved += 1;
            }
        }
        Ok(moved)
    }

    /// What was spoken so far, by line; forgets it.
    pub fn take_spoken(&mut self) -> Vec<Vec<Frame>> {
        self.spoken.iter_mut().map(std::mem::take).collect()
    }
}

#[cfg(test)]
mod tests;
