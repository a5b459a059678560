//! Plans screenplays into lines, keeps their queue, and says what became of them.

pub mod cast;
pub mod cli;
pub mod export;
pub mod finish;
pub mod ledger;
pub mod lexicon;
pub mod pace;
pub mod plan;
pub mod price;
pub mod serve;
pub mod story;
pub mod submit;
pub mod sweep;
pub mod takes;
pub mod voices;
