//! What was kept of a row, as named tensors: to be written to a file and read again.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};

use super::{Kept, Stack};

impl Kept {
    /// Bytes it takes on its device.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        self.layers.iter().map(|(keys, values)| bytes(keys) + bytes(values)).sum()
    }

    /// Its keys and values by layer, `[1, G, length, D]` each.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let layers = self.layers.iter().enumerate();
        let named = layers.flat_map(|(layer, (keys, values))| {
            let [keys_name, values_name] = names(layer);
            [(keys_name, keys.clone()), (values_name, values.clone())]
        });
        named.collect()
    }
}

impl Stack {
    /// The reverse of [`Kept::tensors`]; takes its tensors out of `tensors`.
    ///
    /// # Errors
    /// When one is missing or is not of this stack's size and type, and when the device is out of
    /// memory.
    pub(crate) fn recall(
        &self,
        tensors: &mut BTreeMap<String, Tensor>,
        length: usize,
    ) -> Result<Kept> {
        let shape = &self.cache;
        let expected = [1, shape.kv_heads, length, shape.head_width];
        let mut take = |name: String| match tensors.remove(&name) {
            Some(tensor) if tensor.dims() == expected && tensor.dtype() == shape.dtype => {
                tensor.to_device(&shape.device)
            }
            Some(tensor) => {
                let (dims, dtype) = (tensor.dims(), tensor.dtype());
                candle_core::bail!("{name} is {dims:?} {dtype:?}, expected {expected:?}")
            }
            None => candle_core::bail!("no tensor {name}"),
        };
        let mut layer = |layer| {
            let [keys, values] = names(layer);
            Ok((take(keys)?, take(values)?))
        };
        let layers = (0..shape.layers).map(&mut layer).collect::<Result<_>>()?;
        Ok(Kept { length, layers })
    }
}

fn names(layer: usize) -> [String; 2] {
    ["keys", "values"].map(|what| format!("prefix.{layer}.{what}"))
}
