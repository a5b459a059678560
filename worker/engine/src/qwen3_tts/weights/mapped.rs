//! Tensors of a safetensors file, mapped into memory.

use std::fs::File;
use std::path::Path;

use candle_core::{DType, Device, Result, Tensor};
use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::{Metadata, TensorInfo};

use super::{Layout, Source};
use crate::qwen3_tts::LoadError;

/// A mapped file whose header was checked.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Mmap,
    /// Where the tensors' bytes begin.
    data: usize,
    header: Metadata,
}

impl Mapped {
    /// Maps a file and holds its header to `layout`.
    pub(super) fn open(path: &Path, layout: &Layout) -> std::result::Result<Self, LoadError> {
        let read = |source| LoadError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        let map = map(&file).map_err(read)?;
        let (header_bytes, header) = SafeTensors::read_metadata(&map).map_err(|error| {
            LoadError::Invalid { path: path.to_owned(), problem: error.to_string() }
        })?;
        check(&header, layout).map_err(|(name, problem)| LoadError::Tensor {
            path: path.to_owned(),
            name,
            problem,
        })?;
        Ok(Self { map, data: header_bytes + LENGTH_BYTES, header })
    }

    fn find(&self, name: &str) -> Result<(&TensorInfo, &[u8])> {
        let Some(info) = self.header.info(name) else { candle_core::bail!("no tensor {name}") };
        let (start, end) = info.data_offsets;
        Ok((info, &self.map[self.data + start..self.data + end]))
    }
}

/// The header's own length stands in front of it, in this many bytes.
const LENGTH_BYTES: usize = 8;

#[expect(unsafe_code, reason = "mapping is what keeps gigabytes of weights out of the heap")]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: sound as long as nobody truncates or rewrites the file while it is mapped, which
    // `Weights::open` asks of its caller.
    unsafe { Mmap::map(file) }
}

/// Returns the first tensor that is missing, wrong or unknown, with what is wrong about it.
fn check(header: &Metadata, layout: &Layout) -> std::result::Result<(), (String, String)> {
    for (name, shape) in &layout.shapes {
        let wrong = |problem: String| Err((name.clone(), problem));
        let Some(info) = header.info(name) else {
            return wrong(format!("missing, expected {shape:?}"));
        };
        if &info.shape != shape {
            return wrong(format!("is {:?}, expected {shape:?}", info.shape));
        }
        if !DType::try_from(info.dtype).is_ok_and(|dtype| layout.dtypes.contains(&dtype)) {
            return wrong(format!("is {:?}, expected one of {:?}", info.dtype, layout.dtypes));
        }
    }
    let mut names = header.offset_keys();
    names.sort_unstable();
    match names.into_iter().find(|name| !layout.shapes.contains_key(name)) {
        Some(name) => Err((name, "unknown to this model".to_owned())),
        None => Ok(()),
    }
}

impl Source for Mapped {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.header.info(name)?.shape)
    }

    fn tensor(&self, name: &str, device: &Device) -> Result<Tensor> {
        let (info, bytes) = self.find(name)?;
        Tensor::from_raw_buffer(bytes, info.dtype.try_into()?, &info.shape, device)
    }

    fn rows(&self, name: &str, ids: &[u32]) -> Result<Tensor> {
        let (info, bytes) = self.find(name)?;
        let &[rows, width] = info.shape.as_slice() else {
            candle_core::bail!("{name} is no matrix: {:?}", info.shape)
        };
        let row_bytes = bytes.len() / rows;
        let mut picked = Vec::with_capacity(ids.len() * row_bytes);
        for &id in ids {
            let start = id as usize * row_bytes;
            picked.extend_from_slice(&bytes[start..start + row_bytes]);
        }
        Tensor::from_raw_buffer(&picked, info.dtype.try_into()?, &[ids.len(), width], &Device::Cpu)
    }
}
