//! The frame step of an NVIDIA GPU: few kernels of our own, all of a frame as one graph.
//!
//! The generic path makes some 4 000 small launches a frame, and a launch costs more than what it
//! does. Here a layer is five kernels, a frame one launch of a graph that holds them all, and the
//! host waits once, for the codes. A row's arithmetic does not depend on how many rows there are,
//! so a line's codes are the same to the bit in any company.
//!
//! Prompts are still taken in by the generic path, which is also what this one is held to. Sums and
//! what is carried from layer to layer are F32 here, so the two differ by rounding.

#![expect(unsafe_code, reason = "kernels are given addresses of device memory")]

mod attention;
mod batch;
mod choose;
mod frame;
mod kernels;
mod memory;
mod product;
mod rows;
mod stack;
mod waves;

pub(super) use batch::Batch;
pub(super) use frame::FrameKernels;
pub(super) use rows::Speaking;
pub(super) use waves::WaveKernels;

#[cfg(test)]
mod tests;
