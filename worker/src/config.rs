//! What can be set, by arguments and by the environment; nothing else reads either.

mod bench;
mod device;
mod fetch;
mod speak;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
pub(crate) use bench::BenchArguments;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use device::DeviceArgument;
pub(crate) use fetch::FetchArguments;
use schemas::{BadId, Tag, WorkerId};
pub(crate) use speak::{ModelArguments, SpeakArguments, VoiceArguments};
use store::S3Settings;
use telemetry::{LogFormat, Verbosity};
use worker::{ModelArgs, ModelSettings, Programs, Settings, SpoolSettings};

/// Renders the lines of screenplays: claims batches from the queue, speaks and masters them, and
/// puts the audio into the store.
#[derive(Debug, Parser)]
#[command(name = "tableread-worker", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  tableread-worker doctor                              can this machine render?
  tableread-worker bench --size 0.6B --random-weights  how fast would it?
  tableread-worker speak \"Who's there?\" --out who.wav  hear the engine
  tableread-worker fetch qwen3-tts-12hz-1.7b-customvoice --models ./models
  tableread-worker speak \"Who's there?\" --model ./models/qwen3-tts-12hz-1.7b-customvoice \\
    --speaker ryan --instruct \"whispering\" --out who.wav
  tableread-worker speak --model ./models/qwen3-tts-12hz-1.7b-base --requests lines.jsonl --out takes
  tableread-worker run --out ./episode --until-empty   render what `tableread` queued there
  tableread-worker run --models /srv/models --out ./episode     with every model in that folder
  tableread-worker run --queue /srv/queue.db --store s3://audio/episodes

Ctrl-C or SIGTERM lets lines that are being spoken finish and gives the others back to the queue;
a second Ctrl-C stops at once, and the lines come back when their lease ends.")]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Log more; standard error, see also `RUST_LOG`.
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Log warnings and errors only.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value = "text", env = "TABLEREAD_LOG_FORMAT")]
    log_format: Format,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Arguments {
    /// How much is logged, `usual` unless asked for otherwise.
    pub(crate) fn verbosity(&self, usual: Verbosity) -> Verbosity {
        match (self.verbose, self.quiet) {
            (true, _) => Verbosity::Detailed,
            (false, true) => Verbosity::Quiet,
            (false, false) => usual,
        }
    }

    /// How log lines look.
    pub(crate) fn format(&self) -> LogFormat {
        match self.log_format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Render lines until stopped, or until the queue is empty.
    Run(RunArguments),
    /// Speak one text into a WAV file, or many with a model.
    Speak(SpeakArguments),
    /// Fetch a model into a folder; goes on where an earlier try ended.
    Fetch(FetchArguments),
    /// Check that this machine can render: engine, languages, device, store, queue.
    Doctor(DoctorArguments),
    /// Measure how fast this machine speaks with a model.
    Bench(BenchArguments),
}

/// Where lines come from and audio goes.
#[derive(Debug, Args)]
pub(crate) struct Places {
    /// The queue: a SQLite file's path, or Redis as `redis://HOST` or `rediss://USER:PASSWORD@HOST:PORT`;
    /// an address with a password belongs in the variable, where other users cannot read it.
    #[arg(long, value_name = "ADDRESS", env = "TABLEREAD_QUEUE", hide_env_values = true)]
    queue: Option<String>,
    /// The store: a folder, `file:PATH` or `s3://BUCKET/PREFIX` (credentials from `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`).
    #[arg(long, value_name = "ADDRESS", env = "TABLEREAD_STORE", hide_env_values = true)]
    store: Option<String>,
    /// Short for --queue DIR/.tableread/queue.db --store DIR/.tableread/store.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["queue", "store"])]
    out: Option<PathBuf>,
    /// Base URL of an S3 server other than Amazon's; also from `AWS_ENDPOINT_URL`.
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,
    /// Region of the bucket, also from `AWS_REGION`; us-east-1 when not given.
    #[arg(long, value_name = "REGION")]
    s3_region: Option<String>,
    /// Allow an http: endpoint, where everyone on the way can read along; also from `AWS_ALLOW_HTTP`.
    #[arg(long)]
    s3_allow_http: bool,
}

impl Places {
    /// Address of the queue, if one was given.
    pub(crate) fn queue(&self) -> Option<String> {
        self.below_out("queue.db").or_else(|| self.queue.clone())
    }

    /// Address of the store, if one was given.
    pub(crate) fn store(&self) -> Option<String> {
        self.below_out("store").or_else(|| self.store.clone())
    }

    /// How S3 is reached. Secrets come from the environment alone: arguments can be read by every
    /// user of the machine.
    pub(crate) fn s3(&self) -> S3Settings {
        let set = S3Settings::from_variables(environment);
        S3Settings {
            endpoint: self.s3_endpoint.clone().or(set.endpoint),
            region: self.s3_region.clone().or(set.region),
            allow_http: self.s3_allow_http || set.allow_http,
            ..set
        }
    }

    fn below_out(&self, name: &str) -> Option<String> {
        let path = self.out.as_ref()?.join(".tableread").join(name);
        Some(path.to_string_lossy().into_owned())
    }
}

/// The engine and what it may use.
#[derive(Debug, Args)]
pub(crate) struct EngineArguments {
    /// Folder where the built-in synthesiser keeps its voices; made when missing.
    #[arg(long, value_name = "DIR", env = "TABLEREAD_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl EngineArguments {
    /// The folder for caches: as given, or the user's.
    ///
    /// # Errors
    /// When neither is there. A folder that all users share would let others put voices in the way, or
    /// hear those of unreleased scripts.
    pub(crate) fn cache_dir(&self) -> anyhow::Result<PathBuf> {
        let of_user = || match environment("XDG_CACHE_HOME") {
            Some(caches) => Some(PathBuf::from(caches)),
            None => environment("HOME").map(|home| PathBuf::from(home).join(".cache")),
        };
        let usual = || of_user().map(|caches| caches.join("tableread"));
        self.cache_dir.clone().or_else(usual).context(
            "there is no HOME to keep voices below: name a folder of this program's own with --cache-dir",
        )
    }

    /// The synthesisers installed on this machine.
    #[expect(clippy::unused_self, reason = "reads as a question to the settings, as its neighbour")]
    pub(crate) fn programs(&self) -> Programs {
        Programs::find(&std::env::var_os("PATH").unwrap_or_default())
    }
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Where lines come from and audio goes.
    #[command(flatten)]
    pub(crate) places: Places,
    /// The engine.
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    /// Return once nothing is open in the queue; lines that are delayed or held by other workers are
    /// waited for.
    #[arg(long)]
    until_empty: bool,
    /// Who this worker is; unique among living workers. Made up when not given.
    #[arg(long, value_name = "NAME", env = "TABLEREAD_WORKER_NAME")]
    name: Option<String>,
    /// A word of your choice that episodes can ask for (`tableread enqueue --tag`), e.g. where this
    /// machine is; may be given more than once. Other episodes are rendered all the same.
    #[arg(long = "tag", value_name = "TAG", value_parser = parse_tag)]
    #[arg(env = "TABLEREAD_WORKER_TAGS", value_delimiter = ',')]
    tags: Vec<Tag>,
    /// Models beside the scratch engine.
    #[command(flatten)]
    models: ModelArgs,
    /// Lines spoken at once by each engine; when not given the number of cores for scratch voices, and
    /// for each model 4 to 8 on a CPU and 32 on an accelerator.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    slots: Option<u16>,
    /// Threads of the scratch engine, among which its slots are divided; as many as cores, at most one a
    /// slot.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// How long the queue waits for a worker that fell silent, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3_600))]
    lease_seconds: u64,
    /// How long lines being spoken may go on after Ctrl-C or SIGTERM, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=600))]
    drain_seconds: u64,
    /// Whether SIGTERM drains, as Ctrl-C does, which is what services want; otherwise it ends the worker
    /// at once, and its lines come back when their lease ends.
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1)]
    #[arg(default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) drain_on_sigterm: bool,
    /// Folder for finished audio while the store cannot be reached, so that rendering goes on; it is
    /// uploaded when the store is back, by the next worker if need be [default: spool in the folder for
    /// caches].
    #[arg(long, value_name = "DIR", env = "TABLEREAD_SPOOL")]
    spool: Option<PathBuf>,
    /// How much is kept there at most; then no more lines are taken until the store is back. 0 keeps
    /// nothing: lines then wait in memory.
    #[arg(long, value_name = "SIZE", default_value = "2GB", env = "TABLEREAD_SPOOL_SIZE")]
    #[arg(value_parser = worker::parse_bytes)]
    spool_size: u64,
    /// Do not compare every take of a cloned voice with its recording; takes a little less of the device.
    #[arg(long)]
    no_drift_check: bool,
    /// Tell metrics to Prometheus, which asks for /metrics at this address; a port alone is of this machine's own
    /// address. They are told to whoever asks.
    #[arg(long, value_name = "[HOST:]PORT", env = "TABLEREAD_METRICS_LISTEN")]
    #[arg(value_parser = listen_address)]
    pub(crate) metrics_listen: Option<SocketAddr>,
}

/// Reads where to listen: an address and a port, or a port alone.
fn listen_address(typed: &str) -> Result<SocketAddr, String> {
    let port = typed.parse::<u16>().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let typed = typed.replace("localhost:", "127.0.0.1:");
    port.or_else(|_| typed.parse())
        .map_err(|_| "no port, and no address with one, e.g. 9464 or 0.0.0.0:9464".to_owned())
}

fn parse_tag(tag: &str) -> Result<Tag, BadId> {
    Tag::parse(tag)
}

impl RunArguments {
    /// How the worker works.
    ///
    /// # Errors
    /// When the name is not a usable id, or there is no folder for caches.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let name = self.name.clone().unwrap_or_else(made_up_name);
        let worker = WorkerId::parse(name).context("--name")?;
        let usual = Settings::new(worker);
        let slots = self.slots();
        Ok(Settings {
            lease_ms: self.lease_seconds * 1_000,
            until_empty: self.until_empty,
            threads: self.threads.map_or(usual.threads, usize::from).min(slots),
            drain_ms: self.drain_seconds * 1_000,
            look_ahead: slots.max(usual.look_ahead),
            spool: self.spool()?,
            keep_awake: keep_awake(),
            hears_drift: !self.no_drift_check,
            tags: self.tags.iter().cloned().collect(),
            ..usual
        })
    }

    fn spool(&self) -> anyhow::Result<Option<SpoolSettings>> {
        if self.spool_size == 0 {
            return Ok(None);
        }
        let folder = match &self.spool {
            Some(folder) => folder.clone(),
            None => self.engine.cache_dir()?.join("spool"),
        };
        Ok(Some(SpoolSettings { folder, limit_bytes: self.spool_size }))
    }

    /// Where models are and how they are computed with.
    ///
    /// # Errors
    /// When there is no folder for caches.
    pub(crate) fn model_settings(&self) -> anyhow::Result<ModelSettings> {
        Ok(self.models.settings(self.slots, self.engine.cache_dir()?))
    }

    /// Lines spoken at once over all threads of the scratch engine.
    pub(crate) fn slots(&self) -> usize {
        self.slots.map_or_else(worker::cores, usize::from)
    }
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Where lines come from and audio goes; checked when given.
    #[command(flatten)]
    pub(crate) places: Places,
    /// The engine.
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    /// What computes models: proved with a tiny model that is inside this program.
    #[command(flatten)]
    pub(crate) device: DeviceArgument,
    /// Answer as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What keeps this machine from going to sleep while it runs; a Mac mini does, left alone. It ends with
/// this process also when that is killed.
fn keep_awake() -> Vec<String> {
    if cfg!(target_os = "macos") {
        let own = std::process::id().to_string();
        ["/usr/bin/caffeinate", "-i", "-m", "-w", &own].map(str::to_owned).to_vec()
    } else {
        Vec::new()
    }
}

fn made_up_name() -> String {
    format!("worker-{}", ulid::Ulid::generate().to_string().to_lowercase())
}

/// A variable of the environment; one that is empty or not UTF-8 counts as not set.
fn environment(name: &str) -> Option<String> {
    std::env::var_os(name)
        .and_then(|value: OsString| value.into_string().ok())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(arguments: &[&str]) -> RunArguments {
        let parsed = Arguments::try_parse_from([&["tableread-worker", "run"], arguments].concat());
        match parsed.unwrap().command {
            Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn out_is_short_for_a_queue_and_a_store_in_one_folder() {
        let places = run(&["--out", "ep"]).places;
        assert_eq!(places.queue().as_deref(), Some("ep/.tableread/queue.db"));
        assert_eq!(places.store().as_deref(), Some("ep/.tableread/store"));
    }

    #[test]
    fn metrics_are_told_to_this_machine_unless_an_address_is_given() {
        let listen =
            |typed| run(&["--out", "ep", "--metrics-listen", typed]).metrics_listen.unwrap();
        assert_eq!(listen("9464"), "127.0.0.1:9464".parse().unwrap());
        assert_eq!(listen("localhost:9464"), "127.0.0.1:9464".parse().unwrap());
        assert_eq!(listen("0.0.0.0:9464"), "0.0.0.0:9464".parse().unwrap());
        assert!(listen_address("everywhere").is_err());
    }

    #[test]
    fn there_are_never_more_threads_than_slots() {
        let settings = run(&["--out", "ep", "--slots", "1", "--threads", "8"]).settings().unwrap();
        assert_eq!(settings.threads, 1);
    }

    #[test]
    fn two_workers_that_were_given_no_name_have_different_ones() {
        let name = || run(&["--out", "ep"]).settings().unwrap().worker;
        assert_ne!(name(), name());
    }
}
