//! Puts a whole farm to the test.
//!
//! [`chaos`] runs a queue, a store, schedulers and workers as processes, breaks all of them in a
//! seeded order, and audits what became of every line. The programs are the real ones but for the
//! speaker: [`tone`] gives a short tone at once, so that thousands of lines take minutes.

pub mod chaos;
pub mod lines;
pub mod load;
pub mod tone;
