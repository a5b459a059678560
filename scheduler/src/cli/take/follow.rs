//! What follows from a decision: the episode is mastered and written again.

use anyhow::Context as _;
use schemas::SubmissionId;

use super::TakeArgs;
use super::spot::{Episode, Spot};
use crate::cast::SCRATCH_MODEL;
use crate::cli::Exit;
use crate::cli::config::cache_dir;
use crate::cli::engines::open_local;
use crate::cli::export::tell_folder;
use crate::cli::output::{counted, note};
use crate::cli::render::Work;
use crate::export::{export, is_exported};
use crate::finish::finish;
use crate::takes::again;

/// Submits the episode again with what is decided now, masters what changed, and writes its files anew
/// where they were written before.
pub(super) async fn follow_up(spot: &mut Spot, args: &TakeArgs) -> anyhow::Result<Exit> {
    let Episode { queue, store, submission, decisions, place, .. } = &spot.episode;
    let next = again(&submission.id, decisions, queue.as_ref(), store).await?;
    let id = next.id.clone();
    let exit = if next.to_speak > 0 || args.farm {
        let open = counted(next.to_speak, "line");
        let name = &submission.episode;
        note(format!(
            "{id} is queued, with {open} still to be spoken; the workers go on with it. Files are \
             written by: tableread export {name}{}",
            args.place.as_typed()
        ));
        Exit::Done
    } else {
        let settings = args.models.settings(None, cache_dir()?);
        let models = open_local(SCRATCH_MODEL, "", &settings)?;
        let threads = worker::cores();
        let work = Work { queue: queue.clone(), store: store.clone(), id: id.clone(), threads };
        if work.until_done(&place.cache(), models).await? {
            note("interrupted; what is decided is kept, and the same command goes on");
            return Ok(Exit::Interrupted);
        }
        refresh(&spot.episode, &id, args).await?
    };
    spot.look_again(&id).await?;
    Ok(exit)
}

impl Spot {
    /// Reads the line as it is in a newer submission.
    async fn look_again(&mut self, id: &SubmissionId) -> anyhow::Result<()> {
        let queue = &self.episode.queue;
        self.episode.submission = queue.submission(id).await?.context("the submission is gone")?;
        self.episode.records = queue.lines(id).await?;
        let line = self.id().clone();
        let mut records = self.episode.records.iter();
        let record = records.find(|record| record.job.id == line).cloned();
        self.record = record.context("the line is gone")?;
        Ok(())
    }
}

/// Makes the manifest anew, and the files where they were written before.
pub(super) async fn refresh(
    episode: &Episode,
    id: &SubmissionId,
    args: &TakeArgs,
) -> anyhow::Result<Exit> {
    let Episode { queue, store, place, submission, .. } = episode;
    let manifest = finish(queue.as_ref(), store, id).await?;
    if is_exported(&submission.episode, &place.out) {
        let exported = export(&manifest, store, &place.out).await?;
        tell_folder(&exported, &place.out);
    } else {
        let (name, place) = (&submission.episode, args.place.as_typed());
        note(format!("files are written by: tableread export {name}{place}"));
    }
    Ok(if manifest.totals.failed > 0 { Exit::SomeFailed } else { Exit::Done })
}
