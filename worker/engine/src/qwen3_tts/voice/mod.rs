//! A cloned voice made ready for the model, and the bytes it is kept as between runs.
//!
//! Encoding a recording takes seconds on a CPU and the codec's encoder besides; what comes of it
//! is a few kilobytes, which any worker can use that has the same weights.

pub(super) mod envelope;

use std::collections::HashMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};

use super::Frame;
use super::config::{CODES, ModelConfig};
use envelope::{CLONE, READY};

/// Frames a recording may have: eleven minutes, and more than any model takes.
pub const MAX_FRAMES: usize = 8192;

/// Ids a transcript may have.
pub const MAX_IDS: usize = 32_768;

/// Numbers an embedding may have: eight times the large model's.
pub const MAX_WIDTH: usize = 16_384;

/// A voice cloned from one recording, ready to be laid into prompts.
#[derive(Debug, Clone, PartialEq)]
pub struct ClonePrompt {
    /// What it was made from.
    pub origin: Origin,
    /// Who speaks, as wide as the model; not normalised. At most [`MAX_WIDTH`] finite numbers.
    pub x_vector: Vec<f32>,
    /// The recording to go on from; without it only the timbre is cloned.
    pub recording: Option<Recording>,
}

/// What a [`ClonePrompt`] was made from. Another origin is another prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Lower-case hex SHA-256 of the recording's file.
    pub audio_sha256: String,
    /// Lower-case hex SHA-256 of the model's weights, which made the embedding.
    pub model_sha256: String,
    /// Lower-case hex SHA-256 of the codec's weights, which made the frames.
    pub codec_sha256: String,
}

/// What a recording says, in ids and in frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The transcript's ids; at least one and at most [`MAX_IDS`].
    pub transcript: Vec<u32>,
    /// At least one and at most [`MAX_FRAMES`].
    pub frames: Vec<Frame>,
}

/// Why bytes are no prompt. All but [`Self::Limit`] are mended by making the prompt anew.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Another version of this program wrote them.
    #[error("kept voice is of version {found}, expected {expected}")]
    Version {
        /// What they say.
        found: u32,
        /// What this program writes.
        expected: u32,
    },
    /// They are not what was written, or were never a prompt.
    #[error("kept voice is damaged: {0}")]
    Damaged(String),
    /// The prompt is larger than prompts may be, or a part of it is empty.
    #[error("kept voice has {found} {what}, allowed are 1 to {most}")]
    Limit {
        /// What there is too much or none of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
}

impl ClonePrompt {
    /// Writes the prompt; the same prompt gives the same bytes.
    ///
    /// # Errors
    /// [`PromptError::Limit`] on a prompt that could not be read again, and
    /// [`PromptError::Damaged`] on hashes that are none and numbers that are not finite.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PromptError> {
        self.check()?;
        let mut parts = vec![Part::new(X_VECTOR, &[self.x_vector.len()], &self.x_vector)];
        if let Some(Recording { transcript, frames }) = &self.recording {
            parts.push(Part::new(REF_IDS, &[transcript.len()], transcript));
            parts.push(Part::new(REF_CODES, &[frames.len(), CODES], frames.as_flattened()));
        }
        let views = parts.iter().map(Part::view).collect::<Result<Vec<_>, _>>()?;
        let origin = serde_json::to_string(&self.origin).map_err(damaged)?;
        let metadata = HashMap::from([(ORIGIN.to_owned(), origin)]);
        CLONE.seal(&safetensors::serialize(views, Some(metadata))?)
    }

    /// Reads a prompt, from bytes that anybody may have written.
    ///
    /// Takes at most a few megabytes of memory, whatever the bytes say.
    ///
    /// # Errors
    /// [`PromptError`]; nothing that was not written by [`Self::to_bytes`] is taken.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PromptError> {
        let body = CLONE.open(bytes)?;
        let (_, header) = SafeTensors::read_metadata(&body)?;
        let origin = header.metadata().as_ref().and_then(|metadata| metadata.get(ORIGIN));
        let origin = origin.ok_or_else(|| damaged("it has no origin"))?;
        let origin = serde_json::from_str(origin).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(&body)?;
        let mut names = tensors.names();
        names.sort_unstable();
        let recording = match names.as_slice() {
            [X_VECTOR] => None,
            [REF_CODES, REF_IDS, X_VECTOR] => Some(Recording {
                transcript: numbers(&tensors, REF_IDS)?,
                frames: frames(&tensors)?,
            }),
            _ => return Err(damaged(format!("it holds {names:?}"))),
        };
        let prompt = Self { origin, x_vector: numbers(&tensors, X_VECTOR)?, recording };
        prompt.check()?;
        Ok(prompt)
    }

    /// Whether a model could take it: as wide, and with ids and codes that it knows.
    #[must_use]
    pub fn fits(&self, model: &ModelConfig) -> bool {
        self.x_vector.len() == model.talker_config.hidden_size
            && self.recording.as_ref().is_none_or(|recording| knows(model, recording))
    }

    fn check(&self) -> Result<(), PromptError> {
        limit("numbers", self.x_vector.len(), MAX_WIDTH)?;
        if let Some(Recording { transcript, frames }) = &self.recording {
            limit("ids", transcript.len(), MAX_IDS)?;
            limit("frames", frames.len(), MAX_FRAMES)?;
        }
        let Origin { audio_sha256, model_sha256, codec_sha256 } = &self.origin;
        if ![audio_sha256, model_sha256, codec_sha256].into_iter().all(|hash| is_sha256(hash)) {
            return Err(damaged("a hash of its origin is none"));
        }
        if !self.x_vector.iter().all(|number| number.is_finite()) {
            return Err(damaged("a number of its embedding is not finite"));
        }
        Ok(())
    }
}

/// Whether bytes are a voice made ready as [`SpeechModel::keep`](crate::SpeechModel::keep) wrote it,
/// undamaged. For which voice and engine only the engine finds out.
#[must_use]
pub fn is_whole(bytes: &[u8]) -> bool {
    READY.is_whole(bytes)
}

/// The names in the file: those of the reference's prompt.
const X_VECTOR: &str = "x_vector";
const REF_CODES: &str = "ref_codes";
const REF_IDS: &str = "ref_ids";

/// The one key of the file's metadata: with two, equal prompts would give different bytes, because
/// their order is not fixed.
const ORIGIN: &str = "origin";

/// Numbers that a file can hold.
trait Number: Copy {
    const DTYPE: Dtype;
    const BYTES: usize;
    fn write(self, out: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($type:ty, $dtype:expr) => {
        impl Number for $type {
            const DTYPE: Dtype = $dtype;
            const BYTES: usize = size_of::<Self>();
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn read(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("a chunk is as long as a number"))
            }
        }
    };
}

number!(f32, Dtype::F32);
number!(u32, Dtype::U32);
number!(u16, Dtype::U16);

/// A tensor to be written.
struct Part {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Part {
    fn new<T: Number>(name: &'static str, shape: &[usize], numbers: &[T]) -> Self {
        let mut bytes = Vec::with_capacity(numbers.len() * T::BYTES);
        for number in numbers {
            number.write(&mut bytes);
        }
        Self { name, dtype: T::DTYPE, shape: shape.to_vec(), bytes }
    }

    fn view(&self) -> Result<(&'static str, TensorView<'_>), SafeTensorError> {
        Ok((self.name, TensorView::new(self.dtype, self.shape.clone(), &self.bytes)?))
    }
}

/// Reads the numbers of a tensor, whatever its shape.
fn numbers<T: Number>(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<T>, PromptError> {
    let tensor = tensors.tensor(name)?;
    if tensor.dtype() != T::DTYPE {
        return Err(damaged(format!("{name} is of type {:?}", tensor.dtype())));
    }
    Ok(tensor.data().chunks_exact(T::BYTES).map(T::read).collect())
}

fn frames(tensors: &SafeTensors<'_>) -> Result<Vec<Frame>, PromptError> {
    let codes = numbers::<u16>(tensors, REF_CODES)?;
    let (frames, rest) = codes.as_chunks();
    if rest.is_empty() { Ok(frames.to_vec()) } else { Err(damaged("a frame is incomplete")) }
}

/// Whether a model has all the ids and codes of a recording.
pub(super) fn knows(model: &ModelConfig, recording: &Recording) -> bool {
    let talker = &model.talker_config;
    let Recording { transcript, frames } = recording;
    let codes = frames.as_flattened();
    transcript.iter().all(|&id| (id as usize) < talker.text_vocab_size)
        && codes.iter().all(|&code| usize::from(code) < talker.codebook_size())
}

pub(super) fn limit(what: &'static str, found: usize, most: usize) -> Result<(), PromptError> {
    if (1..=most).contains(&found) { Ok(()) } else { Err(PromptError::Limit { what, found, most }) }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped through it")]
pub(super) fn damaged(problem: impl ToString) -> PromptError {
    PromptError::Damaged(problem.to_string())
}

impl From<SafeTensorError> for PromptError {
    fn from(error: SafeTensorError) -> Self {
        damaged(error)
    }
}

#[cfg(test)]
mod tests;
