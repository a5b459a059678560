//! For logs and programs: a line whenever something changed.

use std::collections::{BTreeSet, HashMap};

use schemas::{LineId, LineState, Progress, SubmissionId, SubmissionState};

use super::{EVERY, Watch, told_to_stop};
use crate::cli::Exit;
use crate::cli::moment::clock;
use crate::cli::output::{counted, duration, json_line, line, note, plain};
use crate::cli::status::Detail;
use crate::pace;

/// Tells what changed until nothing that is watched is open.
pub(super) async fn run(watch: &Watch) -> anyhow::Result<Exit> {
    let mut told = Told::default();
    let mut stop = std::pin::pin!(told_to_stop());
    loop {
        let exit = match told.tell(watch).await {
            Ok(exit) => exit,
            Err(err) if err.is::<queue::QueueError>() => {
                told.trouble(&format!("{err:#}; trying again"));
                None
            }
            Err(err) => return Err(err),
        };
        if let Some(exit) = exit {
            return Ok(exit);
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = &mut stop => return Ok(Exit::Interrupted),
        }
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    progress: HashMap<SubmissionId, Progress>,
    failures: BTreeSet<(SubmissionId, LineId)>,
    trouble: Option<String>,
}

impl Told {
    /// Tells what is new; says how to exit once nothing is open.
    async fn tell(&mut self, watch: &Watch) -> anyhow::Result<Option<Exit>> {
        let queue = watch.queue.as_ref();
        let all = match &watch.only {
            Some(id) => match queue.progress(id).await? {
                Some(progress) => vec![progress],
                None => anyhow::bail!("submission {id} is gone: somebody forgot it"),
            },
            None => queue.submissions(None).await?,
        };
        self.trouble = None;
        let is_new = |one: &&Progress| self.progress.get(&one.submission) != Some(*one);
        let changed: Vec<_> = all.iter().filter(is_new).cloned().collect();
        if watch.is_json {
            self.tell_programs(watch, &all, !changed.is_empty()).await?;
        } else {
            let speed = pace::speed(&queue.workers().await?, pace::now_ms());
            // The one submitted first is told first: what is new stands last, as in any log.
            for progress in changed.iter().rev() {
                line(sentence(progress, speed, pace::now_ms()))?;
                self.tell_failures(watch, progress).await?;
            }
        }
        for progress in changed {
            self.progress.insert(progress.submission.clone(), progress);
        }
        let is_open = all.iter().any(|progress| progress.lines.open() > 0);
        let has_failed = all.iter().any(|progress| progress.lines.failed > 0);
        Ok(match (is_open, watch.only.is_some() && has_failed) {
            (true, _) => None,
            (false, true) => Some(Exit::SomeFailed),
            (false, false) => Some(Exit::Done),
        })
    }

    async fn tell_programs(
        &self,
        watch: &Watch,
        all: &[Progress],
        is_new: bool,
    ) -> anyhow::Result<()> {
        // An empty queue is told of too, once.
        let is_first_and_empty = self.progress.is_empty() && all.is_empty();
        if !is_new && !is_first_and_empty {
            return Ok(());
        }
        match (&watch.only, all.first()) {
            (Some(id), Some(progress)) => {
                let line_records = watch.queue.lines(id).await?;
                json_line(&Detail { progress: progress.clone(), line_records })
            }
            (_, _) => json_line(&all),
        }
    }

    /// Names lines that failed since it was last asked.
    async fn tell_failures(&mut self, watch: &Watch, progress: &Progress) -> anyhow::Result<()> {
        let before = self.progress.get(&progress.submission).map_or(0, |was| was.lines.failed);
        if progress.lines.failed == before {
            return Ok(());
        }
        for record in watch.queue.lines(&progress.submission).await? {
            let name = (progress.submission.clone(), record.job.id.clone());
            if record.state != LineState::Failed {
                self.failures.remove(&name);
            } else if self.failures.insert(name) {
                let why = record.failure.map_or_else(String::new, |failure| failure.message);
                let (id, character) = (record.job.id, plain(&record.job.character));
                line(format!("          {id} {character} failed: {}", plain(&why)))?;
            }
        }
        Ok(())
    }

    /// Tells once that the queue is away.
    fn trouble(&mut self, trouble: &str) {
        if self.trouble.as_deref() != Some(trouble) {
            note(trouble);
            self.trouble = Some(trouble.to_owned());
        }
    }
}

/// Where a submission stands, on one line.
fn sentence(progress: &Progress, speed: f64, now_ms: u64) -> String {
    let lines = &progress.lines;
    let mut parts = vec![format!("{} of {} done", lines.done, counted(lines.total(), "line"))];
    let others = [
        (lines.failed, "failed"),
        (lines.cancelled, "cancelled"),
        (lines.delayed, "to be tried again"),
        (lines.speaking, "being spoken"),
        (lines.spoken + lines.mastering, "to be mastered"),
    ];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    if progress.state == SubmissionState::Paused {
        parts.push("paused".to_owned());
    }
    if let Some(ms) = pace::left_ms(progress, speed).filter(|ms| *ms > 0) {
        parts.push(format!("about {} left", duration(ms)));
    }
    format!("{}  {}: {}", clock(now_ms), progress.episode, parts.join(", "))
}
