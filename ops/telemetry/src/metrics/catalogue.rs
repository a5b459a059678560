//! The metrics themselves.

use super::about::{About, Kind, Label, Values};
use super::handle::{Counter, Gauge, Histogram, Metric};

/// Seconds, from what a queue takes to what an episode takes.
const SECONDS: Kind = Kind::Histogram(&[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
]);

const PRIORITY: Label = of("priority", &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
const LINE_STATE: Label = of(
    "state",
    &["waiting", "speaking", "delayed", "spoken", "mastering", "done", "failed", "cancelled"],
);
const SUBMISSION_STATE: Label = of("state", &["active", "paused", "done", "failed", "cancelled"]);
const STAGE: Label = of("stage", &["speak", "master"]);
const ENGINE: Label = Label {
    name: "engine",
    values: Values::Few("a worker has a handful of engines, all known when it starts"),
};

const fn of(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values: Values::Of(values) }
}

const fn about(
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    labels: &'static [Label],
    meaning: &'static str,
) -> About {
    About { name, unit, kind, meaning, labels }
}

/// Lines in the queue.
pub static QUEUE_LINES: Gauge<2> = Gauge::new(about(
    "tableread.queue.lines",
    "{line}",
    Kind::Gauge,
    &[PRIORITY, LINE_STATE],
    "Lines in the queue by where they stand, as a server sees them.",
));

/// How old the oldest of them are.
pub static QUEUE_AGE: Gauge<2> = Gauge::new(about(
    "tableread.queue.age",
    "s",
    Kind::Gauge,
    &[PRIORITY, of("state", &["waiting", "speaking", "delayed", "spoken", "mastering"])],
    "How long ago the oldest submission that is not paused and has lines in this state was submitted.",
));

/// How long nothing moved.
pub static QUEUE_STILL: Gauge<1> = Gauge::new(about(
    "tableread.queue.still",
    "s",
    Kind::Gauge,
    &[PRIORITY],
    "Longest time that nothing has happened to any line of an active submission.",
));

/// Audio still to be spoken.
pub static QUEUE_OPEN_AUDIO: Gauge<1> = Gauge::new(about(
    "tableread.queue.open_audio",
    "s",
    Kind::Gauge,
    &[PRIORITY],
    "Estimated audio of the lines in the queue that are not yet spoken.",
));

/// Submissions in the queue.
pub static QUEUE_SUBMISSIONS: Gauge<1> = Gauge::new(about(
    "tableread.queue.submissions",
    "{submission}",
    Kind::Gauge,
    &[SUBMISSION_STATE],
    "Submissions in the queue by where they stand.",
));

/// Leases that ran out.
pub static QUEUE_EXPIRIES: Counter<1> = Counter::new(about(
    "tableread.queue.expiries",
    "{line}",
    Kind::Counter,
    &[STAGE],
    "Lines that came back because the lease on them ran out, since this server started.",
));

/// Lines to be tried again.
pub static QUEUE_RETRIES: Counter<1> = Counter::new(about(
    "tableread.queue.retries",
    "{line}",
    Kind::Counter,
    &[STAGE],
    "Lines that failed and are to be tried again, since this server started.",
));

/// Lines given up on.
pub static QUEUE_DEAD_LETTERS: Counter<1> = Counter::new(about(
    "tableread.queue.dead_letters",
    "{line}",
    Kind::Counter,
    &[STAGE],
    "Lines that were given up on, since this server started.",
));

/// Workers of the farm.
pub static WORKERS: Gauge<1> = Gauge::new(about(
    "tableread.workers",
    "{worker}",
    Kind::Gauge,
    &[of("state", &["starting", "idle", "rendering", "draining", "paused", "silent"])],
    "Workers heard of within the last hour by what they do; silent are those unheard for 60 s.",
));

/// Lines under lease.
pub static WORKERS_LINES_HELD: Gauge<0> = Gauge::new(about(
    "tableread.workers.lines_held",
    "{line}",
    Kind::Gauge,
    &[],
    "Lines under lease by any worker.",
));

/// Clients that follow events.
pub static EVENT_FOLLOWERS: Gauge<0> = Gauge::new(about(
    "tableread.event_followers",
    "{client}",
    Kind::Gauge,
    &[],
    "Clients that follow this server's events.",
));

/// Requests answered over HTTP.
pub static HTTP_REQUEST_DURATION: Histogram<3> = Histogram::new(about(
    "http.server.request.duration",
    "s",
    SECONDS,
    &[
        of("http.request.method", HTTP_METHODS),
        Label {
            name: "http.route",
            values: Values::Few("routes as they are written in the router"),
        },
        Label {
            name: "http.response.status_code",
            values: Values::Few("status codes that the server answers with"),
        },
    ],
    "Time until answers to requests began.",
));

/// Requests being answered.
pub static HTTP_ACTIVE_REQUESTS: Gauge<1> = Gauge::new(about(
    "http.server.active_requests",
    "{request}",
    Kind::Gauge,
    &[of("http.request.method", HTTP_METHODS)],
    "Requests being answered.",
));

const HTTP_METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Lines by how work on them ended.
pub static LINES: Counter<3> = Counter::new(about(
    "tableread.lines",
    "{line}",
    Kind::Counter,
    &[
        STAGE,
        of("outcome", &["done", "reused", "retry", "reject", "quit", "thrown_away", "given_back"]),
        of("reason", &["none", "text", "voice", "device", "audio", "store", "crash"]),
    ],
    "Lines that this process worked on by how that ended, and by why they failed.",
));

/// Audio rendered.
pub static AUDIO_RENDERED: Counter<1> = Counter::new(about(
    "tableread.audio.rendered",
    "s",
    Kind::Counter,
    &[ENGINE],
    "Audio spoken by an engine.",
));

/// How fast an engine is.
pub static TIMES_REAL_TIME: Gauge<1> = Gauge::new(about(
    "tableread.engine.times_real_time",
    "{times}",
    Kind::Gauge,
    &[ENGINE],
    "Seconds of audio that an engine made in a second of work, over all its slots.",
));

/// Slots taken and free.
pub static ENGINE_SLOTS: Gauge<2> = Gauge::new(about(
    "tableread.engine.slots",
    "{slot}",
    Kind::Gauge,
    &[ENGINE, of("state", &["busy", "free"])],
    "Lines that an engine speaks now, and could speak beside them.",
));

/// Frames made.
pub static ENGINE_FRAMES: Counter<1> = Counter::new(about(
    "tableread.engine.frames",
    "{frame}",
    Kind::Counter,
    &[ENGINE],
    "Frames made, of all lines in a running batch; of a Qwen3-TTS model one is 80 ms of audio.",
));

/// Steps of running batches.
pub static ENGINE_STEPS: Counter<1> = Counter::new(about(
    "tableread.engine.steps",
    "{step}",
    Kind::Counter,
    &[ENGINE],
    "Steps of a running batch: frames by steps are the slots taken on average.",
));

/// Time by stage.
pub static STAGE_DURATION: Histogram<1> = Histogram::new(about(
    "tableread.stage.duration",
    "s",
    SECONDS,
    &[of(
        "stage",
        &[
            "plan", "enqueue", "claim", "prompt", "prefill", "decode", "vocode", "master",
            "encode", "upload", "settle",
        ],
    )],
    "Time by stage: plan and enqueue of a submission; claim and prompt of a batch; the others of a line.",
));

/// Voices asked for.
pub static PROMPTS: Counter<2> = Counter::new(about(
    "tableread.prompts",
    "{prompt}",
    Kind::Counter,
    &[ENGINE, of("outcome", &["hit", "recalled", "made"])],
    "Voices asked of an engine: ready in memory, recalled from disk, or made anew.",
));

/// Voices kept on disk.
pub static PROMPT_BYTES: Gauge<0> = Gauge::new(about(
    "tableread.prompts.kept",
    "By",
    Kind::Gauge,
    &[],
    "Voices made ready that are kept on this machine's disk.",
));

/// How long models took to load.
pub static MODEL_LOAD: Histogram<1> = Histogram::new(about(
    "tableread.model.load.duration",
    "s",
    SECONDS,
    &[ENGINE],
    "Time to load a model.",
));

/// Memory that models take.
pub static MODEL_RESIDENT: Gauge<1> = Gauge::new(about(
    "tableread.model.resident",
    "By",
    Kind::Gauge,
    &[ENGINE],
    "Memory that a model takes of its device; 0 while it is not loaded.",
));

/// Memory of the device.
pub static DEVICE_MEMORY: Gauge<2> = Gauge::new(about(
    "tableread.device.memory",
    "By",
    Kind::Gauge,
    &[of("device", &["cpu", "cuda", "metal"]), of("state", &["used", "limit"])],
    "Memory that loaded models take of a device, and may take.",
));

/// Bytes stored.
pub static STORE_UPLOADED: Counter<0> = Counter::new(about(
    "tableread.store.uploaded",
    "By",
    Kind::Counter,
    &[],
    "Audio and facts written to the store.",
));

/// Refusals and outages of the store.
pub static STORE_ERRORS: Counter<2> = Counter::new(about(
    "tableread.store.errors",
    "{error}",
    Kind::Counter,
    &[
        of("operation", &["read", "write"]),
        of("reason", &["unavailable", "damaged", "denied", "bad_address"]),
    ],
    "Calls of the store that failed, repeated ones included.",
));

/// Bytes in the spool.
pub static SPOOL_BYTES: Gauge<1> = Gauge::new(about(
    "tableread.spool.size",
    "By",
    Kind::Gauge,
    &[of("state", &["used", "limit"])],
    "Finished audio that waits on this disk for the store, and how much may.",
));

/// Files in the spool.
pub static SPOOL_FILES: Gauge<0> = Gauge::new(about(
    "tableread.spool.files",
    "{file}",
    Kind::Gauge,
    &[],
    "Objects that wait on this disk for the store.",
));

/// What a worker does.
pub static WORKER_STATE: Gauge<1> = Gauge::new(about(
    "tableread.worker.state",
    "{worker}",
    Kind::Gauge,
    &[of("state", &["starting", "idle", "rendering", "draining", "paused"])],
    "What this worker does: 1 for its state, 0 for the others.",
));

/// Leases that ended too early.
pub static LEASES_LOST: Counter<0> = Counter::new(about(
    "tableread.worker.leases_lost",
    "{lease}",
    Kind::Counter,
    &[],
    "Leases that ended before this worker had settled all their lines.",
));

/// Telemetry that nobody will see.
pub static TELEMETRY_DROPPED: Counter<2> = Counter::new(about(
    "tableread.telemetry.dropped",
    "{item}",
    Kind::Counter,
    &[of("signal", &["traces", "metrics", "logs"]), of("reason", &["full", "refused"])],
    "Spans, log records and exports of metrics lost: too many waited, or the collector did not take them.",
));

/// Every metric, each once.
#[must_use]
pub fn catalogue() -> &'static [&'static dyn Metric] {
    ALL
}

static ALL: &[&dyn Metric] = &[
    &QUEUE_LINES,
    &QUEUE_AGE,
    &QUEUE_STILL,
    &QUEUE_OPEN_AUDIO,
    &QUEUE_SUBMISSIONS,
    &QUEUE_EXPIRIES,
    &QUEUE_RETRIES,
    &QUEUE_DEAD_LETTERS,
    &WORKERS,
    &WORKERS_LINES_HELD,
    &EVENT_FOLLOWERS,
    &HTTP_REQUEST_DURATION,
    &HTTP_ACTIVE_REQUESTS,
    &LINES,
    &AUDIO_RENDERED,
    &TIMES_REAL_TIME,
    &ENGINE_SLOTS,
    &ENGINE_FRAMES,
    &ENGINE_STEPS,
    &STAGE_DURATION,
    &PROMPTS,
    &PROMPT_BYTES,
    &MODEL_LOAD,
    &MODEL_RESIDENT,
    &DEVICE_MEMORY,
    &STORE_UPLOADED,
    &STORE_ERRORS,
    &SPOOL_BYTES,
    &SPOOL_FILES,
    &WORKER_STATE,
    &LEASES_LOST,
    &TELEMETRY_DROPPED,
];
