//! Plans screenplays into lines, keeps their queue, and says what became of them.

pub mod cast;
pub mod ledger;
pub mod lexicon;
pub mod plan;
