//! The HTTP API against a real server: every answer is held to the OpenAPI document as well.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod access;
mod audio;
mod browser;
mod changes;
mod client;
mod clients;
mod command;
mod common;
mod document;
mod events;
mod idempotency;
mod limits;
mod page_forms;
mod page_in_browser;
mod pages;
mod price;
mod submitting;
