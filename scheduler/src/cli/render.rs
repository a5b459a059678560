//! `tableread render`: one command from a screenplay to an episode to play.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use queue::Queue;
use schemas::{EpisodeId, LineOutcome, Manifest, SubmissionId, WorkerId};
use store::Store;
use tokio_util::sync::CancellationToken;
use worker::{Engines, LocalModels, ModelArgs};

use super::Exit;
use super::config::{cache_dir, program, search_path};
use super::confirm::{ConfirmArgs, is_agreed, time};
use super::engines::plan_for_local;
use super::export::tell_folder;
use super::outage::tell_outages;
use super::output::{counted, duration, json_line, line, note, table, times_real_time};
use super::place::PlaceArgs;
use super::progress::follow;
use super::script_args::{MasteringArgs, QueueingArgs, ScriptArgs};
use crate::export::{Exported, export};
use crate::finish::finish;
use crate::submit::{Submitted, prepare, submit};

/// Renders a screenplay on this machine: an AAC file a line, an episode mix, captions, a timeline
#[derive(Debug, Args)]
#[command(after_help = "\
Runs queue and worker in this process. Only what is new or changed is spoken; Ctrl-C stops after the
lines in hand, and the same command goes on from there, also after a crash.

Examples:
  tableread render pilot.fountain --cast cast.toml --out pilot
  tableread render pilot.fdx --cast cast.toml --scratch      a timing track, whatever voices are cast
  tableread render pilot.fdx --cast cast.toml --models ~/models   with the models that the cast names
  tableread render pilot.fountain --cast cast.toml --bitrate 96   masters again, speaks nothing

Exit code: 0 everything delivered, 3 some lines failed or were cancelled, 130 interrupted, 1 could
not be done.")]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    script: ScriptArgs,
    #[command(flatten)]
    mastering: MasteringArgs,
    #[command(flatten)]
    queueing: QueueingArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Lines spoken at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Lines spoken at once by each model [default: 4 to 8 on a CPU, 32 on an accelerator]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    slots: Option<u16>,
    #[command(flatten)]
    models: ModelArgs,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(mut args: RenderArgs) -> anyhow::Result<Exit> {
    let mut stages = Stages::start();
    args.script.fetch_locks(&args.place).await?;
    let mut upload = args.script.read(&args.mastering, &args.queueing)?;
    let models = args.models.settings(args.slots, cache_dir()?);
    let models = plan_for_local(&mut upload, &models).map_err(|err| args.script.blame_any(err))?;
    let place = args.place.begin()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    let mut prepared = prepare(&upload, &store).await.map_err(|err| args.script.blame(err))?;
    time(&mut prepared, Some(queue.as_ref())).await?;
    if !is_agreed(&prepared, &args.confirm)? {
        if args.json {
            json_line(&serde_json::json!({ "episode": upload.episode, "price": prepared.price }))?;
        }
        return Ok(Exit::Refused);
    }
    let submitted = submit(&upload, prepared, queue.as_ref(), &store)
        .await
        .map_err(|err| args.script.blame(err))?;
    tell_restart(&submitted);
    tell_edits(&submitted);
    stages.end("plan");

    let threads = args.threads.map_or_else(worker::cores, usize::from);
    let work =
        Work { queue: queue.clone(), store: store.clone(), id: submitted.id.clone(), threads };
    let is_interrupted = work.until_done(&place.cache(), models).await?;
    stages.end("render");
    refuse_replaced(queue.as_ref(), &upload.episode, &submitted.id).await?;
    let manifest = finish(queue.as_ref(), &store, &submitted.id).await?;
    if is_interrupted {
        note(format!(
            "interrupted with {} of {} delivered; run the same command again to go on",
            manifest.totals.delivered,
            counted(manifest.totals.lines, "line")
        ));
        return Ok(Exit::Interrupted);
    }
    let exported = tokio::select! {
        exported = export(&manifest, &store, &place.out) => exported?,
        signal = tokio::signal::ctrl_c() => {
            signal.context("Ctrl-C cannot be listened for")?;
            note("interrupted while files were written; run the same command again to go on");
            return Ok(Exit::Interrupted);
        }
    };
    tell_folder(&exported, &place.out);
    stages.end("export");
    let outcome = Outcome { manifest: &manifest, exported: &exported, stages };
    if args.json {
        outcome.print_json()?;
    } else {
        outcome.print(&args)?;
    }
    Ok(if manifest.totals.delivered < manifest.totals.lines {
        Exit::SomeFailed
    } else {
        Exit::Done
    })
}

/// Stops before the files of a version that is not wanted any more are written over the newer ones.
pub(super) async fn refuse_replaced(
    queue: &dyn Queue,
    episode: &EpisodeId,
    id: &SubmissionId,
) -> anyhow::Result<()> {
    match queue.submissions(Some(episode)).await?.first() {
        Some(newest) if newest.submission != *id => bail!(
            "a newer version of {episode} was submitted meanwhile ({}), so this one is not finished; \
             watch it with: tableread status {episode}",
            newest.submission
        ),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn tell_restart(submitted: &Submitted) {
    if submitted.is_restarted {
        note("audio of this episode is gone from the store and is made again");
    }
}

fn tell_edits(submitted: &Submitted) {
    let (prepared, added) = (&submitted.prepared, &submitted.added);
    let reused =
        prepared.plan.lines.iter().filter(|l| prepared.takes.contains_key(&l.job.synth_key));
    if let Some(edits) = &prepared.edits {
        note(format!(
            "{} changed, {} new, {} removed, {} reused",
            edits.changed,
            edits.new,
            edits.removed,
            reused.count()
        ));
    }
    if added.superseded > 0 {
        note(format!(
            "{} of the version before not rendered any more",
            counted(added.superseded, "line")
        ));
    }
    if added.revived > 0 {
        note(format!(
            "{} that failed or were cancelled before tried again",
            counted(added.revived, "line")
        ));
    }
}

/// A submission to be worked on in this process.
pub(super) struct Work {
    pub(super) queue: Arc<dyn Queue>,
    pub(super) store: Store,
    pub(super) id: SubmissionId,
    pub(super) threads: usize,
}

impl Work {
    /// Runs a worker until nothing of the submission is open; says whether the user stopped it.
    pub(super) async fn until_done(
        &self,
        cache: &Path,
        models: LocalModels,
    ) -> anyhow::Result<bool> {
        let drain = CancellationToken::new();
        let mut worker = tokio::spawn(self.worker(cache, models, drain.clone())?);
        let mut interrupted = false;
        let followed = tokio::select! {
            followed = follow(self.queue.as_ref(), &self.id) => followed.map(|_| ()),
            () = tell_outages(&self.store) => Ok(()),
            ended = &mut worker => {
                // A worker that was not told to stop has only failed.
                ended.context("the worker crashed")??;
                bail!("the worker stopped by itself; run the same command again to go on");
            }
            signal = tokio::signal::ctrl_c() => {
                interrupted = true;
                note("stopping: lines in hand are finished first (Ctrl-C again stops at once)");
                signal.context("Ctrl-C cannot be listened for")
            }
        };
        drain.cancel();
        tokio::select! {
            ended = worker => { ended.context("the worker crashed")??; }
            again = tokio::signal::ctrl_c(), if interrupted => again?,
        }
        followed?;
        Ok(interrupted)
    }

    fn worker(
        &self,
        cache: &Path,
        models: LocalModels,
        drain: CancellationToken,
    ) -> anyhow::Result<impl Future<Output = Result<worker::Report, worker::WorkerError>> + use<>>
    {
        let name = format!("render-{}-{}", std::process::id(), self.queue_time());
        let settings = worker::Settings {
            threads: self.threads,
            poll_ms: 50,
            // Short, so that the run after a crash soon takes over what this one held.
            lease_ms: 5_000,
            ..worker::Settings::new(WorkerId::parse(name)?)
        };
        let programs = worker::Programs::find(&search_path());
        let cache = cache.to_owned();
        let (queue, store) = (self.queue.clone(), self.store.clone());
        Ok(async move {
            let open = move || worker::scratch_speaker(1, &cache, &programs);
            let scratch = Engines::open(settings.threads, open).await?;
            worker::run_with(settings, queue, store, models.beside(scratch)?, drain).await
        })
    }

    /// Tells runs of one process id apart on a machine that gives ids out again.
    #[expect(clippy::unused_self, reason = "reads as a name's part where it is used")]
    fn queue_time(&self) -> u128 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis())
    }
}

/// Wall time of each stage of the command, in order.
struct Stages {
    began: Instant,
    ended: Vec<(&'static str, u64)>,
}

impl Stages {
    fn start() -> Self {
        Self { began: Instant::now(), ended: Vec::new() }
    }

    /// Ends the stage that began with the end of the one before.
    fn end(&mut self, name: &'static str) {
        self.ended.push((name, millis(self.began.elapsed())));
        self.began = Instant::now();
    }

    fn wall_ms(&self) -> u64 {
        self.ended.iter().map(|(_, ms)| ms).sum()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a render ends by telling.
struct Outcome<'a> {
    manifest: &'a Manifest,
    exported: &'a Exported,
    stages: Stages,
}

impl Outcome<'_> {
    fn print_json(&self) -> anyhow::Result<()> {
        json_line(&serde_json::json!({
            "episode": self.manifest.episode,
            "submission": self.manifest.submission,
            "totals": self.manifest.totals,
            "edits": self.manifest.edits,
            "manifest": self.exported.manifest,
            "mix": self.exported.mix,
            "timeline": self.exported.timeline,
            "length_ms": self.exported.length_ms,
            "wall_ms": self.stages.wall_ms(),
            "stages_ms": self.stages.ended.iter().copied().collect::<BTreeMap<_, _>>(),
        }))
    }

    fn print(&self, args: &RenderArgs) -> anyhow::Result<()> {
        line(self.characters())?;
        line(self.times())?;
        for failed in self.failures() {
            line(failed)?;
        }
        if self.manifest.totals.pending > 0 {
            let pending = counted(self.manifest.totals.pending, "line");
            line(format!("{pending} cancelled; the same command renders them after all"))?;
        }
        if let Some(mix) = &self.exported.mix {
            line(format!(
                "\nEpisode   {}  ({})",
                mix.display(),
                duration(self.exported.length_ms)
            ))?;
        }
        line(format!("Timeline  {}", self.exported.timeline.display()))?;
        let folder = self.exported.folder.display();
        line(format!("Lines     {folder}/lines  Manifest  {}", self.exported.manifest.display()))?;
        let (episode, place) = (&self.manifest.episode, args.place.as_typed());
        let script = args.script.script.display();
        let (program, cast) = (program(), args.script.cast.display());
        let models = args.models.as_typed();
        line("\nNext:")?;
        for (command, what) in [
            (format!("status {episode}{place}"), "what is done, and what failed and why"),
            (format!("lines {script} --json"), "every line with its id, for your tools"),
            (
                format!("render {script} --cast {cast}{models}{place}"),
                "after an edit: only what changed is spoken",
            ),
        ] {
            line(format!("  {program} {command}\n      {what}"))?;
        }
        Ok(())
    }

    /// One row a character, in order of appearance, and their sum.
    fn characters(&self) -> String {
        #[derive(Default, Clone, Copy)]
        struct Sum {
            lines: u64,
            audio_ms: u64,
            render_ms: u64,
        }
        let mut order: Vec<&str> = Vec::new();
        let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
        for entry in &self.manifest.lines {
            if !sums.contains_key(entry.character.as_str()) {
                order.push(&entry.character);
            }
            let sum = sums.entry(&entry.character).or_default();
            sum.lines += 1;
            if let LineOutcome::Delivered { take, delivery, .. } = &entry.outcome {
                sum.audio_ms += delivery.duration_ms();
                sum.render_ms += take.synth_ms + delivery.master_ms;
            }
        }
        let header = ["character", "lines", "audio", "render time", "× real time"];
        let mut rows = table(&header, &header[1..]);
        for character in order {
            let Sum { lines, audio_ms, render_ms } = sums[character];
            rows.add_row([
                character.to_owned(),
                lines.to_string(),
                duration(audio_ms),
                duration(render_ms),
                times_real_time(audio_ms, render_ms),
            ]);
        }
        let totals = &self.manifest.totals;
        rows.add_row([
            "all, by the clock".to_owned(),
            totals.lines.to_string(),
            duration(totals.audio_ms),
            duration(self.stages.wall_ms()),
            times_real_time(totals.audio_ms, self.stages.wall_ms()),
        ]);
        rows.to_string()
    }

    /// Where the time went: wall time of the stages, and what speaking and mastering took of the
    /// middle one, summed over lines.
    fn times(&self) -> String {
        let stages: Vec<_> = self
            .stages
            .ended
            .iter()
            .map(|(name, ms)| format!("{name} {}", duration(*ms)))
            .collect();
        let totals = &self.manifest.totals;
        format!(
            "Time: {}; speaking these lines took {}, mastering {}, summed over lines",
            stages.join(", "),
            duration(totals.synth_ms),
            duration(totals.master_ms)
        )
    }

    fn failures(&self) -> Vec<String> {
        let failed = self.manifest.lines.iter().filter_map(|entry| match &entry.outcome {
            LineOutcome::Failed { failure, .. } => {
                Some(format!("failed  {}  {}: {}", entry.id, entry.character, failure.message))
            }
            LineOutcome::Delivered { .. } | LineOutcome::Pending { .. } => None,
        });
        failed.collect()
    }
}
