//! The `tableread` command as its users run it: the built binary, in a folder of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

mod changing;
mod collector;
mod common;
mod designing;
mod models;
mod operating;
mod reading;
mod readme;
#[path = "../../../worker/tests/releases/mod.rs"]
mod releases;
mod rendering;
mod takes;
mod telemetry;
mod voices;
#[cfg(unix)]
mod watching;
