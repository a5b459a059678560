//! How fast the queues are, in a file and in a server: lines submitted, claimed and settled a second,
//! and how long a claim and a look at the progress take while many lines wait.
//!
//! `cargo bench -p queue`, or with another number of waiting lines: `-- 1000000`. Prints tables and, as
//! its last line, the same as JSON. It starts redis-server itself. Files lie in the temporary folder:
//! set `TMPDIR` to a folder on the disk that matters, because commits wait for it.

#![expect(clippy::print_stdout, reason = "a bench tells its figures to whoever ran it")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should stop")]

#[expect(dead_code, reason = "shared with tests that also kill it")]
#[path = "../tests/server/mod.rs"]
mod server;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use queue::{NewSubmission, Queue, RedisQueue, Selection, SqliteQueue, Want};
use schemas::{
    EpisodeId, GroupKey, LineId, LineJob, Mastering, Outcome, QueuedLine, ScratchSynthesiser,
    Submission, SubmissionId, SynthKey, TakeFacts, Voice, VoiceSource, WorkerId,
};
use server::Server;

/// Lines of one submission; a long episode has some thousand.
const EPISODE: u32 = 20_000;
const VOICES: u32 = 40;
const BATCHES: u32 = 200;

fn voice(number: u32) -> Voice {
    let source = VoiceSource::Scratch {
        synthesiser: ScratchSynthesiser::Pico,
        base: Some(number.to_string()),
        pitch: 1.0,
        formant: 1.0,
        rate: 1.0,
    };
    Voice { name: format!("voice {number}"), model: "scratch".to_owned(), source }
}

fn line(order: u32, voice: &Voice) -> QueuedLine {
    let job = LineJob {
        id: LineId::new(1 + order / 1_000, 1 + order % 1_000),
        scene: "INT. LIGHTHOUSE - NIGHT".to_owned(),
        scene_number: 1 + order / 1_000,
        is_with_previous: false,
        character: voice.name.to_uppercase(),
        text: "The lamp has been out since Tuesday, and nobody on the mainland has noticed.".into(),
        pauses: Vec::new(),
        language: "en".to_owned(),
        voice: voice.key(),
        seed: order.into(),
        engine: "scratch/1".to_owned(),
        synth_key: SynthKey::parse(format!("{order:064x}")).unwrap(),
        gain_db: 0.0,
        estimated_ms: 1_000 + order * 7_919 % 9_000,
    };
    QueuedLine { order, group: GroupKey::new(voice, "en"), job, take: None }
}

fn episode(number: u32, lines: u32) -> NewSubmission {
    let voices: Vec<_> = (0..VOICES).map(voice).collect();
    let lines = (0..lines).map(|order| line(order, &voices[(order % VOICES) as usize])).collect();
    let submission = Submission {
        id: SubmissionId::parse(format!("ep{number}.1")).unwrap(),
        episode: EpisodeId::parse(format!("ep{number}")).unwrap(),
        title: format!("Episode {number}"),
        priority: 5,
        max_attempts: 3,
        mastering: Mastering::default(),
        shares: 1,
        tag: None,
        voices,
        trace: None,
    };
    NewSubmission { submission, lines }
}

fn spoken() -> Outcome {
    Outcome::Spoken {
        take: TakeFacts {
            synth_key: SynthKey::parse("0".repeat(64)).unwrap(),
            samples: 96_000,
            rate_hz: 24_000,
            lufs: Some(-21.5),
            peak_dbfs: -3.0,
            bytes: 384_044,
            engine: "scratch/1 pico".to_owned(),
            worker: WorkerId::parse("bench").unwrap(),
            synth_ms: 40,
            likeness: None,
        },
    }
}

fn a_second(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// Submits, claims and settles, and says how fast that was.
async fn measure(queue: &dyn Queue, waiting: u32) -> Vec<(&'static str, f64)> {
    let mut figures = Vec::new();
    let episodes = u32::div_ceil(waiting, EPISODE);
    let mut submitting = Duration::ZERO;
    for number in 0..episodes {
        let new = episode(number, EPISODE.min(waiting - number * EPISODE));
        let began = Instant::now();
        queue.submit(new).await.unwrap();
        submitting += began.elapsed();
    }
    figures.push(("lines submitted a second", a_second(waiting, submitting)));

    let want = Want {
        worker: WorkerId::parse("bench").unwrap(),
        warm: vec![GroupKey::new(&voice(3), "en")],
        engines: BTreeSet::from(["scratch/1".to_owned()]),
        tags: BTreeSet::new(),
        max_lines: 16,
        max_audio_ms: u64::MAX,
        lease_ms: 600_000,
    };
    let (mut claims, mut settling, mut together) = (Vec::new(), Duration::ZERO, Duration::ZERO);
    let (mut lines, mut lines_together) = (0, 0);
    for round in 0..2 * BATCHES {
        let began = Instant::now();
        let Some(batch) = queue.claim(&want).await.unwrap() else { break };
        claims.push(began.elapsed());
        let began = Instant::now();
        let outcome = spoken();
        let reports =
            batch.lines.iter().map(|line| queue.settle(&batch.lease, &line.job.id, &outcome));
        let count = u32::try_from(batch.lines.len()).unwrap();
        if round % 2 == 0 {
            for report in reports {
                report.await.unwrap();
            }
            settling += began.elapsed();
            lines += count;
        } else {
            futures::future::try_join_all(reports).await.unwrap();
            together += began.elapsed();
            lines_together += count;
        }
    }
    claims.sort();
    figures.push(("lines claimed a second", a_second(lines + lines_together, claims.iter().sum())));
    figures.push(("lines settled one by one a second", a_second(lines, settling)));
    figures.push(("lines settled 16 at once a second", a_second(lines_together, together)));
    figures.push(("claim of 16 lines, median ms", ms(claims[claims.len() / 2])));
    figures.push(("claim of 16 lines, worst ms", ms(claims[claims.len() - 1])));

    let other = Want { engines: BTreeSet::from(["other/1".to_owned()]), ..want };
    let began = Instant::now();
    for _ in 0..BATCHES {
        queue.claim(&other).await.unwrap();
    }
    figures.push(("claim that finds nothing, ms", ms(began.elapsed() / BATCHES)));

    let id = SubmissionId::parse("ep0.1").unwrap();
    let began = Instant::now();
    queue.progress(&id).await.unwrap().unwrap();
    figures.push(("progress of one submission, ms", ms(began.elapsed())));
    let began = Instant::now();
    queue.submissions(None).await.unwrap();
    figures.push(("progress of all submissions, ms", ms(began.elapsed())));
    let began = Instant::now();
    queue.lines(&id).await.unwrap();
    figures.push(("lines of one submission, ms", ms(began.elapsed())));
    let all = Selection { submission: id, line: None, character: None };
    let began = Instant::now();
    queue.cancel(&all).await.unwrap();
    figures.push(("cancel of one submission, ms", ms(began.elapsed())));
    figures
}

#[tokio::main]
async fn main() {
    let waiting = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(200_000);
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteQueue::open(&folder.path().join("queue.db")).unwrap();
    let everysec = Server::start(&[]);
    let always = Server::start(&["--appendfsync", "always"]);
    let queues: [(&str, Box<dyn Queue>); 3] = [
        ("file", Box::new(file)),
        ("redis, everysec", Box::new(RedisQueue::open(&everysec.address()).unwrap())),
        ("redis, always", Box::new(RedisQueue::open(&always.address()).unwrap())),
    ];
    let mut all = serde_json::Map::new();
    for (name, queue) in queues {
        let figures = measure(&*queue, waiting).await;
        println!("{name}: {waiting} lines in submissions of {EPISODE} in {VOICES} voices");
        for (what, figure) in &figures {
            println!("{what:<36}{figure:>12.2}");
        }
        println!();
        let figures: serde_json::Map<_, _> =
            figures.into_iter().map(|(what, figure)| (what.to_owned(), figure.into())).collect();
        all.insert(name.to_owned(), figures.into());
    }
    println!("{}", serde_json::json!({ "waiting": waiting, "figures": all }));
}
