//! Choosing, undoing, approving.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use schemas::{LineRecord, LineState};

use super::TakeArgs;
use super::follow::{follow_up, refresh};
use super::spot::{Episode, Spot};
use crate::cli::Exit;
use crate::cli::change::one_of;
use crate::cli::output::{counted, json_line, line, note};
use crate::submit::existing_takes;
use crate::takes::{Act, LineStep};

/// Has a take heard from now on.
pub(super) async fn choose(spot: &mut Spot, args: &TakeArgs, number: u32) -> anyhow::Result<Exit> {
    let (basis, usual) = spot.episode.usual(&spot.record)?;
    let known = spot.episode.decisions.line(spot.id());
    let mut takes = known.map_or_else(Vec::new, |line| line.takes().to_vec());
    if !takes.iter().any(|take| take.key == usual.key) {
        takes.push(usual.clone());
    }
    let at = usize::try_from(number).unwrap_or(usize::MAX) - 1;
    let take = takes.get(at).cloned().with_context(|| {
        let there = counted(takes.len() as u64, "take");
        format!("there is no take {number} of {}: it has {there}", spot.id())
    })?;
    if existing_takes(BTreeSet::from([take.key.clone()]), &spot.episode.store).await?.is_empty() {
        bail!(
            "take {number} of {} is not rendered; --alternatives renders what is open",
            spot.id()
        );
    }
    if take.basis.written != basis.written {
        note(format!("take {number} says other words than the script does now: {}", take.text));
    }
    let chosen = Act::Chosen { take: take.key.clone(), on: basis };
    let step = spot.step(vec![usual, take], chosen);
    spot.episode.decide(vec![step]).await?;
    follow_up(spot, args).await
}

/// Undoes the line's last decision.
pub(super) async fn undo(spot: &mut Spot, args: &TakeArgs) -> anyhow::Result<Exit> {
    let known = spot.episode.decisions.line(spot.id());
    if !known.is_some_and(|line| line.can_undo_and_redo().0) {
        bail!("nothing was decided about {}, so there is nothing to undo", spot.id());
    }
    let step = spot.step(Vec::new(), Act::Undone);
    spot.episode.decide(vec![step]).await?;
    follow_up(spot, args).await
}

/// Does again what was undone last.
pub(super) async fn redo(spot: &mut Spot, args: &TakeArgs) -> anyhow::Result<Exit> {
    let known = spot.episode.decisions.line(spot.id());
    if !known.is_some_and(|line| line.can_undo_and_redo().1) {
        bail!("nothing was undone of {} since something was decided about it", spot.id());
    }
    let step = spot.step(Vec::new(), Act::Redone);
    spot.episode.decide(vec![step]).await?;
    follow_up(spot, args).await
}

/// Approves the take that is heard, or takes that back.
pub(super) async fn approve(
    spot: &mut Spot,
    args: &TakeArgs,
    is_approved: bool,
) -> anyhow::Result<Exit> {
    if spot.record.state != LineState::Done {
        bail!("{} is not delivered yet; approve it once it can be heard", spot.id());
    }
    let heard = spot.episode.heard(&spot.record)?;
    let (_, usual) = spot.episode.usual(&spot.record)?;
    let take = heard.key.clone();
    let act = if is_approved { Act::Approved { take } } else { Act::Withdrawn { take } };
    let step = spot.step(vec![usual, heard], act);
    spot.episode.decide(vec![step]).await?;
    refresh(&spot.episode, &spot.episode.submission.id, args).await
}

/// Approves what is heard of all lines that are delivered.
pub(super) async fn approve_all(args: &TakeArgs) -> anyhow::Result<Exit> {
    let mut episode = Episode::find(args).await?;
    let name = episode.submission.episode.clone();
    let character = match &args.character {
        Some(wanted) => {
            let names = episode.records.iter().map(|record| record.job.character.as_str());
            Some(one_of("character", wanted, names, name.as_str())?.to_owned())
        }
        None => None,
    };
    let is_meant = |record: &&LineRecord| {
        let take = &record.job.synth_key;
        record.state == LineState::Done
            && character.as_ref().is_none_or(|name| record.job.character == *name)
            && !episode.decisions.is_approved(&record.job.id, take)
    };
    let step = |record: &LineRecord| {
        let heard = episode.heard(record)?;
        let act = Act::Approved { take: heard.key.clone() };
        let (_, usual) = episode.usual(record)?;
        Ok(LineStep { line: record.job.id.clone(), takes: vec![usual, heard], act })
    };
    let steps: Vec<LineStep> =
        episode.records.iter().filter(is_meant).map(step).collect::<anyhow::Result<_>>()?;
    let lines = steps.len() as u64;
    if lines > 0 {
        episode.decide(steps).await?;
    }
    let exit = refresh(&episode, &episode.submission.id, args).await?;
    if args.json {
        json_line(&serde_json::json!({ "episode": name, "approved": lines }))?;
    } else {
        line(format!("{} of {name} approved", counted(lines, "line")))?;
    }
    Ok(exit)
}
