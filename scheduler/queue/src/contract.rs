//! The contract every queue keeps.

use std::collections::BTreeSet;

use async_trait::async_trait;
use schemas::{
    Batch, EpisodeId, GroupKey, LeaseId, LineId, LineRecord, Outcome, Progress, QueueEvent,
    QueuedLine, Submission, SubmissionId, Tag, TakeFacts, VoiceKey, WorkerId, WorkerOrders,
    WorkerReport, needed,
};

use crate::{QueueError, WorkerCard, WorkerHour};

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
    /// Lines added; 0 when a submission of that name was there already.
    pub lines: u64,
    /// Lines of failed or cancelled state set going again because the same was submitted again.
    pub revived: u64,
    /// Open lines of older submissions of the episode that were cancelled in favour of this one.
    pub superseded: u64,
}

/// What a worker can take on now.
#[derive(Debug, Clone, PartialEq)]
pub struct Want {
    /// Who asks. Lines that failed on it are left to others while others are alive; see
    /// [`Queue::claim`].
    pub worker: WorkerId,
    /// Groups whose voice it holds ready, preferred in this order.
    pub warm: Vec<GroupKey>,
    /// Engines it has, by name and version; lines that another engine has to speak are not handed to
    /// it, see [`schemas::LineJob::engine`]. Lines to be mastered need none and are handed to anyone.
    pub engines: BTreeSet<String>,
    /// Tags it was given: lines of a submission that asks for another are not handed to it to be
    /// spoken, see [`schemas::Submission::tag`].
    pub tags: BTreeSet<Tag>,
    /// At most this many lines; 0 counts as 1.
    pub max_lines: usize,
    /// At most this much estimated audio, in milliseconds; a single longer line is still handed out.
    pub max_audio_ms: u64,
    /// How long the lease lasts unless renewed, in milliseconds.
    pub lease_ms: u64,
}

impl Want {
    /// All that lines to be spoken can need and it has, as [`schemas::needed`] writes it.
    #[must_use]
    pub fn supplies(&self) -> BTreeSet<String> {
        let tags = || std::iter::once(None).chain(self.tags.iter().map(Some));
        self.engines.iter().flat_map(|engine| tags().map(|tag| needed(engine, tag))).collect()
    }
}

/// Whether a report was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// The lease holds; what was reported is recorded.
    Held,
    /// The lease had ended, the line was settled before or cancelled, it went back to wait for its
    /// voice, it was never of this lease, or the report is of the other stage (a take for a line to
    /// be mastered, a delivery for one to be spoken): nothing is recorded and the worker throws its
    /// audio away. Not an error.
    Refused,
}

/// What a renewal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The lease holds until `expires_at_ms`; `cancelled` lines need not be rendered any more, and
    /// reports about them are refused.
    Held {
        /// Unix milliseconds of the queue's clock.
        expires_at_ms: u64,
        /// Lines of the lease that were cancelled since it was given, in script order; named by
        /// every renewal, not only by the first.
        cancelled: Vec<LineId>,
    },
    /// The lease has ended, or holds no line any more: stop, and throw the audio away.
    Lost,
}

/// Which lines a command is about; `None` selects all. With both set, a line must match both; a
/// name that matches nothing selects nothing and is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Of this submission.
    pub submission: SubmissionId,
    /// Only this line.
    pub line: Option<LineId>,
    /// Only lines of this character, compared byte for byte with the name as cast.
    pub character: Option<String>,
}

/// What can be done to a submission as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmissionChange {
    /// Hands out no more lines of it. Lines already held are finished, back-offs and leases go on.
    Pause,
    /// Takes back a pause. The time spent paused does not count as being passed over.
    Resume,
}

/// Lines, leases and what became of them. [`schemas::LineState`] draws how a line moves.
///
/// Every call is atomic: it happens whole or not at all, also when the process dies inside it. What
/// [`Queue::submit`], [`Queue::settle`] and the commands answered survives a power cut. What a claim,
/// start or renewal did may be undone by one that ends the workers with it: the lines then wait
/// again, and are not charged.
///
/// Time is the queue's own, never the caller's. Every call first brings the queue up to the present,
/// so that no caretaker process is needed:
///
/// * A lease ends at `expires_at_ms`, that millisecond included. Its lines that were started keep
///   their charge, are noted to have failed on the worker with [`schemas::FailureKind::Crash`], and
///   wait again at once, or are given up on when the attempts are used up. Its other lines wait
///   again as if they had never been handed out.
/// * A line whose back-off has passed waits again.
/// * Lines held for their voice are let through, all at once, when no line of the voice in the
///   submission is still to be spoken: waiting, leased or delayed in [`schemas::Stage::Speak`].
///   Failed and cancelled lines do not hold their voice.
///
/// A line's attempt is charged by [`Queue::start`], not by the claim: after a crash only the lines
/// that were started are charged. Attempts are counted for each stage on its own, and so is on which
/// workers a line failed: with the stage both begin anew.
#[async_trait]
pub trait Queue: Send + Sync + std::fmt::Debug + 'static {
    /// Adds a submission with all its lines, and cancels what is open of older submissions of the
    /// same episode.
    ///
    /// Lines that come with a take start in [`schemas::Stage::Master`].
    ///
    /// A submission of a name that is there already adds and changes nothing: only the name is
    /// compared, and its lines, priority, attempts and mastering stay as they were first given. Its
    /// failed and cancelled lines are set going again as by [`Queue::retry`], a pause stays, and it
    /// becomes the current one of its episode: what is open of the others is cancelled, newer ones
    /// included, and it is listed first.
    ///
    /// # Errors
    /// [`QueueError::Unsound`] when the lines are not numbered 0, 1, 2 …, a line is in it twice, a
    /// line's voice is missing, or a group has two voices or two engines; or when the queue cannot be
    /// written. Then nothing was added.
    async fn submit(&self, new: NewSubmission) -> Result<Added, QueueError>;

    /// Hands out a batch, or `None` when nothing is to be done now.
    ///
    /// A batch is of one submission, stage and group. A lower priority is looked at only when the
    /// higher have nothing for this worker. Within a priority the first of these that has something:
    ///
    /// 1. a group passed over for 60 s or more, in either stage: since lines of it were last handed
    ///    out in that stage, it began to have lines waiting there, or its submission was resumed,
    ///    whichever was last;
    /// 2. lines to be mastered, because they finish voices;
    /// 3. a group in [`Want::warm`], in its order, of a submission that is not ahead;
    /// 4. any group to be spoken.
    ///
    /// Submissions of one priority share the farm. What one has is the estimated audio of its lines
    /// under lease, in either stage, divided by its [`Submission::shares`]; it is *ahead* while that
    /// is more than 60 s above the least of the submissions with something for this worker. Of 1, 2
    /// and 4 the submission with the least goes first, and among equals the one added first: what is
    /// under lease stays within a batch of the shares; a warm voice may add those 60 s.
    ///
    /// Within a submission goes, of 1, the group passed over longest; of 4, one that no other worker
    /// holds a lease to speak, in any submission; of 2 and 4, the one with the most waiting audio;
    /// then the one whose first line comes first. Lines of a group go shortest first when to be spoken
    /// and in script order when to be mastered; equally long ones in script order.
    ///
    /// So no line is starved: a group that was passed over for 60 s waits only for groups that were
    /// too, and of these every submission is handed its share.
    ///
    /// A line that failed on this worker in its stage, by `Retry`, `Quit` or a lease that ran out, is
    /// left to others while there is one that could take it: alive, not ordered to drain, on which it
    /// did not fail, and that has its engine if it is to be spoken. A worker is alive for 60 s after
    /// it last claimed, renewed, started, settled, released or reported, and has the engines of its
    /// last claim that named any. A claim that finds nothing need not be noted more than every 5 s.
    ///
    /// A worker that is ordered to drain is handed nothing.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn claim(&self, want: &Want) -> Result<Option<Batch>, QueueError>;

    /// Records that work on a line began and charges it an attempt, once a lease.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn start(&self, lease: &LeaseId, line: &LineId) -> Result<Fence, QueueError>;

    /// Sets the end of a lease to `lease_ms` from now, which may be sooner than it was.
    ///
    /// # Errors
    /// When the queue cannot be reached; the lease may still hold.
    async fn renew(&self, lease: &LeaseId, lease_ms: u64) -> Result<Renewal, QueueError>;

    /// Records what became of one line of a lease. The lease ends with its last line.
    ///
    /// A spoken line waits until its voice is complete, then is to be mastered. A failure goes by
    /// its verdict: `Retry` waits out a back-off that doubles from one second to five minutes with
    /// the attempts charged, and becomes final when those reach the submission's `max_attempts`, of
    /// which 0 counts as 1; it charges an attempt also when the line was not started, or a line that
    /// fails before its start would go on for ever. `Reject` is final. `Quit` gives the line back at
    /// once and uncharged: a charge of this lease is taken back.
    ///
    /// The failure is kept until the line comes further: it is spoken, mastered or retried.
    ///
    /// A report that is repeated because its answer was lost is refused if the first was recorded:
    /// the line is settled either way.
    ///
    /// # Errors
    /// When the queue cannot be written; then nothing was recorded and the call may be repeated.
    async fn settle(
        &self,
        lease: &LeaseId,
        line: &LineId,
        outcome: &Outcome,
    ) -> Result<Fence, QueueError>;

    /// Gives back what is left of a lease, uncharged, ends it, and says how many lines that were: 0
    /// when it had ended. A charge of this lease is taken back; the lines did not fail.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn release(&self, lease: &LeaseId) -> Result<u64, QueueError>;

    /// Returns the takes of all spoken lines of a voice in a submission, in script order: what the
    /// voice's gain is computed from. A line that was spoken counts also when it failed or was
    /// cancelled afterwards, or the gain of the others would change with it. Empty when there is no
    /// such submission or voice.
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
    /// Lines in other states are not counted and stay as they are, but for this: a line that comes
    /// back to be spoken holds its voice again. What was mastered of the voice, is being or is to be,
    /// goes back to be mastered anew once the voice is complete, because the gain may differ; it
    /// loses its delivery, failure and attempts, and reports about it are refused. A line that was
    /// spoken keeps its take and comes back to be mastered only, which holds nothing back. Every
    /// worker may take a line that comes back. A cancelled submission is no longer cancelled when at
    /// least one line came back; a pause stays.
    ///
    /// # Errors
    /// When the queue cannot be written or knows no such submission.
    async fn retry(&self, selection: &Selection) -> Result<u64, QueueError>;

    /// Cancels the selected lines that are not final, and says how many. Late reports are refused,
    /// renewals name the lines, and a lease that is left with none ends.
    ///
    /// A selection of all lines that cancels at least one makes the submission
    /// [`schemas::SubmissionState::Cancelled`], whatever failed in it before. Cancelling some of its
    /// lines does not: with nothing open it is failed when a line failed, else cancelled when one was
    /// cancelled, else done.
    ///
    /// # Errors
    /// When the queue cannot be written or knows no such submission.
    async fn cancel(&self, selection: &Selection) -> Result<u64, QueueError>;

    /// Pauses or resumes a submission; what is so already is no error and no event.
    ///
    /// # Errors
    /// When the queue cannot be written or knows no such submission.
    async fn change(
        &self,
        submission: &SubmissionId,
        change: SubmissionChange,
    ) -> Result<(), QueueError>;

    /// Deletes a submission to whose lines nothing more will happen, with its lines and events, and
    /// says how many lines it had. Takes and deliveries are in the store and stay there.
    ///
    /// Reports about its lines are refused from then on. The same submission again is a new one.
    ///
    /// # Errors
    /// [`QueueError::NotFinal`] when a line of it is not final, and when the queue cannot be written
    /// or knows no such submission. Then nothing was deleted.
    async fn forget(&self, submission: &SubmissionId) -> Result<u64, QueueError>;

    /// Returns how far one submission is, or `None` when there is none of that name.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn progress(&self, submission: &SubmissionId) -> Result<Option<Progress>, QueueError>;

    /// Returns how far all submissions are, the one submitted last first, also when it was submitted
    /// again; of one episode only, if named.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn submissions(&self, episode: Option<&EpisodeId>) -> Result<Vec<Progress>, QueueError>;

    /// Returns what a submission's lines share, or `None` when there is none of that name.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn submission(&self, id: &SubmissionId) -> Result<Option<Submission>, QueueError>;

    /// Returns every line of a submission, in script order. Of more than 5 000 lines, each 5 000 are
    /// told as of one moment, but these moments may differ.
    ///
    /// # Errors
    /// When the queue cannot be reached or knows no such submission.
    async fn lines(&self, submission: &SubmissionId) -> Result<Vec<LineRecord>, QueueError>;

    /// Returns up to `limit` events numbered above `after`, oldest first. At least the last 100 000
    /// are kept, but for those of submissions that were forgotten.
    ///
    /// Every move of a line is an event of its own but three, which follow from others: a back-off
    /// that passed, a gate that opened and one that closed again. A gate that opens is one event
    /// `voice complete` of the submission, with the voice's name as its detail. Of a failure's sentence
    /// an event tells the first 600 bytes.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<QueueEvent>, QueueError>;

    /// Returns the story of one line, oldest first: the last 60 events of its own, and of the last 200 of
    /// its submission as a whole those that concern it, which are all but `voice complete` of other
    /// voices. Numbers are those of [`Queue::events`], but the story is kept for as long as the
    /// submission is, also when so much happened since that [`Queue::events`] tells it no more. Empty
    /// when there is no such line.
    ///
    /// # Errors
    /// When the queue cannot be reached or knows no such submission.
    async fn line_events(
        &self,
        submission: &SubmissionId,
        line: &LineId,
    ) -> Result<Vec<QueueEvent>, QueueError>;

    /// Forgets, as by [`Queue::forget`], every submission whose lines are all final and to which
    /// nothing happened for `age_ms` or longer, and names them, the oldest first.
    ///
    /// Each is forgotten on its own: those named are gone also when a later one could not be.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn forget_older_than(&self, age_ms: u64) -> Result<Vec<SubmissionId>, QueueError>;

    /// Takes down what a worker says of itself, for an hour, and says what it is ordered to do.
    ///
    /// An order is for one life of a worker: another instance of the same name begins without. On one
    /// host a later instance (instances are ULIDs and order by time) takes its name over at once, as
    /// one that is started again after a crash has to; the earlier one is refused from then on.
    ///
    /// # Errors
    /// [`QueueError::NameTaken`] when another instance of that name, elsewhere or a later one, reported
    /// within the last 60 s and did not say goodbye: then nothing was taken down. Or when the queue
    /// cannot be written.
    async fn report(&self, report: &WorkerReport) -> Result<WorkerOrders, QueueError>;

    /// Strikes out a worker that ended by itself: it is not listed any more, lines are not left to
    /// it, what it still held is released as by [`Queue::release`], an order to drain is done with,
    /// and its name is free. Nothing happens when another instance reported by that name since.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn goodbye(&self, worker: &WorkerId, instance: &str) -> Result<(), QueueError>;

    /// Orders a worker to finish what it holds, take no more and end; or takes the order back.
    ///
    /// It learns of it with its next report; from now on it is handed nothing.
    ///
    /// # Errors
    /// [`QueueError::UnknownWorker`] when none of that name was heard of within the last hour, and
    /// when the queue cannot be written.
    async fn order_drain(&self, worker: &WorkerId, drain: bool) -> Result<(), QueueError>;

    /// Returns the workers heard of within the last hour, ordered by name. Who only asked counts as
    /// heard of; a line counts as held until its lease ends.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn workers(&self) -> Result<Vec<WorkerCard>, QueueError>;

    /// Returns what workers did by the hour, from the hour that `since_ms` is in until now, the oldest
    /// first and by name within an hour. Hours in which a worker held nothing are left out. Kept for 36
    /// days, also of submissions that were forgotten and of workers that are gone.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn worked(&self, since_ms: u64) -> Result<Vec<WorkerHour>, QueueError>;

    /// Says what an operator should know of how the queue is kept, a sentence each: what a power cut
    /// may undo, what its server is set to that may lose lines. Empty when all is well.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn doubts(&self) -> Result<Vec<String>, QueueError> {
        Ok(Vec::new())
    }
}
