//! The codec: samples to frames of codes, and frames to samples.

pub mod encoder;
