//! What a frame has to know of its lines.

use candle_core::{Result, Tensor};

use super::memory::{Address, address};
use crate::qwen3_tts::config::CODES;
use crate::qwen3_tts::prompt::Prefill;
use crate::qwen3_tts::sampling::{Draws, Sampling, Warp};

/// A line that is being spoken, as the host knows it.
#[derive(Debug, Clone, Copy)]
pub(in crate::qwen3_tts) struct Speaking<'a> {
    /// Its slot.
    pub slot: usize,
    /// Positions the talker has of it.
    pub length: usize,
    /// Ids it has.
    pub count: usize,
    pub sampling: &'a Sampling,
    pub draws: &'a Draws,
}

/// The same as the kernels are told: `Row` in `common.cuh`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub(super) struct Row {
    pub text: Address,
    pub slot: u32,
    pub length: u32,
    pub count: u32,
    /// Of talker and predictor, as the next two.
    pub top_k: [u32; 2],
    /// 0 takes the likeliest.
    pub temperature: [f32; 2],
    pub spare: [f32; 2],
    pub penalty: f32,
    pub draws: [f32; CODES],
}

const _: () = assert!(size_of::<Row>() == 112, "common.cuh says so, too");

/// The largest number below 1.
const BELOW_ONE: f32 = 1.0 - f32::EPSILON / 2.0;

impl Row {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the device computes in F32, and positions are below 65 536"
    )]
    pub(super) fn new(line: &Speaking, text: Address) -> Self {
        let warps = [line.sampling.talker, line.sampling.predictor];
        let number = |of: fn(Warp) -> f64| warps.map(|warp| warp.map_or(0.0, of) as f32);
        let top_k = |warp: Option<Warp>| {
            warp.map_or(0, |warp| u32::try_from(warp.top_k).unwrap_or(u32::MAX))
        };
        let draw = |code| (line.draws.at(line.count, code) as f32).min(BELOW_ONE);
        Self {
            text,
            slot: line.slot as u32,
            length: line.length as u32,
            count: line.count as u32,
            top_k: warps.map(top_k),
            temperature: number(|warp| warp.temperature),
            spare: number(|warp| 1.0 - warp.top_p),
            penalty: line.sampling.repetition_penalty as f32,
            draws: std::array::from_fn(draw),
        }
    }

    /// A row in which nobody is: it goes through all that the others do, in a slot of its own.
    #[expect(clippy::cast_possible_truncation, reason = "slots are few")]
    pub(super) fn nobody(slot: usize, text: Address) -> Self {
        Self { text, slot: slot as u32, penalty: 1.0, ..Self::default() }
    }
}

/// What is added to a line's frames, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// `[frames, E]`.
    trailing: Option<Tensor>,
    /// `[1, E]`: behind them.
    pad: Tensor,
}

impl Text {
    pub(super) fn of(prefill: &Prefill) -> Result<Self> {
        let trailing = prefill.trailing.as_ref().map(Tensor::contiguous).transpose()?;
        Ok(Self { trailing, pad: prefill.pad.contiguous()? })
    }

    /// Where the vector is that is added to frame `frame`.
    pub(super) fn at(&self, frame: usize) -> Result<Address> {
        match &self.trailing {
            Some(trailing) if frame < trailing.dim(0)? => {
                let row = trailing.dim(1)? * trailing.dtype().size_in_bytes();
                Ok(address(trailing)? + (frame * row) as u64)
            }
            Some(_) | None => address(&self.pad),
        }
    }
}
