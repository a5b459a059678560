//! Holds what a module computes to what the reference computed: for tests.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::config::{CODES, CodecConfig, ModelConfig};
use super::distance::farthest;
use super::weights::{Layout, Weights};

/// A tiny release, and what the reference computed with it.
pub(super) struct Golden {
    release: PathBuf,
    tensors: HashMap<String, Tensor>,
}

impl Golden {
    /// Opens one of `reference/` in the fixtures, e.g. `s1/base-0b6`.
    pub(super) fn open(release: &str) -> Self {
        Self::at(&fixtures::path(&format!("reference/{release}")))
    }

    /// Opens any release that has its goldens beside it.
    pub(super) fn at(release: &Path) -> Self {
        let goldens = release.with_extension("goldens.safetensors");
        let tensors = candle_core::safetensors::load(&goldens, &Device::Cpu)
            .unwrap_or_else(|error| panic!("{}: {error}", goldens.display()));
        Self { release: release.to_owned(), tensors }
    }

    /// What the reference computed.
    pub(super) fn tensor(&self, name: &str) -> &Tensor {
        self.get(name).unwrap_or_else(|| panic!("no golden {name}"))
    }

    /// The same, where not every release has it.
    pub(super) fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// A vector that the reference computed or was given.
    pub(super) fn numbers(&self, name: &str) -> Vec<f32> {
        self.tensor(name).to_vec1().unwrap()
    }

    /// Codes that the reference computed or was given.
    pub(super) fn frames<T: TryFrom<u32>>(&self, name: &str) -> Vec<[T; CODES]> {
        let rows = self.tensor(name).to_dtype(DType::U32).unwrap().to_vec2::<u32>().unwrap();
        let code = |code| T::try_from(code).ok().unwrap();
        rows.iter().map(|row| std::array::from_fn(|place| code(row[place]))).collect()
    }

    /// The model's configuration and weights, in F32 on the CPU.
    pub(super) fn model(&self) -> (ModelConfig, VarBuilder<'static>) {
        let config = ModelConfig::read(&self.release.join("config.json")).unwrap();
        let path = self.release.join("model.safetensors");
        let weights = Weights::open(&path, &Layout::of_model(&config)).unwrap();
        (config, weights.builder(DType::F32, &Device::Cpu))
    }

    /// The codec's.
    pub(super) fn codec(&self) -> (CodecConfig, VarBuilder<'static>) {
        let folder = self.release.join("speech_tokenizer");
        let config = CodecConfig::read(&folder.join("config.json")).unwrap();
        let path = folder.join("model.safetensors");
        let weights = Weights::open(&path, &Layout::of_codec(&config)).unwrap();
        (config, weights.builder(DType::F32, &Device::Cpu))
    }
}

/// Fails unless `ours` is `golden` to within `tolerance`; NaN never is.
#[track_caller]
pub(super) fn assert_near(ours: &Tensor, golden: &Tensor, tolerance: f32, what: &str) {
    let (at, max_abs) = farthest(ours, golden).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(max_abs <= tolerance, "{what}: {max_abs} apart at {at}, tolerated are {tolerance}");
}
