//! The lines that are being spoken, on the device.

use std::collections::HashMap;

use candle_core::cuda_backend::cudarc::driver::{CudaGraph, PinnedHostSlice, result, sys};
use candle_core::{Device, Error, Result, Tensor};

use super::frame::{Desk, FrameKernels, Places, words};
use super::memory::{Address, Memory, address};
use super::rows::{Row, Speaking, Text};
use super::stack::LayerKeys;
use crate::qwen3_tts::config::CODES;
use crate::qwen3_tts::prompt::Prefill;
use crate::qwen3_tts::stack::Cache;

/// What outlives a frame, by slot; one slot more than lines can have is for rows in which nobody is.
pub(in crate::qwen3_tts) struct Batch {
    slots: usize,
    device: Device,
    desk: Desk,
    /// `[slots + 1, E]`.
    kept: Tensor,
    /// U32, `[slots + 1, words]`.
    seen: Tensor,
    /// Of the lines that are spoken.
    texts: Vec<Option<Text>>,
    rows: Memory,
    codes: Memory,
    /// The same two on the host, where the device can reach them.
    host_rows: PinnedHostSlice<u8>,
    host_codes: PinnedHostSlice<u32>,
    /// A frame of so many rows, recorded.
    graphs: HashMap<usize, CudaGraph>,
    /// Where keys and values were when the graphs were recorded.
    recorded: Vec<(Address, usize)>,
}

// SAFETY: a graph may be used by one thread at a time, and this is only used through `&mut`.
unsafe impl Send for Batch {}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("slots", &self.slots).finish_non_exhaustive()
    }
}

/// Rows that a frame of `lines` lines is computed with: few sizes, as each has a graph of its own.
fn bucket(lines: usize) -> usize {
    match lines {
        0..=2 => lines.max(1),
        3..=8 => lines.next_power_of_two(),
        9..=64 => lines.next_multiple_of(8),
        _ => lines.next_multiple_of(64),
    }
}

impl Batch {
    /// Room for `slots` lines.
    pub(in crate::qwen3_tts) fn new(
        kernels: &FrameKernels,
        slots: usize,
        device: &Device,
    ) -> Result<Self> {
        let cuda = device.as_cuda_device()?;
        let stream = cuda.cuda_stream();
        let most = bucket(slots);
        let seen = words(kernels.vocabulary);
        // SAFETY: written before each use.
        let host_rows = unsafe { stream.context().alloc_pinned(most * size_of::<Row>()) };
        // SAFETY: written by the device before each use.
        let host_codes = unsafe { stream.context().alloc_pinned_with_flags(most * CODES, 0) };
        Ok(Self {
            slots,
            device: device.clone(),
            desk: kernels.desk(device, most)?,
            kept: Tensor::zeros((slots + 1, kernels.talker.width), kernels.dtype, device)?,
            seen: Tensor::zeros((slots + 1, seen), candle_core::DType::U32, device)?,
            texts: (0..slots).map(|_| None).collect(),
            rows: Memory::new(cuda, most, size_of::<Row>())?,
            codes: Memory::new(cuda, most * CODES, 4)?,
            host_rows: host_rows.map_err(Error::wrap)?,
            host_codes: host_codes.map_err(Error::wrap)?,
            graphs: HashMap::new(),
            recorded: Vec::new(),
        })
    }

    /// Slots, and so rows of the talker's cache: one more than lines.
    pub(in crate::qwen3_tts) fn cache_rows(slots: usize) -> usize {
        slots + 1
    }

    /// Seats a line of which the talker made `hidden`, `[1, E]`.
    pub(in crate::qwen3_tts) fn seat(
        &mut self,
        slot: usize,
        prefill: &Prefill,
        hidden: &Tensor,
    ) -> Result<()> {
        self.kept.slice_set(&hidden.contiguous()?, 0, slot)?;
        let nothing = Tensor::zeros((1, self.seen.dim(1)?), self.seen.dtype(), &self.device)?;
        self.seen.slice_set(&nothing, 0, slot)?;
        self.texts[slot] = Some(Text::of(prefill)?);
        Ok(())
    }

    /// Forgets a line.
    pub(in crate::qwen3_tts) fn leave(&mut self, slot: usize) {
        self.texts[slot] = None;
    }

    /// Chooses one frame for every line, in this order, and takes it in; `cache` has room for it.
    pub(in crate::qwen3_tts) fn step(
        &mut self,
        kernels: &FrameKernels,
        cache: &Cache,
        lines: &[Speaking],
    ) -> Result<Vec<[u32; CODES]>> {
        let count = bucket(lines.len());
        self.upload(lines, count)?;
        self.replay(kernels, cache, count)?;
        let codes = self.download(count)?;
        Ok(codes.as_chunks().0[..lines.len()].to_vec())
    }

    /// Tells the device of the lines, and fills the rest of the rows with nobody.
    pub(super) fn upload(&mut self, lines: &[Speaking], count: usize) -> Result<()> {
        let mut rows = Vec::with_capacity(count);
        for line in lines {
            let Some(text) = self.texts.get(line.slot).and_then(Option::as_ref) else {
                candle_core::bail!("nobody is in slot {}", line.slot)
            };
            rows.push(Row::new(line, text.at(line.count)?));
        }
        let Some(any) = rows.first().map(|row| row.text) else {
            candle_core::bail!("a frame of no lines")
        };
        rows.resize(count, Row::nobody(self.slots, any));
        let bytes = size_of_val(rows.as_slice());
        let host = self.host_rows.as_mut_slice().map_err(Error::wrap)?;
        // SAFETY: rows are plain numbers without gaps between them.
        let rows = unsafe { std::slice::from_raw_parts(rows.as_ptr().cast::<u8>(), bytes) };
        host[..bytes].copy_from_slice(rows);
        let stream = self.device.as_cuda_device()?.cuda_stream();
        // SAFETY: both are at least this long, and `download` waits before either is used again.
        unsafe {
            result::memcpy_htod_async(self.rows.address(), &host[..bytes], stream.cu_stream())
        }
        .map_err(Error::wrap)
    }

    /// Waits for the device and returns all rows' codes.
    fn download(&mut self, count: usize) -> Result<&[u32]> {
        let stream = self.device.as_cuda_device()?.cuda_stream();
        let host = self.host_codes.as_mut_slice().map_err(Error::wrap)?;
        let codes = &mut host[..count * CODES];
        // SAFETY: both are at least this long, and nobody looks before the stream is waited for.
        unsafe { result::memcpy_dtoh_async(codes, self.codes.address(), stream.cu_stream()) }
            .map_err(Error::wrap)?;
        stream.synchronize().map_err(Error::wrap)?;
        Ok(codes)
    }

    /// Runs a frame of `count` rows, recording it first where it was not yet.
    fn replay(&mut self, kernels: &FrameKernels, cache: &Cache, count: usize) -> Result<()> {
        let (keys, places) = keys(cache)?;
        if self.recorded != places {
            self.graphs.clear();
            self.recorded = places;
        }
        if let Some(graph) = self.graphs.get(&count) {
            return graph.launch().map_err(Error::wrap);
        }
        let graph = self.record(kernels, &keys, cache.capacity(), count)?;
        graph.launch().map_err(Error::wrap)?;
        self.graphs.insert(count, graph);
        Ok(())
    }

    fn record(
        &self,
        kernels: &FrameKernels,
        keys: &[LayerKeys],
        capacity: usize,
        count: usize,
    ) -> Result<CudaGraph> {
        // SAFETY: all places are this batch's and the cache's, which has a row for every slot and
        // one more; graphs are thrown away when the cache moves, and with the batch.
        self.recorded(|| unsafe { kernels.launch(&self.places(keys, capacity, count)?) })
    }

    /// What a frame of `count` rows goes over.
    pub(super) fn places<'a>(
        &'a self,
        keys: &'a [LayerKeys],
        capacity: usize,
        count: usize,
    ) -> Result<Places<'a>> {
        Ok(Places {
            lines: count,
            rows: self.rows.address(),
            codes: self.codes.address(),
            kept: address(&self.kept)?,
            seen: address(&self.seen)?,
            keys,
            capacity,
            desk: &self.desk,
        })
    }

    /// Records what `launch` launches.
    pub(super) fn recorded(&self, launch: impl FnOnce() -> Result<()>) -> Result<CudaGraph> {
        let stream = self.device.as_cuda_device()?.cuda_stream();
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        stream.begin_capture(mode).map_err(Error::wrap)?;
        let launched = launch();
        let flags = sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
        let graph = stream.end_capture(flags).map_err(Error::wrap)?;
        launched?;
        let Some(graph) = graph else { candle_core::bail!("nothing of a frame was recorded") };
        graph.upload().map_err(Error::wrap)?;
        Ok(graph)
    }
}

/// Where memory is and how much a cache has room for in it: what a recorded graph depends on.
type Lasting = Vec<(Address, usize)>;

/// Where a cache has its keys and values, and the same to be compared.
pub(super) fn keys(cache: &Cache) -> Result<(Vec<LayerKeys>, Lasting)> {
    let mut keys = Vec::new();
    for layer in cache.layers() {
        keys.push(LayerKeys { keys: address(&layer.keys)?, values: address(&layer.values)? });
    }
    let places = keys.iter().flat_map(|layer| [layer.keys, layer.values]);
    let places = places.map(|place| (place, cache.capacity())).collect();
    Ok((keys, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_lines_and_are_few() {
        let sizes: std::collections::BTreeSet<usize> = (1..=256).map(bucket).collect();
        assert!((1..=256).all(|lines| bucket(lines) >= lines));
        assert_eq!(sizes.len(), 14, "{sizes:?}");
    }
}
