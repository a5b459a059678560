//! A checkpoint's tensors: mapped from a file and held to a [`Layout`], or made up for benches.

mod format;
mod held;
mod layout;
mod mapped;
mod pins;
mod random;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::LoadError;
use held::Held;
use mapped::Mapped;
use random::Random;

pub use format::WeightFormat;
pub use layout::Layout;
pub use pins::Pins;
pub(super) use pins::sha256;

/// Where tensors come from. Cheap to clone; nothing is read before it is asked for.
#[derive(Debug, Clone)]
pub struct Weights {
    source: Arc<dyn Source>,
}

/// Gives tensors by name, in the type they are stored in.
trait Source: std::fmt::Debug + Send + Sync {
    /// The shape of a tensor, if there is one of that name.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// A whole tensor.
    fn tensor(&self, name: &str, device: &Device) -> Result<Tensor>;

    /// Some rows of a matrix, in the order of `ids`, on the CPU.
    fn rows(&self, name: &str, ids: &[u32]) -> Result<Tensor>;
}

impl Weights {
    /// Maps a safetensors file whose every tensor is the layout's and which has no others.
    ///
    /// The file must not be written to as long as this or a clone lives.
    ///
    /// # Errors
    /// [`LoadError`]; of several wrong tensors the first in alphabetical order is named.
    pub fn open(path: &Path, layout: &Layout) -> std::result::Result<Self, LoadError> {
        Ok(Self { source: Arc::new(Mapped::open(path, layout)?) })
    }

    /// Takes tensors that are in memory on the CPU, by name; nothing holds them to a layout.
    pub(super) fn held(tensors: HashMap<String, Tensor>) -> Self {
        Self { source: Arc::new(Held(tensors)) }
    }

    /// Makes up weights, the same for the same seed, each tensor when it is asked for.
    ///
    /// Their spread keeps activations finite through every layer. What such a model says is noise.
    #[must_use]
    pub fn random(layout: Layout, seed: u64) -> Self {
        Self { source: Arc::new(Random::new(layout, seed)) }
    }

    /// Gives modules their tensors, converted to `dtype` and moved to `device`.
    #[must_use]
    pub fn builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(Backend(self.clone())), dtype, device.clone())
    }

    /// Leaves a matrix where it is and reads single rows of it.
    ///
    /// # Errors
    /// When there is no matrix of that name.
    pub fn table(&self, name: &str) -> Result<HostTable> {
        match self.source.shape(name) {
            Some(&[rows, width]) => {
                Ok(HostTable { weights: self.clone(), name: name.to_owned(), rows, width })
            }
            Some(shape) => candle_core::bail!("{name} is no matrix: {shape:?}"),
            None => candle_core::bail!("no tensor {name}"),
        }
    }
}

/// A matrix that stays in host memory, mapped or made up, because only few rows are ever needed:
/// the text embedding is half of the small model.
#[derive(Debug, Clone)]
pub struct HostTable {
    weights: Weights,
    name: String,
    rows: usize,
    width: usize,
}

impl HostTable {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How long a row is.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Looks rows up.
    ///
    /// # Shapes
    /// * `ids`: `N` of them, at least one
    /// * returns `[N, width]` of type `dtype` on `device`
    ///
    /// # Errors
    /// On no ids, on one that is not below [`Self::rows`], and when the device is out of memory.
    pub fn gather(&self, ids: &[u32], dtype: DType, device: &Device) -> Result<Tensor> {
        if ids.is_empty() {
            candle_core::bail!("no rows of {} asked for", self.name);
        }
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.rows) {
            candle_core::bail!("{} has {} rows, asked for row {id}", self.name, self.rows);
        }
        self.weights.source.rows(&self.name, ids)?.to_dtype(dtype)?.to_device(device)
    }
}

/// The type to compute in: half the memory and bandwidth where the device is made for it.
///
/// The codec is always computed in F32, whatever the device.
#[must_use]
pub fn compute_dtype(device: &Device) -> DType {
    match device {
        Device::Cpu => DType::F32,
        Device::Cuda(_) | Device::Metal(_) => DType::BF16,
    }
}

/// What a [`VarBuilder`] asks.
struct Backend(Weights);

impl SimpleBackend for Backend {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let tensor = self.get_unchecked(name, dtype, device)?;
        if tensor.shape() != &shape {
            candle_core::bail!("{name} is {:?}, asked for as {shape:?}", tensor.shape());
        }
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        self.0.source.tensor(name, device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.source.shape(name).is_some()
    }
}

#[cfg(test)]
mod tests;
