//! How fast the queue in a file is: lines submitted, claimed and settled a second, and how long a
//! claim and a look at the progress take while a million lines wait.
//!
//! `cargo bench -p queue`, or with another number of waiting lines: `-- 100000`. Prints a table and,
//! as its last line, the same as JSON. The file lies in the temporary folder: set `TMPDIR` to a
//! folder on the disk that matters, because commits wait for it.

#![expect(clippy::print_stdout, reason = "a bench tells its figures to whoever ran it")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should stop")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use queue::{NewSubmission, Queue, SqliteQueue, Want};
use schemas::{
    EpisodeId, GroupKey, LineId, LineJob, Mastering, Outcome, QueuedLine, ScratchSynthesiser,
    Submission, SubmissionId, SynthKey, TakeFacts, Voice, VoiceSource, WorkerId,
};

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
        voices,
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
        },
    }
}

fn a_second(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

#[tokio::main]
async fn main() {
    let waiting = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(&folder.path().join("queue.db")).unwrap();
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
        max_lines: 16,
        max_audio_ms: u64::MAX,
        lease_ms: 600_000,
    };
    let (mut claims, mut settling, mut lines) = (Vec::new(), Duration::ZERO, 0);
    for _ in 0..BATCHES {
        let began = Instant::now();
        let Some(batch) = queue.claim(&want).await.unwrap() else { break };
        claims.push(began.elapsed());
        let began = Instant::now();
        for line in &batch.lines {
            queue.settle(&batch.lease, &line.job.id, &spoken()).await.unwrap();
            lines += 1;
        }
        settling += began.elapsed();
    }
    claims.sort();
    figures.push(("lines claimed a second", a_second(lines, claims.iter().sum())));
    figures.push(("lines settled a second", a_second(lines, settling)));
    figures.push(("claim of 16 lines, median ms", ms(claims[claims.len() / 2])));
    figures.push(("claim of 16 lines, worst ms", ms(claims[claims.len() - 1])));

    let id = SubmissionId::parse("ep0.1").unwrap();
    let began = Instant::now();
    queue.progress(&id).await.unwrap().unwrap();
    figures.push(("progress of one submission, ms", ms(began.elapsed())));
    let began = Instant::now();
    queue.submissions(None).await.unwrap();
    figures.push(("progress of all submissions, ms", ms(began.elapsed())));

    println!("{waiting} lines waiting in {episodes} submissions of {VOICES} voices");
    for (what, figure) in &figures {
        println!("{what:<34}{figure:>12.2}");
    }
    let json: serde_json::Map<_, _> =
        figures.into_iter().map(|(what, figure)| (what.to_owned(), figure.into())).collect();
    println!("{}", serde_json::json!({ "waiting": waiting, "figures": json }));
}
