//! The codec: samples to frames of codes, and frames to samples.

pub mod decoder;
pub mod encoder;
