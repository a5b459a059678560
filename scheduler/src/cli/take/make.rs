//! New takes: alternatives that are rendered, recordings that are taken in.

use std::path::Path;

use anyhow::{Context as _, bail};
use schemas::{LARGEST_RECORDING, LineState, SubmissionId, VoiceSource};

use super::TakeArgs;
use super::follow::follow_up;
use super::spot::Spot;
use crate::cli::Exit;
use crate::cli::config::cache_dir;
use crate::cli::engines::open_local;
use crate::cli::output::{counted, note};
use crate::cli::progress;
use crate::cli::render::Work;
use crate::submit::existing_takes;
use crate::takes::{
    self, Act, Performer, Wish, alternatives as wished, in_direction, read_recording,
    store_recording, submission_of_takes,
};

/// Renders more takes of the line as one batch, here or by the workers of the queue.
pub(super) async fn alternatives(
    spot: &mut Spot,
    args: &TakeArgs,
    count: usize,
) -> anyhow::Result<Exit> {
    let (basis, usual) = spot.episode.usual(&spot.record)?;
    let usual_voice = spot.episode.voice(&usual.voice)?;
    let direction = args.direction.as_deref().map(str::trim).filter(|words| !words.is_empty());
    let voice = match direction {
        Some(words) => in_direction(&usual_voice, words, &spot.episode.submission.voices)?,
        None => usual_voice.clone(),
    };
    if let VoiceSource::Scratch { .. } = voice.source {
        note("a timing track's voice sounds the same with every seed; a model's does not");
    }
    let known = spot.episode.decisions.line(spot.id());
    let keys = known.map_or(&[][..], takes::LineTakes::takes).iter().map(|take| take.key.clone());
    let rendered = existing_takes(keys.collect(), &spot.episode.store).await?;
    let wish = Wish { usual: &usual, basis: &basis, voice: &voice, direction, count };
    let takes = wished(&wish, known, &rendered.into_keys().collect());
    let new = submission_of_takes(&spot.episode.submission, &spot.record, &takes, &voice);
    let id = new.submission.id.clone();
    let models = if args.farm {
        None
    } else {
        let settings = args.models.settings(None, cache_dir()?);
        Some(open_local(&voice.model, &usual.engine, &settings)?)
    };
    // Before they are rendered, so that what a crash leaves is known and gone on with.
    let step = spot.step([vec![usual], takes].concat(), Act::Made);
    spot.episode.decide_in(vec![usual_voice, voice], vec![step]).await?;
    let (queue, store) = (spot.episode.queue.clone(), spot.episode.store.clone());
    queue.submit(new).await?;
    if let Some(models) = models {
        let work = Work { queue, store, id: id.clone(), threads: worker::cores() };
        if work.until_done(&spot.episode.place.cache(), models).await? {
            note("interrupted; the same command goes on with the takes that are open");
            return Ok(Exit::Interrupted);
        }
    } else {
        progress::follow(queue.as_ref(), &id).await?;
    }
    ended(spot, &id).await
}

/// Tells what failed, and takes the submission of the takes out of the queue: they are known beside the
/// episode's lines.
async fn ended(spot: &Spot, id: &SubmissionId) -> anyhow::Result<Exit> {
    let queue = &spot.episode.queue;
    let records = queue.lines(id).await?;
    let missing = records.iter().filter(|record| record.state != LineState::Done);
    let mut count = 0;
    for record in missing {
        count += 1;
        if let Some(failure) = &record.failure {
            note(format!("failed  {}: {}", record.job.id, failure.message));
        }
    }
    queue.forget(id).await?;
    if count > 0 {
        note(format!("{} not rendered; the same command tries again", counted(count, "take")));
        return Ok(Exit::SomeFailed);
    }
    Ok(Exit::Done)
}

/// Takes in a recording and has it heard from now on.
pub(super) async fn recording(
    spot: &mut Spot,
    args: &TakeArgs,
    file: &Path,
) -> anyhow::Result<Exit> {
    let size =
        std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    if size.len() > LARGEST_RECORDING {
        bail!(
            "{} has {} bytes, more than the {LARGEST_RECORDING} that are taken; cut it to the line",
            file.display(),
            size.len()
        );
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (basis, usual) = spot.episode.usual(&spot.record)?;
    let name = args.performer.as_deref().unwrap_or(&spot.record.job.character).trim().to_owned();
    if name.is_empty() || name.chars().count() > 200 {
        bail!("give --performer a name of 1 to 200 characters");
    }
    let performer = Performer { name: &name, consent: args.consent_note.as_deref() };
    let recorded = read_recording(&bytes, &usual, &basis, performer)
        .with_context(|| format!("{} cannot stand in for {}", file.display(), spot.id()))?;
    for advice in &recorded.advice {
        note(format!("{}: {advice}", file.display()));
    }
    store_recording(&recorded, &spot.episode.store).await?;
    let usual_voice = spot.episode.voice(&usual.voice)?;
    let chosen = Act::Chosen { take: recorded.take.key.clone(), on: basis };
    let step = spot.step(vec![usual, recorded.take], chosen);
    spot.episode.decide_in(vec![usual_voice, recorded.voice], vec![step]).await?;
    follow_up(spot, args).await
}
