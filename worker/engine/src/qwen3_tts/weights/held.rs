//! Tensors that are in memory already.

use std::collections::HashMap;

use candle_core::{Device, Result, Tensor};

use super::Source;

/// Tensors by name, on the CPU.
#[derive(Debug)]
pub(super) struct Held(pub(super) HashMap<String, Tensor>);

impl Held {
    fn find(&self, name: &str) -> Result<&Tensor> {
        let Some(tensor) = self.0.get(name) else { candle_core::bail!("no tensor {name}") };
        Ok(tensor)
    }
}

impl Source for Held {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.0.get(name).map(Tensor::dims)
    }

    fn tensor(&self, name: &str, device: &Device) -> Result<Tensor> {
        self.find(name)?.to_device(device)
    }

    fn rows(&self, name: &str, ids: &[u32]) -> Result<Tensor> {
        self.find(name)?.index_select(&Tensor::new(ids, &Device::Cpu)?, 0)
    }
}
