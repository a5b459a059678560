//! What a decoder has to remember of the frames it has seen.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor};

/// The last moments that each layer saw, for some rows that are decoded side by side.
///
/// Everything that decoding carries from one frame to the next is in here: the tails of the causal
/// convolutions and the keys and values that the attention window still reaches. A clone is cheap,
/// as tensors are shared and replaced, never written to.
///
/// Letters: `P` moments that a layer looks back, `B` rows, `C` its channels.
#[derive(Debug, Clone)]
pub struct DecoderState {
    /// `[P, B, C]`, by the name of the layer in the checkpoint; zeros where nothing came before.
    tails: BTreeMap<String, Tensor>,
    /// Frames that each row has seen.
    positions: Vec<usize>,
}

/// How far back one layer looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    /// The layer, as the checkpoint calls it.
    pub name: String,
    /// `P`.
    pub moments: usize,
    /// `C`.
    pub channels: usize,
}

/// Under which name [`DecoderState::tensors`] has the frames seen.
const POSITIONS: &str = "positions";

impl DecoderState {
    /// The state before the first frame.
    pub(super) fn fresh(tails: &[Tail], rows: usize, device: &Device) -> Result<Self> {
        let tails = tails
            .iter()
            .map(|tail| {
                let zeros = Tensor::zeros((tail.moments, rows, tail.channels), DType::F32, device);
                Ok((tail.name.clone(), zeros?))
            })
            .collect::<Result<_>>()?;
        Ok(Self { tails, positions: vec![0; rows] })
    }

    /// How many frames each row has seen.
    #[must_use]
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }

    /// Bytes it takes on its device.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tails.values().map(|tail| tail.elem_count() * tail.dtype().size_in_bytes()).sum()
    }

    /// All of it, named, e.g. to be written to a safetensors file.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = self.tails.clone();
        let positions = self.positions.iter().map(|&position| position as u64);
        let positions = positions.map(u64::cast_signed).collect::<Vec<_>>();
        tensors.insert(POSITIONS.to_owned(), Tensor::new(positions, &Device::Cpu)?);
        Ok(tensors)
    }

    /// The reverse of [`Self::tensors`]. A decoder refuses it if it is not one of its own.
    ///
    /// # Errors
    /// When there are no positions, and when the device is out of memory.
    pub fn from_tensors(mut tensors: BTreeMap<String, Tensor>, device: &Device) -> Result<Self> {
        let Some(positions) = tensors.remove(POSITIONS) else {
            candle_core::bail!("no tensor {POSITIONS}")
        };
        let positions = positions.to_vec1::<i64>()?;
        let Ok(positions) = positions.into_iter().map(usize::try_from).collect() else {
            candle_core::bail!("a position is negative")
        };
        for tail in tensors.values_mut() {
            *tail = tail.to_dtype(DType::F32)?.to_device(device)?;
        }
        Ok(Self { tails: tensors, positions })
    }

    /// Holds a state that came from outside to what the decoder's layers need.
    pub(super) fn check(&self, tails: &[Tail]) -> Result<()> {
        for Tail { name, moments, channels } in tails {
            let expected = [*moments, self.positions.len(), *channels];
            match self.tails.get(name) {
                Some(tail) if tail.dims() == expected => {}
                Some(tail) => {
                    candle_core::bail!("state of {name} is {:?}, not {expected:?}", tail.dims())
                }
                None => candle_core::bail!("no state of {name}"),
            }
        }
        Ok(())
    }

    /// Lets states of several rows go on side by side; at least one.
    pub(super) fn stack(states: &[&Self]) -> Result<Self> {
        let mut tails = BTreeMap::new();
        for name in states[0].tails.keys() {
            let each: Vec<_> =
                states.iter().map(|state| state.tail(name)).collect::<Result<_>>()?;
            tails.insert(name.clone(), Tensor::cat(&each, 1)?);
        }
        let positions = states.iter().flat_map(|state| state.positions.iter().copied()).collect();
        Ok(Self { tails, positions })
    }

    /// Forgets all but the first `rows` rows.
    pub(super) fn truncate(&mut self, rows: usize) -> Result<()> {
        if rows < self.positions.len() {
            for tail in self.tails.values_mut() {
                *tail = tail.narrow(1, 0, rows)?.contiguous()?;
            }
            self.positions.truncate(rows);
        }
        Ok(())
    }

    /// Puts what a layer remembers in front of what it sees now, and remembers the end of that.
    ///
    /// # Shapes
    /// * `seen` `[T, B, C]`
    /// * returns `[P + T, B, C]`, contiguous
    pub(super) fn extend(&mut self, name: &str, seen: &Tensor) -> Result<Tensor> {
        let tail = self.tail(name)?;
        let moments = tail.dim(0)?;
        let whole = Tensor::cat(&[tail, seen], 0)?;
        // A copy, so that the tail does not keep the whole alive.
        let end = whole.narrow(0, whole.dim(0)? - moments, moments)?.force_contiguous()?;
        self.tails.insert(name.to_owned(), end);
        Ok(whole)
    }

    /// Lets a layer remember this instead.
    #[cfg(feature = "cuda")]
    pub(in crate::qwen3_tts) fn set_tail(&mut self, name: &str, tail: Tensor) {
        self.tails.insert(name.to_owned(), tail);
    }

    /// Counts frames that all layers have seen.
    pub(super) fn advance(&mut self, frames: usize) {
        for position in &mut self.positions {
            *position += frames;
        }
    }

    /// What a layer remembers: `[P, B, C]`.
    pub(in crate::qwen3_tts) fn tail(&self, name: &str) -> Result<&Tensor> {
        match self.tails.get(name) {
            Some(tail) => Ok(tail),
            None => candle_core::bail!("no state of {name}"),
        }
    }
}
