//! Models on this machine: which there are, and how one comes here.

mod error;
mod fetch;
mod find;
mod hub;
mod repository;

pub use error::FetchError;
pub use fetch::{FetchOrder, FetchProgress, Fetched, HUB, USUAL_REVISION, fetch};
pub use find::{NotFound, Release, Unusable, find, installed};
pub use repository::{PUBLISHED, Repository};
