//! `tableread logs`: what happened to one line.

use anyhow::bail;
use clap::Args;
use queue::Queue;
use schemas::{LineRecord, LineState, Progress, Stage};

use super::moment::{clock, moment};
use super::output::{counted, duration, json_pretty, line, plain, table};
use super::{Exit, find_submission, place::PlaceArgs};
use crate::pace;
use crate::story::{Spent, Story, Try, tell};

/// Tells the story of one line: who tried, what went wrong, how long it took, where its bytes are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread logs sc001-l0004                          of the only episode that has such a line
  tableread logs sc001-l0004 --episode night-ferry    of one of several
  tableread logs sc001                                which lines are there?
  tableread logs sc001-l0004 --json | jq '.tries[] | {worker, ended, why}'

Times are UTC, by the queue's clock. Of one line the last 60 events are kept, for as long as its
submission is. Exit code: 0, or 3 when the line has failed.")]
pub(crate) struct LogsArgs {
    /// Line, as `status` and `lines` call it; the beginning of its name will do when no other begins so
    line: String,
    /// Episode (its newest submission) or submission; needed when several have such a line
    #[arg(long)]
    episode: Option<String>,
    /// Print JSON: one object, see schemas/json/story.json
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A line found by its name.
struct Found {
    progress: Progress,
    record: LineRecord,
}

/// How many candidates are named to whoever named none of them.
const CANDIDATES: usize = 12;

pub(crate) async fn run(args: LogsArgs) -> anyhow::Result<Exit> {
    let place = args.place.existing()?;
    let queue = place.open_queue()?;
    let Found { progress, record } = find(queue.as_ref(), &args).await?;
    let events = queue.line_events(&progress.submission, &record.job.id).await?;
    let submission = queue.submission(&progress.submission).await?;
    let voices = submission.map(|submission| submission.voices).unwrap_or_default();
    let voice = voices.iter().find(|voice| voice.key() == record.job.voice);
    let voice = voice.map(|voice| voice.name.clone()).unwrap_or_default();
    let has_failed = record.state == LineState::Failed;
    let story = tell(&progress, record, voice, events);
    if args.json {
        json_pretty(&story)?;
    } else {
        show(&story, place.store_address())?;
    }
    Ok(if has_failed { Exit::SomeFailed } else { Exit::Done })
}

/// The one line that is meant.
async fn find(queue: &dyn Queue, args: &LogsArgs) -> anyhow::Result<Found> {
    let mut newest = match &args.episode {
        Some(name) => {
            let id = find_submission(queue, name).await?;
            queue.progress(&id).await?.into_iter().collect()
        }
        None => queue.submissions(None).await?,
    };
    // The submission that goes for an episode is the first one listed.
    let mut episodes = std::collections::BTreeSet::new();
    newest.retain(|progress| episodes.insert(progress.episode.clone()));
    let wanted = args.line.to_lowercase();
    let (mut exact, mut begin_so, mut nearest) = (Vec::new(), Vec::new(), None);
    for progress in newest {
        for record in queue.lines(&progress.submission).await? {
            let id = record.job.id.as_str().to_lowercase();
            if id == wanted {
                exact.push(Found { progress: progress.clone(), record });
            } else if id.starts_with(&wanted) {
                begin_so.push(Found { progress: progress.clone(), record });
            } else {
                let likeness = strsim::jaro_winkler(&id, &wanted);
                if nearest.as_ref().is_none_or(|(most, _)| likeness > *most) {
                    nearest = Some((likeness, record.job.id.clone()));
                }
            }
        }
    }
    let mut found = if exact.is_empty() { begin_so } else { exact };
    match (found.len(), nearest) {
        (1, _) => Ok(found.remove(0)),
        (0, Some((_, id))) => bail!("no line `{}` in this queue; did you mean `{id}`?", args.line),
        (0, None) => bail!("no line `{}`: nothing was submitted to this queue yet", args.line),
        (_, _) => bail!(ambiguous(&args.line, &found)),
    }
}

fn ambiguous(wanted: &str, found: &[Found]) -> String {
    let is_exact = found.iter().any(|one| one.record.job.id.as_str().eq_ignore_ascii_case(wanted));
    let how = if is_exact { "called" } else { "that begin with" };
    let count = counted(found.len() as u64, "line");
    let mut lines = vec![format!("{count} {how} `{wanted}`; name one:")];
    for Found { progress, record } in found.iter().take(CANDIDATES) {
        let words: String = plain(&record.job.text).chars().take(40).collect();
        let (id, episode, who) = (&record.job.id, &progress.episode, plain(&record.job.character));
        lines.push(format!("  tableread logs {id} --episode {episode}   {who}: {words}"));
    }
    if found.len() > CANDIDATES {
        lines.push(format!("  and {} more", found.len() - CANDIDATES));
    }
    lines.join("\n")
}

fn show(story: &Story, address: &str) -> anyhow::Result<()> {
    line(head(story))?;
    line("")?;
    line(events(story).to_string())?;
    if !story.is_whole {
        line("Earlier events are forgotten: the last 60 of a line are kept.")?;
    }
    line(spent(&story.spent, story))?;
    if !story.objects.is_empty() {
        line(format!("\nIn {address}:"))?;
        for object in &story.objects {
            let bytes = object.bytes.map(|bytes| format!("  {bytes} B")).unwrap_or_default();
            line(format!("  {:<11}{}{bytes}", object.kind, object.key))?;
        }
    }
    Ok(())
}

/// Which line it is, where it stands and why.
fn head(story: &Story) -> String {
    let Story { episode, submission, .. } = story;
    let (job, voice) = (&story.line.job, plain(&story.voice));
    let who = plain(&job.character);
    let mut lines = vec![
        format!("{}  {who}, voice {voice}, of {episode} ({submission})", job.id),
        format!("“{}”", plain(&job.text)),
        standing(story),
    ];
    if let Some(failure) = &story.line.failure {
        lines.push(format!("last failure: {}", plain(&failure.message)));
    }
    if story.line.state == LineState::Failed {
        let id = &job.id;
        lines.push(format!("after mending the cause: tableread retry {episode} --line {id}"));
    }
    lines.join("\n")
}

/// Where the line stands, in a sentence.
fn standing(story: &Story) -> String {
    let LineRecord { state, stage, attempts, worker, take, .. } = &story.line;
    let work = match stage {
        Stage::Speak => "spoken",
        Stage::Master => "mastered",
    };
    let who = worker.as_ref().map_or("nobody", |worker| worker.as_str());
    let tries = counted(u64::from(*attempts), "time");
    match state {
        LineState::Waiting if *attempts == 0 => format!("waits for a worker to be {work}"),
        LineState::Waiting => format!("waits to be {work} again; was started {tries}"),
        LineState::Leased => format!("is with {who} to be {work}, for {}", since(story)),
        LineState::Delayed => format!("failed on {who} and is tried again soon; started {tries}"),
        LineState::Held => "spoken; waits for the other lines of its voice".to_owned(),
        LineState::Done => {
            let by = take.as_ref().map_or_else(String::new, |take| {
                let (length, speed) = (duration(take.duration_ms()), duration(take.synth_ms));
                format!(": {length} spoken by {} with {} in {speed}", take.worker, take.engine)
            });
            format!("done{by}, mastered by {who}")
        }
        LineState::Failed => format!("failed: given up on when to be {work}, started {tries}"),
        LineState::Cancelled => format!("cancelled before it was {work}"),
    }
}

/// How long it stands there, by this machine's clock.
fn since(story: &Story) -> String {
    duration(pace::now_ms().saturating_sub(story.line.changed_at_ms))
}

fn events(story: &Story) -> comfy_table::Table {
    let mut rows = table(&["when", "after", "what", "worker", "why"], &["after"]);
    let (mut before_ms, mut day) = (None, String::new());
    for event in &story.events {
        let full = moment(event.at_ms);
        let is_same_day = full.starts_with(&day) && !day.is_empty();
        let when = if is_same_day { clock(event.at_ms) } else { full.clone() };
        day = full.chars().take(10).collect();
        let after = before_ms.map(|before: u64| duration(event.at_ms.saturating_sub(before)));
        before_ms = Some(event.at_ms);
        let what = match (event.stage, event.what.as_str()) {
            (Some(Stage::Speak), "claimed") => "claimed, to be spoken",
            (Some(Stage::Master), "claimed") => "claimed, to be mastered",
            (_, what) => what,
        };
        rows.add_row([
            when,
            after.unwrap_or_default(),
            what.to_owned(),
            event.worker.as_ref().map(ToString::to_string).unwrap_or_default(),
            event.detail.as_deref().map(plain).unwrap_or_default(),
        ]);
    }
    rows
}

/// Where its time went, in a sentence; what took none is left out.
fn spent(spent: &Spent, story: &Story) -> String {
    let parts = [
        ("waiting for a worker", spent.waited_ms),
        ("in a worker's hands", spent.in_hand_ms),
        ("being spoken", spent.spoke_ms),
        ("waiting for its voice", spent.waited_for_voice_ms),
        ("waiting to be mastered", spent.waited_to_be_mastered_ms),
        ("being mastered", spent.mastered_ms),
        ("lost in tries", spent.lost_ms),
        ("stopped", spent.stopped_ms),
    ];
    let total: u64 = parts.iter().map(|(_, ms)| ms).sum();
    let told: Vec<_> = parts
        .iter()
        .filter(|(_, ms)| *ms >= 50)
        .map(|(what, ms)| format!("{} {what}", duration(*ms)))
        .collect();
    let lost = story.tries.iter().filter(|one| is_lost(one)).count() as u64;
    let lost = if lost > 0 {
        format!("; {} came to nothing", counted(lost, "attempt"))
    } else {
        String::new()
    };
    if told.is_empty() {
        return format!("It took no time worth telling{lost}.");
    }
    format!("Of {}: {}{lost}.", duration(total), told.join(", "))
}

fn is_lost(one: &Try) -> bool {
    one.ended.as_deref().is_some_and(|ended| !matches!(ended, "spoken" | "mastered"))
}
