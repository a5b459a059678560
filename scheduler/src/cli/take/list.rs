//! The takes of a line, listed and written as files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use schemars::JsonSchema;
use schemas::{ChosenKind, SynthKey, TakeFacts, take_object};
use serde::Serialize;

use super::spot::Spot;
use crate::cli::Exit;
use crate::cli::output::{duration, json_pretty, line, note, table};
use crate::export::replace_file;
use crate::submit::existing_takes;
use crate::takes::{KnownTake, LineBasis};

/// One take of a line, for programs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TakeRow {
    /// Counts the line's takes from 1.
    number: u32,
    /// Names its audio.
    key: SynthKey,
    /// Where it comes from.
    #[serde(flatten)]
    kind: ChosenKind,
    /// Whether it is what script and cast give.
    is_usual: bool,
    /// Whether it is heard in the episode.
    is_heard: bool,
    /// Whether it is approved.
    is_approved: bool,
    /// What it was made for, where that is something else than what is planned now: `other words`,
    /// `another voice`, `another language` or `another pronunciation`.
    made_for: Option<&'static str>,
    /// Of the sampler; absent for a recording.
    seed: Option<u64>,
    /// How long it is, in milliseconds; absent until it is rendered, as are all below.
    duration_ms: Option<u64>,
    /// Integrated loudness, in LUFS; absent also when it is too short to be measured.
    lufs: Option<f32>,
    /// Highest sample, in dBFS.
    peak_dbfs: Option<f32>,
}

/// Prints the takes.
pub(super) async fn print(spot: &Spot, is_json: bool) -> anyhow::Result<()> {
    let rows = rows(spot).await?;
    if is_json {
        return json_pretty(&rows.iter().map(|(row, _)| row).collect::<Vec<_>>());
    }
    let job = &spot.record.job;
    line(format!("{}  {}: {}", job.id, job.character, job.text))?;
    let right = ["take", "length", "LUFS", "peak"];
    let mut shown = table(&["take", "", "length", "LUFS", "peak", "what", "seed"], &right);
    for (row, _) in &rows {
        let is_missing = row.duration_ms.is_none();
        let level = |db: Option<f32>| db.map_or_else(|| "–".to_owned(), |db| format!("{db:.1}"));
        shown.add_row([
            row.number.to_string(),
            marks(row),
            row.duration_ms.map_or_else(|| "–".to_owned(), duration),
            level(row.lufs),
            level(row.peak_dbfs),
            if is_missing { format!("{}; not rendered yet", what(row)) } else { what(row) },
            row.seed.map_or_else(|| "–".to_owned(), |seed| format!("{seed:016x}")),
        ]);
    }
    line(shown.to_string())
}

fn marks(row: &TakeRow) -> String {
    let marks = [(row.is_heard, "heard"), (row.is_approved, "approved")];
    let marks: Vec<_> = marks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    marks.join(", ")
}

fn what(row: &TakeRow) -> String {
    let mut what = match &row.kind {
        _ if row.is_usual => "usual".to_owned(),
        ChosenKind::Spoken { direction: None } => "alternative".to_owned(),
        ChosenKind::Spoken { direction: Some(direction) } => format!("({direction})"),
        ChosenKind::Recorded { performer, .. } => format!("recorded by {performer}"),
    };
    if let Some(other) = row.made_for {
        what = format!("{what}, for {other}");
    }
    what
}

/// Every take that is known, the usual one included, and what is known of it.
async fn rows(spot: &Spot) -> anyhow::Result<Vec<(TakeRow, Option<TakeFacts>)>> {
    let episode = &spot.episode;
    let (basis, usual) = episode.usual(&spot.record)?;
    let known = episode.decisions.line(spot.id());
    let mut takes: Vec<KnownTake> = known.map_or_else(Vec::new, |line| line.takes().to_vec());
    if !takes.iter().any(|take| take.key == usual.key) {
        takes.push(usual.clone());
    }
    let keys = takes.iter().map(|take| take.key.clone()).collect();
    let mut facts: BTreeMap<SynthKey, TakeFacts> = existing_takes(keys, &episode.store).await?;
    let approved = known.map(crate::takes::LineTakes::approved).unwrap_or_default();
    let row = |(number, take): (u32, &KnownTake)| {
        let facts = facts.remove(&take.key);
        let row = TakeRow {
            number,
            key: take.key.clone(),
            kind: take.kind.clone(),
            is_usual: take.key == usual.key,
            is_heard: take.key == spot.record.job.synth_key,
            is_approved: approved.contains(&take.key),
            made_for: made_for(take, &basis),
            seed: (!take.is_recorded()).then_some(take.seed),
            duration_ms: facts.as_ref().map(TakeFacts::duration_ms),
            lufs: facts.as_ref().and_then(|facts| facts.lufs),
            peak_dbfs: facts.as_ref().map(|facts| facts.peak_dbfs),
        };
        (row, facts)
    };
    Ok((1..).zip(&takes).map(row).collect())
}

fn made_for(take: &KnownTake, now: &LineBasis) -> Option<&'static str> {
    let then = &take.basis;
    if then.written != now.written {
        Some("other words")
    } else if take.is_recorded() {
        None
    } else if then.voice != now.voice {
        Some("another voice")
    } else if then.language != now.language {
        Some("another language")
    } else {
        (then.spoken != now.spoken).then_some("another pronunciation")
    }
}

/// Writes every take that is rendered as a file, levelled as the episode's voices are.
pub(super) async fn write_files(spot: &Spot, folder: &Path) -> anyhow::Result<Exit> {
    let mastering = &spot.episode.submission.mastering;
    let mut written = 0;
    for (row, facts) in rows(spot).await? {
        let Some(facts) = facts else { continue };
        let wav = spot.episode.store.get(&take_object(&row.key)).await?;
        let take = audio::read_wav(&wav)
            .with_context(|| format!("take {} in the store cannot be read", row.number))?;
        let levels = [(facts.lufs, facts.duration_ms())];
        let gain_db = audio::voice_gain_db(&levels, mastering.target_lufs);
        let pcm = audio::finish(&take, gain_db, mastering)?;
        let path = folder.join(format!("{}_take{:02}.wav", spot.id(), row.number));
        replace_file(&path, &audio::write_wav24(&pcm))
            .with_context(|| format!("cannot write {}", path.display()))?;
        line(format!("{}  {}", path.display(), what(&row)))?;
        written += 1;
    }
    if written == 0 {
        note(format!("no take of {} is rendered yet", spot.id()));
    }
    Ok(Exit::Done)
}
