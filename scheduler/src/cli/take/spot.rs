//! The line that is meant, and all that is known of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use queue::Queue;
use schemas::{LineId, LineRecord, Submission, SubmissionId, Voice, VoiceKey};
use store::Store;

use super::TakeArgs;
use crate::cli::change::one_of;
use crate::cli::find_submission;
use crate::cli::place::Place;
use crate::ledger::Ledger;
use crate::submit::read_ledger;
use crate::takes::{self, Act, Decisions, KnownTake, LineBasis, LineStep};

/// An episode and what was decided about its takes.
pub(super) struct Episode {
    pub(super) place: Place,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) store: Store,
    pub(super) submission: Submission,
    pub(super) records: Vec<LineRecord>,
    pub(super) ledger: Ledger,
    pub(super) decisions: Decisions,
}

/// One line of it.
pub(super) struct Spot {
    pub(super) episode: Episode,
    pub(super) record: LineRecord,
}

impl Episode {
    /// The episode that was named, else the only one.
    pub(super) async fn find(args: &TakeArgs) -> anyhow::Result<Self> {
        let place = args.place.existing()?;
        let (queue, store) = (place.open_queue()?, place.open_store().await?);
        let id = match (&args.episode, &args.line) {
            (Some(name), _) => find_submission(queue.as_ref(), name).await?,
            (None, line) => only_one(queue.as_ref(), line.as_ref()).await?,
        };
        let submission = queue.submission(&id).await?.context("the submission is gone")?;
        let records = queue.lines(&id).await?;
        let ledger = read_ledger(&submission.episode, &store).await?.unwrap_or_default();
        let decisions = takes::read(&submission.episode, &store).await?;
        Ok(Self { place, queue, store, submission, records, ledger, decisions })
    }

    /// A voice of the episode, or of a take of it.
    pub(super) fn voice(&self, key: &VoiceKey) -> anyhow::Result<Voice> {
        let mut voices = self.submission.voices.iter();
        let own = voices.find(|voice| voice.key() == *key).or_else(|| self.decisions.voice(key));
        own.cloned().context("the voice of a take is not known any more")
    }

    /// What script and cast give for a line, and what a choice rests on.
    pub(super) fn usual(&self, record: &LineRecord) -> anyhow::Result<(LineBasis, KnownTake)> {
        takes::planned(record, &self.ledger, &self.decisions).with_context(|| {
            format!(
                "it is not remembered what {} was planned like, because an older tableread submitted \
                 {}: render or enqueue it once more, which speaks nothing anew",
                record.job.id, self.submission.episode
            )
        })
    }

    /// The take that a line of the submission asks for, as far as it is known what it is.
    pub(super) fn heard(&self, record: &LineRecord) -> anyhow::Result<KnownTake> {
        let (_, usual) = self.usual(record)?;
        if usual.key == record.job.synth_key {
            return Ok(usual);
        }
        let known = self.decisions.line(&record.job.id);
        let mut takes = known.map_or(&[][..], |line| line.takes()).iter();
        let heard = takes.find(|take| take.key == record.job.synth_key);
        heard.cloned().context("the take that is heard is not known any more")
    }

    /// Writes down what was decided.
    pub(super) async fn decide(&mut self, lines: Vec<LineStep>) -> anyhow::Result<()> {
        let keys: BTreeSet<_> =
            lines.iter().flat_map(|line| &line.takes).map(|take| take.voice.clone()).collect();
        let voices = keys.iter().map(|key| self.voice(key)).collect::<anyhow::Result<_>>()?;
        self.decide_in(voices, lines).await
    }

    /// The same for takes in voices of their own.
    pub(super) async fn decide_in(
        &mut self,
        voices: Vec<Voice>,
        lines: Vec<LineStep>,
    ) -> anyhow::Result<()> {
        let episode = &self.submission.episode;
        takes::write(episode, &mut self.decisions, voices, lines, &self.store).await?;
        Ok(())
    }
}

impl Spot {
    /// The line that was named.
    pub(super) async fn find(args: &TakeArgs) -> anyhow::Result<Self> {
        let episode = Episode::find(args).await?;
        let wanted = args.line.as_ref().context("name a line")?;
        let ids = episode.records.iter().map(|record| record.job.id.as_str());
        let name = episode.submission.episode.as_str();
        let id = one_of("line", wanted.as_str(), ids, name)?.to_owned();
        let mut records = episode.records.iter();
        let record = records.find(|record| record.job.id.as_str() == id).cloned();
        Ok(Self { record: record.context("the line is gone")?, episode })
    }

    /// The line's name.
    pub(super) fn id(&self) -> &LineId {
        &self.record.job.id
    }

    /// A step about this line.
    pub(super) fn step(&self, takes: Vec<KnownTake>, act: Act) -> LineStep {
        LineStep { line: self.id().clone(), takes, act }
    }
}

/// The newest submission of the only episode, or of the only one that has the line.
async fn only_one(queue: &dyn Queue, line: Option<&LineId>) -> anyhow::Result<SubmissionId> {
    let mut seen = BTreeSet::new();
    let mut newest = Vec::new();
    for progress in queue.submissions(None).await? {
        let is_first = seen.insert(progress.episode.clone());
        if is_first && !takes::of_takes(&progress.episode) {
            newest.push(progress);
        }
    }
    if let (Some(line), true) = (line, newest.len() > 1) {
        let mut with = Vec::new();
        for progress in newest {
            let records = queue.lines(&progress.submission).await?;
            if records.iter().any(|record| record.job.id == *line) {
                with.push(progress);
            }
        }
        newest = with;
    }
    match newest.as_slice() {
        [one] => Ok(one.submission.clone()),
        [] => bail!("no episode in this queue has such a line; tableread status lists episodes"),
        several => {
            let names: Vec<_> = several.iter().map(|one| one.episode.as_str()).collect();
            bail!("several episodes are meant; choose with --episode: {}", names.join(", "))
        }
    }
}
