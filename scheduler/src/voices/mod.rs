//! Where voices come from: candidates that a model speaks by a description, and the one that is locked.

mod audition_text;
mod candidates;
mod draft;
mod locking;
pub mod page;
mod warm;

pub use audition_text::{audition_text, of_lines};
pub use candidates::{Call, Casting, candidates, episode};
pub use draft::{
    Candidate, Draft, DraftError, Heard, MOST_CANDIDATES, draft_object, drafted_recordings,
};
pub use locking::{Choice, LockError, chosen, cloned, neutral, to_lock};
pub use warm::{Warmth, prompts_of};
