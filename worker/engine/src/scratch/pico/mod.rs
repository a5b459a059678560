//! SVOX Pico, in process.

mod ffi;
mod line;
mod voices;

pub(crate) use line::{PicoLine, RATE_HZ};
pub(crate) use voices::{PicoVoice, create_new};
