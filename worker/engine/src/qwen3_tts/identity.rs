//! What a release is called as an engine, so that takes of other weights are never mistaken for its.

use std::io;
use std::path::Path;

use candle_core::Device;
use sha2::{Digest as _, Sha256};

use super::LoadError;
use super::config::{CodecConfig, ModelConfig};
use super::weights::{Layout, WeightFormat, compute_dtype, sha256};

/// What kind of device it is: `cpu`, `metal`, or `cuda` with the compute capability, e.g. `cuda90`.
fn place(device: &Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Metal(_) => "metal".to_owned(),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda(_) => "cuda".to_owned(),
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => match cuda.cuda_stream().context().compute_capability() {
            Ok((major, minor)) => format!("cuda{major}{minor}"),
            // A device that does not say cannot be computed on, which is told where that is tried.
            Err(_) => "cuda".to_owned(),
        },
    }
}

/// Everything of a release that decides what it says, relative to its folder.
const DECISIVE: [&str; 8] = [
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",
    "speech_tokenizer/config.json",
    "speech_tokenizer/model.safetensors",
    "tokenizer_config.json",
    "vocab.json",
];

/// Version of this port: raised when the same release and request give other frames.
const VERSION: u32 = 1;

/// Digits that tell releases of one name apart.
const DIGITS: usize = 16;

/// A release by name and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: String,
    digest: String,
}

impl Identity {
    /// Identifies the release in a folder, of which voices speak as `name` or, when that is `None`, by
    /// its kind and size. `hash` gives the lower-case hex SHA-256 of a file: [`hash_file`], or something
    /// that remembers what it gave, for the weights are gigabytes.
    ///
    /// # Errors
    /// [`LoadError`], naming the file.
    pub fn of(
        release: &Path,
        name: Option<&str>,
        hash: &mut dyn FnMut(&Path) -> io::Result<String>,
    ) -> Result<Self, LoadError> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => ModelConfig::read(&release.join("config.json"))?.release_name(),
        };
        let mut digest = Sha256::new();
        for file in DECISIVE {
            let path = release.join(file);
            let hash = hash(&path).map_err(|source| LoadError::Read { path, source })?;
            digest.update(format!("{file} {hash}\n"));
        }
        let mut digest = schemas::hex(&digest.finalize());
        digest.truncate(DIGITS);
        Ok(Self { name, digest })
    }

    /// What voices call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and version of all that decides its takes besides the request, when it is computed on
    /// `device` with its matrices held in `weights`: e.g.
    /// `qwen3-tts-12hz-1.7b-base/1/0123456789abcdef-cuda90-bf16`, or `…-cpu-f32-q8_0`. Processors round
    /// differently, and GPUs of another generation are given other kernels, so where it is computed
    /// is part of it.
    #[must_use]
    pub fn engine(&self, device: &Device, weights: WeightFormat) -> String {
        let Self { name, digest } = self;
        let place = place(device);
        let dtype = compute_dtype(device).as_str();
        let engine = format!("{name}/{VERSION}/{digest}-{place}-{dtype}");
        match weights {
            WeightFormat::Native => engine,
            WeightFormat::Q8_0 => format!("{engine}-{}", weights.name()),
        }
    }
}

/// Reads a file and gives its lower-case hex SHA-256.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<String> {
    sha256(path)
}

/// Positions that a line of a usual length has, prompt included.
const USUAL_POSITIONS: usize = 1_024;

/// What decoding a batch of lines takes for a while, in bytes.
const DECODING: u64 = 768 << 20;

/// Bytes that a release needs on `device`, with its matrices held in `format` and lines of usual length
/// in `slots` seats: weights, keys and values, and the codec at work. An estimate from its configuration: nothing is loaded.
///
/// # Errors
/// [`LoadError`] when a configuration cannot be read.
pub fn memory_bytes(
    release: &Path,
    device: &Device,
    format: WeightFormat,
    slots: usize,
) -> Result<u64, LoadError> {
    let model = ModelConfig::read(&release.join("config.json"))?;
    let codec = CodecConfig::read(&release.join("speech_tokenizer/config.json"))?;
    let width = compute_dtype(device).size_in_bytes();
    let talker = &model.talker_config;
    // The table of text stays in the file, which is mapped.
    let table = talker.text_vocab_size * talker.text_hidden_size;
    let layout = Layout::of_model(&model);
    let in_layers: usize = match format {
        WeightFormat::Native => 0,
        WeightFormat::Q8_0 => {
            let layers = layout.shapes.iter().filter(|(name, _)| name.contains(".layers."));
            layers.map(|(_, shape)| shape.iter().product::<usize>()).sum()
        }
    };
    // Eight bits and a scale of 16 for 32 of them.
    let weights = layout.parameters().saturating_sub(table + in_layers) * width
        + in_layers * 34 / 32
        + Layout::of_codec(&codec).parameters() * size_of::<f32>();
    let position = 2 * talker.num_hidden_layers * talker.num_key_value_heads * talker.head_dim;
    let seats = slots * USUAL_POSITIONS * position * width;
    let shared = DECODING.min(8 * weights as u64);
    Ok((weights + seats) as u64 + shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(release: &str) -> std::path::PathBuf {
        fixtures::path(&format!("reference/{release}"))
    }

    #[test]
    fn any_file_that_decides_what_is_said_is_part_of_the_name() {
        let release = shipped("s1/base-0b6");
        let with = |changed: &str| {
            let mut hash = |path: &Path| {
                let is_it = path.strip_prefix(&release).unwrap() == Path::new(changed);
                Ok(if is_it { "1".to_owned() } else { "0".to_owned() })
            };
            Identity::of(&release, None, &mut hash).unwrap()
        };
        let quantised = with("").engine(&Device::Cpu, WeightFormat::Q8_0);
        let with = |changed: &str| with(changed).engine(&Device::Cpu, WeightFormat::Native);
        let plain = with("");
        assert!(plain.starts_with("qwen3-tts-12hz-0.6b-base/1/"), "{plain}");
        assert!(plain.ends_with("-cpu-f32"), "{plain}");
        assert_eq!(quantised, format!("{plain}-q8_0"));
        for file in DECISIVE {
            assert_ne!(with(file), plain, "{file}");
        }
    }

    #[test]
    fn a_release_without_one_of_its_files_names_it() {
        let mut nothing = |_: &Path| Err(io::ErrorKind::NotFound.into());
        let error = Identity::of(&shipped("s1/base-0b6"), None, &mut nothing).unwrap_err();
        assert!(error.to_string().ends_with("config.json"), "{error}");
    }

    #[test]
    fn a_release_needs_more_memory_for_more_seats() {
        let release = shipped("s1/base-1b7");
        let needs = |format, slots| memory_bytes(&release, &Device::Cpu, format, slots).unwrap();
        let [one, nine] = [1, 9].map(|slots| needs(WeightFormat::Native, slots));
        assert!(needs(WeightFormat::Q8_0, 1) < one);
        let file = release.join("model.safetensors").metadata().unwrap().len();
        assert!(one > file / 2 && nine > one, "{file} {one} {nine}");
    }
}
