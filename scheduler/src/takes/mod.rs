//! Takes of a line beside the usual one: alternatives, recordings, what was chosen and approved.
//!
//! What people decide is kept in the store beside the episode's ledger, as steps that are only ever
//! added. A choice follows its line across edits, stands for as long as what it was made for, and every
//! step can be undone. Audio is never touched by any of it: a take is an object of its own.

mod again;
mod apply;
mod basis;
mod log;
mod more;
mod recording;
mod step;

pub use again::{Again, again, planned};
pub use apply::{Lapse, LapseReason, annotate, apply, wanted};
pub use basis::LineBasis;
pub use log::{TakesError, read, write};
pub(crate) use log::{is_step, read_step};
pub use more::{DirectionError, Wish, alternatives, in_direction, of_takes, submission_of_takes};
pub use recording::{Performer, Recorded, RecordingError, read_recording, store_recording};
pub use step::{Act, Choice, Decisions, KnownTake, LineStep, LineTakes, RECORDING_ENGINE, Step};
