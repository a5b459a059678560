//! The `tableread` command as its users run it: the built binary, in a folder of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

mod common;
mod reading;
mod readme;
mod rendering;
