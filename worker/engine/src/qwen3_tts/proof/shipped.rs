//! What a worker carries inside itself to prove a device: a tiny checkpoint and its goldens.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use flate2::read::ZlibDecoder;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::qwen3_tts::codec::decoder::CodecDecoder;
use crate::qwen3_tts::codec::encoder::CodecEncoder;
use crate::qwen3_tts::config::{CODES, CodecConfig, ModelConfig};
use crate::qwen3_tts::ready::CODEC_DTYPE;
use crate::qwen3_tts::speaker::SpeakerEncoder;
use crate::qwen3_tts::tokenizer::{Files, Tokenizer, Words};
use crate::qwen3_tts::weights::{Weights, compute_dtype};
use crate::qwen3_tts::{Frame, FrameModel, LoadError, check};

/// Made by `fixtures/reference/make/proof.py`, which says how it is packed.
static PACKED: &[u8] = include_bytes!("shipped.bin");

/// Of what is packed in it.
const SHA256: &str = "aa178b689ebf7c9091f3a416e0d4763f22ebff84e582cd81b36cee5774ee522b";

/// More bytes than what is packed in it has.
const MOST_BYTES: u64 = 4 << 20;

/// The unpacked file.
#[derive(Debug, Clone)]
pub(super) struct Shipped {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) model: HashMap<String, Tensor>,
    pub(super) codec: HashMap<String, Tensor>,
    pub(super) goldens: HashMap<String, Tensor>,
}

/// What the arrays do not say.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    /// Texts, and the ids that the reference cuts them into, template included.
    pub(super) texts: Vec<Cut>,
    pub(super) lines: BTreeMap<String, Line>,
    /// What is said in the recording.
    pub(super) transcript: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cut {
    pub(super) text: String,
    pub(super) ids: Vec<u32>,
}

/// A line that the reference spoke.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) text: String,
    /// Whether the text stands in front; else it comes frame by frame.
    pub(super) is_whole: bool,
    /// Whether it goes on from the recording; else it has its timbre only.
    pub(super) is_continued: bool,
}

/// The checkpoint's parts, opened on the device that is proved.
pub(super) struct Opened {
    pub(super) config: ModelConfig,
    pub(super) tokenizer: Tokenizer,
    pub(super) frames: FrameModel,
    pub(super) decoder: CodecDecoder,
    pub(super) encoder: CodecEncoder,
    pub(super) speaker: SpeakerEncoder,
}

impl Shipped {
    /// Unpacks the file.
    ///
    /// # Errors
    /// [`LoadError`] when the program was damaged since it was built.
    pub(super) fn unpack() -> Result<Self, LoadError> {
        let mut packed = Vec::new();
        let damaged = |problem: String| LoadError::Invalid { path: place(""), problem };
        ZlibDecoder::new(PACKED)
            .take(MOST_BYTES)
            .read_to_end(&mut packed)
            .map_err(|error| damaged(error.to_string()))?;
        let plain = interleaved(&packed);
        let found = schemas::hex(&Sha256::digest(&plain));
        if found != SHA256 {
            let (path, expected) = (place(""), SHA256.to_owned());
            return Err(LoadError::Pin { path, found, expected });
        }
        let tensors =
            SafeTensors::deserialize(&plain).map_err(|error| damaged(error.to_string()))?;
        Ok(Self::sorted(&tensors)?)
    }

    fn sorted(tensors: &SafeTensors) -> TensorResult<Self> {
        let mut shipped = Self {
            files: BTreeMap::new(),
            model: HashMap::new(),
            codec: HashMap::new(),
            goldens: HashMap::new(),
        };
        for (name, view) in tensors.tensors() {
            let Some((kind, name)) = name.split_once('/') else { continue };
            let name = name.to_owned();
            if kind == "file" {
                shipped.files.insert(name, view.data().to_vec());
                continue;
            }
            let dtype = DType::try_from(view.dtype())?;
            let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?;
            match kind {
                "model" => shipped.model.insert(name, tensor),
                "codec" => shipped.codec.insert(name, tensor.to_dtype(CODEC_DTYPE)?),
                _ => shipped.goldens.insert(name, tensor),
            };
        }
        Ok(shipped)
    }

    /// What the arrays do not say.
    pub(super) fn said(&self) -> Result<Said, LoadError> {
        self.json("proof.json")
    }

    /// Moves the checkpoint to a device, in the types that the device computes in.
    pub(super) fn open(&self, device: &Device) -> Result<Opened, LoadError> {
        let config: ModelConfig = self.json("config.json")?;
        check::model(&config).map_err(|mismatch| mismatch.in_file(&place("config.json")))?;
        let codec: CodecConfig = self.json("speech_tokenizer/config.json")?;
        check::codec(&codec).map_err(|mismatch| mismatch.in_file(&place("speech_tokenizer")))?;
        let tokenizer = Tokenizer::of(
            &Files {
                vocab: self.text("vocab.json")?,
                merges: self.text("merges.txt")?,
                config: self.text("tokenizer_config.json")?,
            },
            &place(""),
            Words::Native,
        )?;
        let weights = Weights::held(self.model.clone());
        let codec_weights = Weights::held(self.codec.clone()).builder(CODEC_DTYPE, device);
        let model_weights = weights.builder(compute_dtype(device), device);
        Ok(Opened {
            frames: FrameModel::load(&weights, &config, device)?,
            decoder: CodecDecoder::new(&codec, &codec_weights)?,
            encoder: CodecEncoder::new(&codec, &codec_weights)?,
            speaker: SpeakerEncoder::new(&config.speaker_encoder_config, &model_weights)?,
            config,
            tokenizer,
        })
    }

    /// What the reference computed.
    pub(super) fn golden(&self, name: &str) -> TensorResult<&Tensor> {
        let Some(golden) = self.goldens.get(name) else { candle_core::bail!("no golden {name}") };
        Ok(golden)
    }

    /// Numbers that the reference computed or was given.
    pub(super) fn numbers(&self, name: &str) -> TensorResult<Vec<f32>> {
        self.golden(name)?.flatten_all()?.to_vec1()
    }

    /// Ids that the reference computed or was given.
    pub(super) fn ids(&self, name: &str) -> TensorResult<Vec<u32>> {
        self.golden(name)?.flatten_all()?.to_vec1()
    }

    /// Codes that the reference computed or was given.
    pub(super) fn frames(&self, name: &str) -> TensorResult<Vec<Frame>> {
        let ids = self.ids(name)?;
        let (frames, _) = ids.as_chunks::<CODES>();
        let code = |&id: &u32| u16::try_from(id).unwrap_or(u16::MAX);
        Ok(frames.iter().map(|frame| frame.each_ref().map(code)).collect())
    }

    fn text(&self, name: &str) -> Result<&str, LoadError> {
        let bytes = self.files.get(name).map(Vec::as_slice).unwrap_or_default();
        std::str::from_utf8(bytes)
            .map_err(|error| LoadError::Invalid { path: place(name), problem: error.to_string() })
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, LoadError> {
        serde_json::from_str(self.text(name)?)
            .map_err(|error| LoadError::Invalid { path: place(name), problem: error.to_string() })
    }
}

/// What errors call a file that is inside the program.
fn place(name: &str) -> PathBuf {
    Path::new("the checkpoint inside this program").join(name)
}

/// Undoes the packing: the first half are the bytes of even place.
fn interleaved(packed: &[u8]) -> Vec<u8> {
    let (even, odd) = packed.split_at(packed.len().div_ceil(2));
    let mut plain = Vec::with_capacity(packed.len());
    for (place, &byte) in even.iter().enumerate() {
        plain.push(byte);
        plain.extend(odd.get(place));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_small_and_whole() {
        assert!(PACKED.len() < 600_000, "{}", PACKED.len());
        let shipped = Shipped::unpack().unwrap();
        assert_eq!(shipped.said().unwrap().lines.len(), 3);
        assert!(shipped.open(&Device::Cpu).is_ok());
    }

    #[test]
    fn bytes_find_their_places_again() {
        assert_eq!(interleaved(b"acebd"), b"abcde");
        assert_eq!(interleaved(b"acbd"), b"abcd");
        assert_eq!(interleaved(b""), b"");
    }
}
