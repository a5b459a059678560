//! The queue in a Redis server, for a farm of any number of machines.
//!
//! Every call is one function that runs in the server, whole or not at all; `lua/` holds them. They
//! need Redis 6.2 to 8 or Valkey, and the keys of a farm share one hash tag, so that one node of a
//! cluster holds them all. Time is the server's.
//!
//! # Keys
//!
//! All begin with `{tableread:FARM}:`. `N` is the number of a submission, `P` the place of a line in its
//! script, `C` a group and `V` a voice of the submission, each from 0; `G` is a stage, 0 to be spoken and
//! 1 to be mastered. A bucket is who an offer is for: `m` for everyone, to be mastered, or `e:ENGINE`.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `layout` | string | which layout of keys this is |
//! | `number`, `turn`, `event` | string | the last number, turn and event given |
//! | `ids` | hash | name of a submission → its number |
//! | `turns` | sorted set | numbers by turn: the newest of an episode is current |
//! | `episode:EPISODE` | set | numbers of its submissions |
//! | `s:N` | hash | what is told of it, its `trace` if it has one, and its counters: `nGS` lines and `mGS` their estimated ms by stage and state, `leased` ms under lease |
//! | `s:N:request` | string | the submission as JSON |
//! | `s:N:ids` | hash | name of a line → its place |
//! | `s:N:l:P` | hash | what decides how a line moves |
//! | `s:N:job`, `:take`, `:delivery`, `:failure` | hash | place → JSON |
//! | `s:N:story:P`, `s:N:chronicle` | list | events of a line; of the submission as a whole |
//! | `s:N:voices`, `:keys` | hash | voice → JSON; key of a voice → voice |
//! | `s:N:voice` | hash | of each voice: `name:V`, `clusters:V`, `unspoken:V` lines still to be spoken, `held:V` lines that wait for that, `gate:V` when they were last let through |
//! | `s:N:of:V` | sorted set | places of the voice's lines |
//! | `s:N:clusters` | hash | group → voice, key and engine |
//! | `s:N:shelf` | hash | `C:G` → estimated ms that waits |
//! | `s:N:w:C:G` | sorted set | places of the lines that wait, in the order they are handed out |
//! | `s:N:q:BUCKET`, `s:N:since:BUCKET` | sorted set | groups offered, by audio and by when lines of them were last handed out |
//! | `ready` | hash | `PRIORITY\|BUCKET` of all offers |
//! | `ready:PRIORITY\|BUCKET` | sorted set | numbers of submissions with offers, by what is under lease a share |
//! | `g:KEY` | sorted set | offers of a group to be spoken, in any submission |
//! | `hold:KEY` | hash | worker → leases on lines of the group to be spoken |
//! | `leases` | sorted set | leases by their end |
//! | `lease:ID`, `:lines`, `:gone` | hash, hash, sorted set | a lease; lines it holds → place; lines that were taken away from it |
//! | `delayed` | sorted set | `N:P` by the end of the back-off |
//! | `seen`, `held` | sorted set, hash | workers by when they were last heard of; lines that they hold |
//! | `w:WORKER`, `:leases` | hash, set | a worker; its leases |
//! | `busy` | hash | worker → since when it holds a lease |
//! | `work:HOUR` | hash | `WHAT\|WORKER` → how much a worker did in the hour that began then; expires |
//! | `events` | stream | events, by number |
//! | `staging`, `staged`, `trashable`, `trash` | sorted set, hashes | submissions being staged, and how much there is to delete of one |
//!
//! A line that waits for its voice is kept like one that waits to be mastered; the difference is
//! whether `unspoken:V` is 0. So a gate opens at once, however many lines are behind it.
//!
//! # What a crash loses
//!
//! With `appendonly yes` a server that is killed loses nothing that it answered; with `appendfsync
//! always` a power cut does not either. With `everysec`, the usual, a power cut may undo the last
//! second or two: lines settled then wait again, and since their audio is in the store under the same
//! keys, doing them again delivers the same. [`RedisQueue`] warns of it once, when it connects.
//!
//! A call whose answer is lost was done or not. Repeating it is safe: a submission of the same name
//! adds nothing, an attempt is charged once a lease, a line is settled once (the second report is
//! refused, and what the first said stays), and a lease that nobody knows of ends by itself.

mod address;
mod answer;
mod doubts;
mod fault;
mod function;
mod read;
mod server;
mod submit;

use std::sync::Arc;

use async_trait::async_trait;
use schemas::{
    Batch, EpisodeId, LeaseId, LineId, LineRecord, Outcome, Progress, QueueEvent, Submission,
    SubmissionId, TakeFacts, Verdict, VoiceKey, WorkerId, WorkerOrders, WorkerReport,
};
use serde::Serialize;
use ulid::Ulid;

use self::address::Place;
use self::answer::{Answer, name, parse};
use self::server::Server;
use crate::state::shortened;
use crate::{
    Added, Clock, Fence, NewSubmission, Queue, QueueError, Renewal, Selection, SubmissionChange,
    Want, WorkerCard, WorkerHour,
};

/// Lines read in one call. Longer submissions are read in pieces, each of one moment.
const LINES_AT_ONCE: usize = 5_000;

/// Events read in one call.
const EVENTS_AT_ONCE: usize = 2_000;

/// The longest a lease may be, in milliseconds: a year, so that sums of times stay exact.
const LONGEST_LEASE_MS: u64 = 365 * 24 * 3_600_000;

/// A queue in a Redis server. Clones share one connection, which is made at the first call, and
/// made anew when it is lost.
#[derive(Debug, Clone)]
pub struct RedisQueue {
    server: Arc<Server>,
}

impl RedisQueue {
    /// Reads the address of a queue; nothing is connected yet.
    ///
    /// `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, `rediss://` for TLS, or
    /// `redis+unix:///PATH`, each with `?prefix=FARM` when several farms share a server.
    ///
    /// # Errors
    /// [`QueueError::Address`] when it cannot be read. It never repeats a password.
    pub fn open(address: &str) -> Result<Self, QueueError> {
        let server = Server::new(Place::parse(address)?, None)?;
        Ok(Self { server: Arc::new(server) })
    }

    /// The same by another clock than the server's; all that use the farm must share it.
    ///
    /// # Errors
    /// As [`RedisQueue::open`].
    pub fn open_with(address: &str, clock: Clock) -> Result<Self, QueueError> {
        let server = Server::new(Place::parse(address)?, Some(clock))?;
        Ok(Self { server: Arc::new(server) })
    }

    /// Calls a command about lines of a submission, and says how many lines it moved.
    async fn command(
        &self,
        function: &::redis::Script,
        selection: &Selection,
    ) -> Result<u64, QueueError> {
        let line = selection.line.as_ref().map(LineId::to_string);
        let args = [
            selection.submission.to_string(),
            line.unwrap_or_default(),
            selection.character.clone().unwrap_or_default(),
        ];
        known(self.server.call(function, &args).await?, &selection.submission)?.number(1)
    }

    /// How far submissions are, and the queue's time.
    async fn told(&self, which: &str, name: &str) -> Result<(Vec<Progress>, u64), QueueError> {
        let args = [which.to_owned(), name.to_owned()];
        let answer = self.server.call(&function::PROGRESS, &args).await?;
        Ok((read::progress(&answer)?, answer.number(1)?))
    }
}

/// The answer, unless it is that there is no such submission.
fn known(answer: Answer, submission: &SubmissionId) -> Result<Answer, QueueError> {
    if answer.is("none") {
        return Err(QueueError::NoSuchSubmission(submission.to_string()));
    }
    Ok(answer)
}

fn fence(answer: &Answer) -> Fence {
    if answer.is("held") { Fence::Held } else { Fence::Refused }
}

/// Writes a value of ours as JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own plain structs always serialise")
}

/// What `settle` is told of an outcome.
fn told_of(outcome: &Outcome) -> [String; 4] {
    let (word, body, first, second) = match outcome {
        Outcome::Spoken { take } => {
            ("spoken", json(take), take.duration_ms().to_string(), take.synth_ms.to_string())
        }
        Outcome::Mastered { delivery } => {
            ("mastered", json(delivery), String::new(), String::new())
        }
        Outcome::Failed { failure } => {
            let word = match failure.verdict {
                Verdict::Retry => "retry",
                Verdict::Reject => "reject",
                Verdict::Quit => "quit",
            };
            (word, json(failure), shortened(&failure.message).to_owned(), String::new())
        }
    };
    [word.to_owned(), body, first, second]
}

#[async_trait]
impl Queue for RedisQueue {
    async fn submit(&self, new: NewSubmission) -> Result<Added, QueueError> {
        submit::submit(&self.server, &new).await
    }

    async fn claim(&self, want: &Want) -> Result<Option<Batch>, QueueError> {
        let lease = Ulid::generate().to_string();
        let supplies = want.supplies();
        let mut args = vec![
            want.worker.to_string(),
            lease.clone(),
            want.lease_ms.min(LONGEST_LEASE_MS).to_string(),
            want.max_lines.to_string(),
            want.max_audio_ms.to_string(),
            supplies.len().to_string(),
        ];
        args.extend(supplies);
        args.push(want.warm.len().to_string());
        args.extend(want.warm.iter().map(ToString::to_string));
        let answer = self.server.call(&function::CLAIM, &args).await?;
        if answer.is("ok") { read::batch(&answer, &lease).map(Some) } else { Ok(None) }
    }

    async fn start(&self, lease: &LeaseId, line: &LineId) -> Result<Fence, QueueError> {
        let args = [lease.to_string(), line.to_string()];
        Ok(fence(&self.server.call(&function::START, &args).await?))
    }

    async fn renew(&self, lease: &LeaseId, lease_ms: u64) -> Result<Renewal, QueueError> {
        let args = [lease.to_string(), lease_ms.min(LONGEST_LEASE_MS).to_string()];
        let answer = self.server.call(&function::RENEW, &args).await?;
        if !answer.is("held") {
            return Ok(Renewal::Lost);
        }
        let cancelled = answer.words(2)?;
        let cancelled = cancelled.iter().map(|id| name("a cancelled line", id));
        Ok(Renewal::Held {
            expires_at_ms: answer.number(1)?,
            cancelled: cancelled.collect::<Result<_, _>>()?,
        })
    }

    async fn settle(
        &self,
        lease: &LeaseId,
        line: &LineId,
        outcome: &Outcome,
    ) -> Result<Fence, QueueError> {
        let mut args = vec![lease.to_string(), line.to_string()];
        args.extend(told_of(outcome));
        Ok(fence(&self.server.call(&function::SETTLE, &args).await?))
    }

    async fn release(&self, lease: &LeaseId) -> Result<u64, QueueError> {
        self.server.call(&function::RELEASE, &[lease.to_string()]).await?.number(1)
    }

    async fn takes_of_voice(
        &self,
        submission: &SubmissionId,
        voice: &VoiceKey,
    ) -> Result<Vec<TakeFacts>, QueueError> {
        let args = [submission.to_string(), voice.to_string()];
        let takes = self.server.call(&function::TAKES_OF_VOICE, &args).await?.words(1)?;
        takes.iter().map(|take| parse("a take", take)).collect()
    }

    async fn retry(&self, selection: &Selection) -> Result<u64, QueueError> {
        self.command(&function::RETRY, selection).await
    }

    async fn cancel(&self, selection: &Selection) -> Result<u64, QueueError> {
        self.command(&function::CANCEL, selection).await
    }

    async fn change(
        &self,
        submission: &SubmissionId,
        change: SubmissionChange,
    ) -> Result<(), QueueError> {
        let paused = match change {
            SubmissionChange::Pause => "1",
            SubmissionChange::Resume => "0",
        };
        let args = [submission.to_string(), paused.to_owned()];
        known(self.server.call(&function::CHANGE, &args).await?, submission).map(drop)
    }

    async fn forget(&self, submission: &SubmissionId) -> Result<u64, QueueError> {
        let answer = self.server.call(&function::FORGET, &[submission.to_string()]).await?;
        if answer.is("open") {
            return Err(QueueError::NotFinal(submission.to_string()));
        }
        let lines = known(answer, submission)?.number(1)?;
        submit::sweep(&self.server, usize::MAX).await;
        Ok(lines)
    }

    async fn progress(&self, submission: &SubmissionId) -> Result<Option<Progress>, QueueError> {
        Ok(self.told("one", submission.as_str()).await?.0.pop())
    }

    async fn submissions(&self, episode: Option<&EpisodeId>) -> Result<Vec<Progress>, QueueError> {
        let told = match episode {
            Some(episode) => self.told("episode", episode.as_str()).await?,
            None => self.told("all", "").await?,
        };
        Ok(told.0)
    }

    async fn submission(&self, id: &SubmissionId) -> Result<Option<Submission>, QueueError> {
        let answer = self.server.call(&function::SUBMISSION, &[id.to_string()]).await?;
        if answer.is("none") {
            return Ok(None);
        }
        parse(&format!("submission {id}"), &answer.text(1)?).map(Some)
    }

    async fn lines(&self, submission: &SubmissionId) -> Result<Vec<LineRecord>, QueueError> {
        let mut records = Vec::new();
        loop {
            let args =
                [submission.to_string(), records.len().to_string(), LINES_AT_ONCE.to_string()];
            let answer = known(self.server.call(&function::LINES, &args).await?, submission)?;
            records.extend(read::records(&answer)?);
            if answer.number(1)? <= records.len() as u64 || answer.rest(2).is_empty() {
                return Ok(records);
            }
        }
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<QueueEvent>, QueueError> {
        let mut events: Vec<QueueEvent> = Vec::new();
        loop {
            let after = events.last().map_or(after, |event| event.number);
            let most = (limit - events.len()).min(EVENTS_AT_ONCE);
            let args = [after.to_string(), most.to_string()];
            let more = read::events(&self.server.call(&function::EVENTS, &args).await?)?;
            let is_all = more.len() < most;
            events.extend(more);
            if is_all || events.len() >= limit {
                return Ok(events);
            }
        }
    }

    async fn line_events(
        &self,
        submission: &SubmissionId,
        line: &LineId,
    ) -> Result<Vec<QueueEvent>, QueueError> {
        let args = [submission.to_string(), line.to_string()];
        let answer = self.server.call(&function::LINE_EVENTS, &args).await?;
        read::events(&known(answer, submission)?)
    }

    async fn forget_older_than(&self, age_ms: u64) -> Result<Vec<SubmissionId>, QueueError> {
        let (mut old, now) = self.told("all", "").await?;
        let Some(since) = now.checked_sub(age_ms) else { return Ok(Vec::new()) };
        old.retain(|progress| progress.lines.open() == 0 && progress.changed_at_ms <= since);
        old.sort_by_key(|progress| (progress.changed_at_ms, progress.submitted_at_ms));
        let mut forgotten = Vec::new();
        for progress in old {
            match self.forget(&progress.submission).await {
                Ok(_) => forgotten.push(progress.submission),
                // Somebody was quicker, or set it going again.
                Err(QueueError::NoSuchSubmission(_) | QueueError::NotFinal(_)) => {}
                Err(err) => return Err(err),
            }
        }
        Ok(forgotten)
    }

    async fn report(&self, report: &WorkerReport) -> Result<WorkerOrders, QueueError> {
        let worker = report.worker.to_string();
        let args = [worker.clone(), report.instance.clone(), report.host.clone(), json(report)];
        let answer = self.server.call(&function::REPORT, &args).await?;
        if answer.is("taken") {
            return Err(QueueError::NameTaken { worker, host: answer.text(1)? });
        }
        Ok(WorkerOrders { drain: answer.number(1)? == 1 })
    }

    async fn goodbye(&self, worker: &WorkerId, instance: &str) -> Result<(), QueueError> {
        let args = [worker.to_string(), instance.to_owned()];
        self.server.call(&function::GOODBYE, &args).await.map(drop)
    }

    async fn order_drain(&self, worker: &WorkerId, drain: bool) -> Result<(), QueueError> {
        let args = [worker.to_string(), u8::from(drain).to_string()];
        let answer = self.server.call(&function::ORDER_DRAIN, &args).await?;
        if answer.is("unknown") {
            let mut known = answer.words(1)?;
            known.sort();
            return Err(QueueError::UnknownWorker { worker: worker.to_string(), known });
        }
        Ok(())
    }

    async fn worked(&self, since_ms: u64) -> Result<Vec<WorkerHour>, QueueError> {
        let answer = self.server.call(&function::WORKED, &[since_ms.to_string()]).await?;
        read::worked(&answer, since_ms)
    }

    async fn workers(&self) -> Result<Vec<WorkerCard>, QueueError> {
        read::workers(&self.server.call(&function::WORKERS, &[]).await?)
    }

    async fn doubts(&self) -> Result<Vec<String>, QueueError> {
        self.server.doubts().await
    }
}
