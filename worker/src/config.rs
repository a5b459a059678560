//! What can be set, by arguments and by the environment; nothing else reads either.

mod bench;
mod device;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
pub(crate) use bench::BenchArguments;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use device::DeviceArgument;
use schemas::{ScratchSynthesiser, WorkerId};
use store::S3Settings;
use telemetry::{LogFormat, Verbosity};
use worker::{Programs, Settings};

/// Renders the lines of screenplays: claims batches from the queue, speaks and masters them, and
/// puts the audio into the store.
#[derive(Debug, Parser)]
#[command(name = "tableread-worker", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  tableread-worker doctor                              can this machine render?
  tableread-worker bench --size 0.6B --random-weights  how fast would it?
  tableread-worker speak \"Who's there?\" --out who.wav  hear the engine
  tableread-worker speak --model qwen3-tts-12hz-1.7b-base --requests lines.jsonl --out takes
  tableread-worker run --out ./episode --until-empty   render what `tableread` queued there
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
    /// Check that this machine can render: engine, languages, device, store, queue.
    Doctor(DoctorArguments),
    /// Measure how fast this machine speaks with a model.
    Bench(BenchArguments),
}

/// Where lines come from and audio goes.
#[derive(Debug, Args)]
pub(crate) struct Places {
    /// The queue: a SQLite file's path, or sqlite:PATH.
    #[arg(long, value_name = "ADDRESS", env = "TABLEREAD_QUEUE")]
    queue: Option<String>,
    /// The store: a folder, `file:PATH` or `s3://BUCKET/PREFIX` (credentials from `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`).
    #[arg(long, value_name = "ADDRESS", env = "TABLEREAD_STORE")]
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
    pub(crate) fn cache_dir(&self) -> PathBuf {
        let of_user = || match environment("XDG_CACHE_HOME") {
            Some(caches) => Some(PathBuf::from(caches)),
            None => environment("HOME").map(|home| PathBuf::from(home).join(".cache")),
        };
        let usual = || of_user().unwrap_or_else(std::env::temp_dir).join("tableread");
        self.cache_dir.clone().unwrap_or_else(usual)
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
    /// Lines spoken at once; the number of cores when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    slots: Option<u16>,
    /// Engine threads, among which the slots are divided; as many as cores, at most one a slot.
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
}

impl RunArguments {
    /// How the worker works.
    ///
    /// # Errors
    /// When the name is not a usable id.
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
            ..usual
        })
    }

    /// Lines spoken at once over all engine threads.
    pub(crate) fn slots(&self) -> usize {
        self.slots.map_or_else(worker::cores, usize::from)
    }
}

/// Arguments of `speak`.
#[derive(Debug, Args)]
pub(crate) struct SpeakArguments {
    /// What is said by a scratch voice.
    #[arg(required_unless_present = "model", conflicts_with = "model")]
    pub(crate) text: Option<String>,
    /// BCP 47, e.g. en-US, de, fr.
    #[arg(long, value_name = "TAG", default_value = "en")]
    pub(crate) language: String,
    /// The WAV file to write: 24 bits, one channel. With --model the folder for ID.wav and
    /// ID.codes.json of every request, made when missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A model instead of a scratch voice.
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Pitch against the synthesiser's own, 0.5 to 2.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) pitch: f32,
    /// Vocal-tract size: above 1 sounds smaller, 0.8 to 1.25.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) formant: f32,
    /// Speaking rate, 0.5 to 2.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) rate: f32,
    /// Who speaks.
    #[arg(long, value_enum, default_value = "pico")]
    synthesiser: Synthesiser,
    /// The synthesiser's own voice, e.g. Samantha for `say`.
    #[arg(long, value_name = "NAME")]
    pub(crate) base: Option<String>,
    /// The engine.
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
}

/// A model, and what it is to speak.
#[derive(Debug, Args)]
pub(crate) struct ModelArguments {
    /// Folder of a Qwen3-TTS release, as published.
    #[arg(long, value_name = "DIR", requires = "requests")]
    pub(crate) model: Option<PathBuf>,
    /// What it speaks: one JSON object a line, with `id`, `text` and `language`; `speaker` and
    /// `instruct`, or `ref_audio` (relative to this file) with `ref_text` or `x_vector_only`;
    /// `non_streaming`, `seed`, `temperature`, `top_k`, `top_p`, `repetition_penalty`,
    /// `max_new_tokens`.
    #[arg(long, value_name = "FILE", requires = "model")]
    pub(crate) requests: Option<PathBuf>,
    /// Take the likeliest of all codes instead of drawing.
    #[arg(long, requires = "model")]
    pub(crate) greedy: bool,
    /// Lines spoken at once.
    #[arg(long, value_name = "N", default_value_t = 8, requires = "model")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) slots: u16,
    /// What computes.
    #[command(flatten)]
    pub(crate) device: DeviceArgument,
    /// Say what became of the requests as one JSON object.
    #[arg(long, requires = "model")]
    pub(crate) json: bool,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Synthesiser {
    /// Built in: English, German, French, Spanish, Italian.
    Pico,
    /// The `say` command of macOS.
    Say,
    /// The `espeak-ng` command.
    Espeak,
}

impl SpeakArguments {
    /// Who speaks.
    pub(crate) fn synthesiser(&self) -> ScratchSynthesiser {
        match self.synthesiser {
            Synthesiser::Pico => ScratchSynthesiser::Pico,
            Synthesiser::Say => ScratchSynthesiser::Say,
            Synthesiser::Espeak => ScratchSynthesiser::Espeak,
        }
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
    fn a_text_or_a_model_with_requests_is_spoken_never_both() {
        let parse = |arguments: &[&str]| {
            Arguments::try_parse_from([&["tableread-worker", "speak"], arguments].concat())
        };
        assert!(parse(&["Hello.", "--out", "o"]).is_ok());
        assert!(parse(&["--model", "m", "--requests", "r", "--out", "o"]).is_ok());
        for wrong in [
            &["--out", "o"][..],
            &["--model", "m", "--out", "o"],
            &["--requests", "r", "--out", "o"],
            &["Hello.", "--model", "m", "--requests", "r", "--out", "o"],
            &["Hello.", "--greedy", "--out", "o"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn out_is_short_for_a_queue_and_a_store_in_one_folder() {
        let places = run(&["--out", "ep"]).places;
        assert_eq!(places.queue().as_deref(), Some("ep/.tableread/queue.db"));
        assert_eq!(places.store().as_deref(), Some("ep/.tableread/store"));
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
