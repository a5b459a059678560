//! Clone prompts as other programs of the model family write them into voice files.
//!
//! ```text
//!  4 bytes   length of what follows, little-endian
//!  JSON      {"hasEmbedding", "language", "refCodesSize", "refText", "speakerDataSize"}
//!  safetensors of `ref_codes`, [1, 16, frames]
//!  safetensors of `speaker_embedding`, [1, width], if there is one
//! ```
//!
//! Source: `VoiceClonePrompt.serialize`, intrusive-memory/mlx-audio-swift at `01adc89`.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::{Embedding, VoiceError};

/// Codes in a frame.
const CODES: usize = 16;
/// Frames a reference may have: eleven minutes.
const MOST_FRAMES: usize = 8_192;
/// Characters of a transcript.
const LONGEST_TEXT: usize = 2_000;
/// Bytes all of it may have.
const MOST_BYTES: usize = 8 << 20;

/// A reference take as a model hears it: good for every machine that has the model.
#[derive(Debug, Clone, PartialEq)]
pub struct PortablePrompt {
    /// The take in codes, 16 a frame, 12.5 frames a second; 1 to 8192 frames.
    pub codes: Vec<[u16; CODES]>,
    /// Who speaks; absent for models that do not say.
    pub embedding: Option<Embedding>,
    /// What is said, at most 2000 characters.
    pub transcript: String,
    /// BCP 47, or `auto`.
    pub language: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    has_embedding: bool,
    language: String,
    ref_codes_size: usize,
    ref_text: String,
    #[serde(default)]
    speaker_data_size: usize,
}

impl PortablePrompt {
    /// Writes it; the same prompt gives the same bytes.
    ///
    /// # Errors
    /// [`VoiceError::Invalid`] on no frames, too many, or too long a transcript.
    pub fn to_bytes(&self) -> Result<Vec<u8>, VoiceError> {
        self.check()?;
        let by_code = (0..CODES).flat_map(|code| self.codes.iter().map(move |frame| frame[code]));
        let codes: Vec<u8> = by_code.flat_map(|code| u32::from(code).to_le_bytes()).collect();
        let codes = tensor("ref_codes", Dtype::I32, &[1, CODES, self.codes.len()], &codes)?;
        let speaker = match &self.embedding {
            Some(embedding) => {
                let (shape, numbers) = ([1, embedding.numbers().len()], embedding.to_le_bytes());
                tensor("speaker_embedding", Dtype::F32, &shape, &numbers)?
            }
            None => Vec::new(),
        };
        let head = Head {
            has_embedding: self.embedding.is_some(),
            language: self.language.clone(),
            ref_codes_size: codes.len(),
            ref_text: self.transcript.clone(),
            speaker_data_size: speaker.len(),
        };
        let head = serde_json::to_vec(&head).map_err(VoiceError::Unreadable)?;
        let length = u32::try_from(head.len()).map_err(|_| bad("its head is too long"))?;
        Ok([length.to_le_bytes().as_slice(), &head, &codes, &speaker].concat())
    }

    /// Reads one from bytes that anybody may have written.
    ///
    /// # Errors
    /// [`VoiceError::File`] when they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VoiceError> {
        if bytes.len() > MOST_BYTES {
            return Err(bad("it is longer than any is"));
        }
        let short = || bad("it ends too soon");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let (head, rest) =
            rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(short)?;
        let head: Head = serde_json::from_slice(head).map_err(|error| bad(&error.to_string()))?;
        let (codes, rest) = rest.split_at_checked(head.ref_codes_size).ok_or_else(short)?;
        let speaker = rest.get(..head.speaker_data_size).ok_or_else(short)?;
        let embedding = head.has_embedding.then(|| read_embedding(speaker)).transpose()?;
        let codes = read_codes(codes)?;
        let prompt = Self { codes, embedding, transcript: head.ref_text, language: head.language };
        prompt.check()?;
        Ok(prompt)
    }

    fn check(&self) -> Result<(), VoiceError> {
        if self.codes.is_empty() || self.codes.len() > MOST_FRAMES {
            return Err(bad(&format!("{} frames, expected 1 to {MOST_FRAMES}", self.codes.len())));
        }
        if self.transcript.chars().count() > LONGEST_TEXT {
            return Err(bad(&format!("its transcript has more than {LONGEST_TEXT} characters")));
        }
        Ok(())
    }
}

fn bad(problem: &str) -> VoiceError {
    VoiceError::File(format!("a clone prompt cannot be read: {problem}"))
}

fn tensor(name: &str, dtype: Dtype, shape: &[usize], data: &[u8]) -> Result<Vec<u8>, VoiceError> {
    let view = TensorView::new(dtype, shape.to_vec(), data).map_err(|e| bad(&e.to_string()))?;
    safetensors::serialize([(name, view)], None).map_err(|error| bad(&error.to_string()))
}

fn read_codes(bytes: &[u8]) -> Result<Vec<[u16; CODES]>, VoiceError> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| bad(&error.to_string()))?;
    let view = tensors.tensor("ref_codes").map_err(|error| bad(&error.to_string()))?;
    let &[1, CODES, frames] = view.shape() else {
        return Err(bad(&format!(
            "its codes are {:?}, expected [1, {CODES}, frames]",
            view.shape()
        )));
    };
    if frames == 0 || frames > MOST_FRAMES {
        return Err(bad(&format!("{frames} frames, expected 1 to {MOST_FRAMES}")));
    }
    let codes = whole_numbers(&view).ok_or_else(|| bad("its codes are no whole numbers"))?;
    let mut read = vec![[0; CODES]; frames];
    for (at, code) in codes.into_iter().enumerate() {
        let code = u16::try_from(code).map_err(|_| bad("a code is beyond any codebook"))?;
        read[at % frames][at / frames] = code;
    }
    Ok(read)
}

fn whole_numbers(view: &TensorView<'_>) -> Option<Vec<i64>> {
    let data = view.data();
    match view.dtype() {
        Dtype::I16 => {
            Some(data.as_chunks().0.iter().map(|b| i16::from_le_bytes(*b).into()).collect())
        }
        Dtype::U16 => {
            Some(data.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b).into()).collect())
        }
        Dtype::I32 => {
            Some(data.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect())
        }
        Dtype::U32 => {
            Some(data.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b).into()).collect())
        }
        Dtype::I64 => Some(data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
        _ => None,
    }
}

fn read_embedding(bytes: &[u8]) -> Result<Embedding, VoiceError> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| bad(&error.to_string()))?;
    let view = tensors.tensor("speaker_embedding").map_err(|error| bad(&error.to_string()))?;
    let data = view.data();
    let half = |widen: fn(u16) -> f32| {
        data.as_chunks().0.iter().map(|b| widen(u16::from_le_bytes(*b))).collect()
    };
    let numbers: Vec<f32> = match view.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::BF16 => half(|bits| f32::from_bits(u32::from(bits) << 16)),
        Dtype::F16 => half(from_half),
        _ => return Err(bad("its speaker is no vector of floats")),
    };
    Embedding::new(numbers)
}

/// A 16-bit float as a 32-bit one; exact.
fn from_half(bits: u16) -> f32 {
    let (exponent, fraction) = (bits >> 10 & 31, f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A prompt of random codes, as long as a recording of `frames` frames gives.
    pub(crate) fn prompt(frames: usize, width: usize, seed: u64) -> PortablePrompt {
        let mut random = fastrand::Rng::with_seed(seed);
        let codes = (0..frames).map(|_| [(); CODES].map(|()| random.u16(0..2_048))).collect();
        let numbers = (0..width).map(|_| random.f32() * 8.0 - 4.0).collect();
        PortablePrompt {
            codes,
            embedding: Some(Embedding::new(numbers).unwrap()),
            transcript: "The tide does not care what day it is.".into(),
            language: "en".into(),
        }
    }

    #[test]
    fn a_prompt_is_read_as_it_was_written() {
        let prompt = prompt(50, 1_024, 3);
        let bytes = prompt.to_bytes().unwrap();
        assert_eq!(PortablePrompt::from_bytes(&bytes).unwrap(), prompt);
        let silent = PortablePrompt { embedding: None, ..prompt };
        assert_eq!(PortablePrompt::from_bytes(&silent.to_bytes().unwrap()).unwrap(), silent);
    }

    /// The layout is other programs': by hand, number for number.
    #[test]
    fn the_layout_is_the_public_one() {
        let frame = |first: u16| std::array::from_fn(|code| first + u16::try_from(code).unwrap());
        let prompt = PortablePrompt {
            codes: vec![frame(0), frame(100)],
            embedding: Some(Embedding::new(vec![1.5, -2.0]).unwrap()),
            transcript: "Ay.".into(),
            language: "en".into(),
        };
        let bytes = prompt.to_bytes().unwrap();
        let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        let head: serde_json::Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
        assert_eq!(head["refText"], "Ay.");
        assert_eq!(head["hasEmbedding"], true);
        let size = usize::try_from(head["refCodesSize"].as_u64().unwrap()).unwrap();
        let codes = SafeTensors::deserialize(&bytes[4 + length..][..size]).unwrap();
        let codes = codes.tensor("ref_codes").unwrap();
        assert_eq!((codes.shape(), codes.dtype()), ([1, 16, 2].as_slice(), Dtype::I32));
        assert_eq!(whole_numbers(&codes).unwrap()[..4], [0, 100, 1, 101]);
        let speaker = SafeTensors::deserialize(&bytes[4 + length + size..]).unwrap();
        assert_eq!(speaker.tensor("speaker_embedding").unwrap().shape(), [1, 2]);
    }

    #[test]
    fn damaged_bytes_are_refused_wherever_they_end() {
        let bytes = prompt(2, 4, 1).to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(PortablePrompt::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn half_floats_are_what_they_are() {
        for (bits, number) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 2f32.powi(-24)), (0x7bff, 65_504.0)]
        {
            assert_eq!(from_half(bits).to_bits(), f32::to_bits(number));
        }
    }
}
