//! The contract every queue keeps.

use std::collections::BTreeSet;

use async_trait::async_trait;
use schemas::{
    Batch, EpisodeId, GroupKey, LeaseId, LineId, LineRecord, Outcome, Progress, QueueEvent,
    QueuedLine, Submission, SubmissionId, TakeFacts, VoiceKey, WorkerId,
};
use serde::{Deserialize, Serialize};

use crate::QueueError;

/// A submission and its lines, as the scheduler hands them over.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSubmission {
    /// What its lines share.
    pub submission: Submission,
    /// In script order; `order` counts 0, 1, 2 ….
    pub lines: Vec<QueuedLine>,
}

/// What [`Queue::submit`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// Lines added; 0 when the submission was there already.
    pub lines: u64,
    /// Lines of failed or cancelled state set going again because the same was submitted again.
    pub revived: u64,
    /// Open lines of older submissions of the episode that were cancelled in favour of this one.
    pub superseded: u64,
}

/// What a worker can take on now.
#[derive(Debug, Clone, PartialEq)]
pub struct Want {
    /// Who asks. Lines that failed on it are left to others while others are alive.
    pub worker: WorkerId,
    /// Groups whose voice it holds ready, preferred in this order.
    pub warm: Vec<GroupKey>,
    /// Models it can speak; lines of other models are not handed to it. Lines to be mastered need
    /// no model and are handed to anyone.
    pub models: BTreeSet<String>,
    /// At most this many lines; at least 1.
    pub max_lines: usize,
    /// At most this much estimated audio, in milliseconds; a single longer line is still handed out.
    pub max_audio_ms: u64,
    /// How long the lease lasts unless renewed, in milliseconds.
    pub lease_ms: u64,
}

/// Whether a report was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// The lease holds; what was reported is recorded.
    Held,
    /// The lease had ended, the line was settled before, or it was cancelled: nothing is recorded
    /// and the worker throws its audio away. Not an error.
    Refused,
}

/// What a renewal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The lease holds until `expires_at_ms`; `cancelled` lines need not be rendered any more.
    Held {
        /// Unix milliseconds of the queue's clock.
        expires_at_ms: u64,
        /// Lines of the lease that were cancelled since it was given.
        cancelled: Vec<LineId>,
    },
    /// The lease has ended: stop, and throw the audio away.
    Lost,
}

/// Which lines a command is about; `None` selects all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Of this submission.
    pub submission: SubmissionId,
    /// Only this line.
    pub line: Option<LineId>,
    /// Only lines of this character, compared as cast.
    pub character: Option<String>,
}

/// What can be done to a submission as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmissionChange {
    /// Hands out no more lines of it. Lines already held are finished.
    Pause,
    /// Takes back a pause.
    Resume,
}

/// A worker as the queue last heard of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerCard {
    /// Who.
    pub worker: WorkerId,
    /// When it last claimed, renewed or settled; Unix milliseconds by the queue's clock.
    pub seen_at_ms: u64,
    /// Lines it holds now.
    pub lines_held: u64,
}

/// Lines, leases and what became of them.
///
/// Every call is atomic: it happens whole or not at all, also when the process dies inside it.
/// Time is the queue's own, never the caller's. Ended leases are taken back by [`Queue::claim`] and
/// by every call that reads states, so that no caretaker process is needed.
///
/// A line's attempt is charged by [`Queue::start`], not by the claim: after a crash only the lines
/// that were started are charged.
#[async_trait]
pub trait Queue: Send + Sync + std::fmt::Debug + 'static {
    /// Adds a submission with all its lines, and cancels what is open of older submissions of the
    /// same episode.
    ///
    /// The same submission again adds nothing; its failed and cancelled lines are set going again.
    /// Lines that come with a take start in [`schemas::Stage::Master`].
    ///
    /// # Errors
    /// When the queue cannot be written; then nothing was added.
    async fn submit(&self, new: NewSubmission) -> Result<Added, QueueError>;

    /// Hands out a batch, or `None` when nothing is to be done now.
    ///
    /// Within the highest priority that has something: lines to be mastered first, because they
    /// finish voices; then a warm group; then the group with the most waiting audio among those no
    /// other worker holds; then any. A group passed over for `60 s` goes first whatever is warm.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn claim(&self, want: &Want) -> Result<Option<Batch>, QueueError>;

    /// Records that work on a line began and charges it an attempt.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn start(&self, lease: &LeaseId, line: &LineId) -> Result<Fence, QueueError>;

    /// Extends a lease to `lease_ms` from now.
    ///
    /// # Errors
    /// When the queue cannot be reached; the lease may still hold.
    async fn renew(&self, lease: &LeaseId, lease_ms: u64) -> Result<Renewal, QueueError>;

    /// Records what became of one line of a lease. The lease ends with its last line.
    ///
    /// A spoken line waits until its voice is complete, then is to be mastered. A failure goes by
    /// its verdict: `Retry` waits out a back-off that doubles from one second to five minutes, and
    /// becomes final when the attempts are used up; `Reject` is final; `Quit` gives the line back
    /// uncharged.
    ///
    /// # Errors
    /// When the queue cannot be written; then nothing was recorded and the call may be repeated.
    async fn settle(
        &self,
        lease: &LeaseId,
        line: &LineId,
        outcome: &Outcome,
    ) -> Result<Fence, QueueError>;

    /// Gives back what is left of a lease, uncharged, and says how many lines that were.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn release(&self, lease: &LeaseId) -> Result<u64, QueueError>;

    /// Returns the takes of all spoken lines of a voice in a submission, in script order: what the
    /// voice's gain is computed from.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn takes_of_voice(
        &self,
        submission: &SubmissionId,
        voice: &VoiceKey,
    ) -> Result<Vec<TakeFacts>, QueueError>;

    /// Sets failed and cancelled lines going again with fresh attempts, and says how many.
    ///
    /// A line that comes back to be spoken holds its voice again: what was mastered of the voice is
    /// mastered anew, because the gain may differ.
    ///
    /// # Errors
    /// When the queue cannot be written or knows no such submission.
    async fn retry(&self, selection: &Selection) -> Result<u64, QueueError>;

    /// Cancels the selected lines that are not final, and says how many. Late reports are refused.
    ///
    /// # Errors
    /// When the queue cannot be written or knows no such submission.
    async fn cancel(&self, selection: &Selection) -> Result<u64, QueueError>;

    /// Pauses or resumes a submission.
    ///
    /// # Errors
    /// When the queue cannot be written or knows no such submission.
    async fn change(
        &self,
        submission: &SubmissionId,
        change: SubmissionChange,
    ) -> Result<(), QueueError>;

    /// Returns how far one submission is, or `None` when there is none of that name.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn progress(&self, submission: &SubmissionId) -> Result<Option<Progress>, QueueError>;

    /// Returns how far all submissions are, newest first; of one episode only, if named.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn submissions(&self, episode: Option<&EpisodeId>) -> Result<Vec<Progress>, QueueError>;

    /// Returns what a submission's lines share, or `None` when there is none of that name.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn submission(&self, id: &SubmissionId) -> Result<Option<Submission>, QueueError>;

    /// Returns every line of a submission, in script order.
    ///
    /// # Errors
    /// When the queue cannot be reached or knows no such submission.
    async fn lines(&self, submission: &SubmissionId) -> Result<Vec<LineRecord>, QueueError>;

    /// Returns up to `limit` events numbered above `after`, oldest first.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<QueueEvent>, QueueError>;

    /// Returns the workers heard of within the last hour, by name.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn workers(&self) -> Result<Vec<WorkerCard>, QueueError>;
}
