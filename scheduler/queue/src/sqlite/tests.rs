//! Failures that only the connection itself can be made to have.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::params;
use schemas::{EpisodeId, LineJob, Mastering, Submission, SubmissionId, VoiceKey, WorkerId};

use super::*;

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    (folder, path)
}

/// A submission without lines, with a title that fills some pages.
fn submission(name: &str) -> NewSubmission {
    let submission = Submission {
        id: SubmissionId::parse(name).unwrap(),
        episode: EpisodeId::parse(name).unwrap(),
        title: "long ".repeat(20_000),
        priority: 5,
        max_attempts: 3,
        mastering: Mastering::default(),
        shares: 1,
        tag: None,
        voices: Vec::new(),
        trace: None,
    };
    NewSubmission { submission, lines: Vec::new() }
}

async fn names(queue: &SqliteQueue) -> Vec<String> {
    let all = queue.submissions(None).await.unwrap();
    all.iter().map(|one| one.submission.to_string()).collect()
}

#[tokio::test]
async fn a_file_that_cannot_grow_keeps_what_it_has() {
    let (_folder, path) = place();
    let queue = SqliteQueue::open(&path).unwrap();
    queue.submit(submission("one.1")).await.unwrap();
    let bound = |pages: u32| {
        let bound = |_: &rusqlite::Row<'_>| Ok(());
        lock(&queue.file.writer)
            .conn
            .pragma_update_and_check(None, "max_page_count", pages, bound)
            .unwrap();
    };
    bound(1);
    let err = queue.submit(submission("two.1")).await.unwrap_err();
    let is_told = matches!(&err, QueueError::Broken { advice, .. } if advice.contains("free some"));
    assert!(is_told, "{err:?}");
    assert_eq!(names(&queue).await, ["one.1"]);
    bound(1_000_000);
    queue.submit(submission("two.1")).await.unwrap();
    assert_eq!(names(&queue).await, ["two.1", "one.1"]);
}

#[tokio::test]
async fn a_file_that_stays_busy_can_be_asked_again() {
    let (_folder, path) = place();
    let queue = SqliteQueue::open(&path).unwrap();
    lock(&queue.file.writer).conn.busy_timeout(Duration::ZERO).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let err = queue.submit(submission("one.1")).await.unwrap_err();
    assert!(matches!(&err, QueueError::Unavailable { .. }), "{err:?}");
    assert!(err.to_string().contains("try again"), "{err}");
    assert_eq!(names(&queue).await, [""; 0], "reading goes on");
    other.execute_batch("COMMIT").unwrap();
    queue.submit(submission("one.1")).await.unwrap();
    assert_eq!(names(&queue).await, ["one.1"]);
}

fn want() -> Want {
    Want {
        worker: WorkerId::parse("a").unwrap(),
        warm: Vec::new(),
        engines: std::collections::BTreeSet::new(),
        tags: std::collections::BTreeSet::new(),
        max_lines: 1,
        max_audio_ms: 1,
        lease_ms: 1,
    }
}

/// A line as it was when it said nothing of an engine, with numbers that lose digits easily.
fn job() -> LineJob {
    LineJob {
        id: LineId::new(1, 1),
        scene: "INT. HOUSE".to_owned(),
        scene_number: 1,
        is_with_previous: false,
        character: "MIRA".to_owned(),
        text: "Who is there?".to_owned(),
        pauses: Vec::new(),
        language: "en".to_owned(),
        voice: VoiceKey::parse("a".repeat(64)).unwrap(),
        seed: u64::MAX - 1,
        engine: String::new(),
        synth_key: schemas::SynthKey::parse("b".repeat(64)).unwrap(),
        gain_db: 0.1,
        estimated_ms: 5,
    }
}

/// What the connection that writes waits for: 1 is `normal`, 2 is `full`.
fn synchronous(queue: &SqliteQueue) -> i64 {
    let writer = lock(&queue.file.writer);
    writer.conn.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn only_what_a_power_cut_may_undo_does_not_wait_for_the_disk() {
    let (_folder, path) = place();
    let queue = SqliteQueue::open(&path).unwrap();
    assert_eq!(synchronous(&queue), 2);
    let (lease, line) = (LeaseId::parse("1").unwrap(), LineId::new(1, 1));
    let want = want();
    let outcome = Outcome::Failed {
        failure: schemas::Failure {
            verdict: schemas::Verdict::Quit,
            kind: schemas::FailureKind::Device,
            message: "no matter".to_owned(),
        },
    };
    for _ in 0..2 {
        queue.claim(&want).await.unwrap();
        queue.start(&lease, &line).await.unwrap();
        queue.renew(&lease, 1).await.unwrap();
        assert_eq!(synchronous(&queue), 1);
        queue.settle(&lease, &line, &outcome).await.unwrap();
        assert_eq!(synchronous(&queue), 2);
        queue.start(&lease, &line).await.unwrap();
        assert_eq!(synchronous(&queue), 1);
        queue.submit(submission("one.1")).await.unwrap();
        assert_eq!(synchronous(&queue), 2);
    }
}

#[tokio::test]
async fn a_file_of_an_older_layout_is_brought_up_to_date() {
    let (_folder, path) = place();
    let new = submission("one.1").submission;
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("sql/layout_1.sql")).unwrap();
    old.execute(
        "INSERT INTO submission (id, episode, title, priority, max_attempts, mastering, body, turn,
                                 submitted_at_ms, changed_at_ms)
         VALUES ('one.1', 'one.1', 'Old', 5, 3, '{}', ?1, 1, 7, 7)",
        [row::json(&new)],
    )
    .unwrap();
    old.execute_batch(
        "INSERT INTO voice (number, submission, key, model, body)
             VALUES (1, 1, 'k1', 'scratch', '{}'), (2, 1, 'k2', 'qwen3-tts-1.7b', '{}');
         INSERT INTO cluster (number, submission, voice, key) VALUES (1, 1, 1, 'g1'), (2, 1, 2, 'g2');
         INSERT INTO worker (id, models, seen_at_ms) VALUES ('old', '[\"scratch\"]', 7);",
    )
    .unwrap();
    let mut job = job();
    for (number, cluster) in [(1, 1), (2, 2)] {
        old.execute(
            "INSERT INTO line (number, submission, place, id, character, cluster, voice,
                               estimated_ms, stage, state, changed_at_ms)
             VALUES (?1, 1, ?1 - 1, 'l' || ?1, 'MIRA', ?2, ?2, 5, 0, 0, 7)",
            [number, cluster],
        )
        .unwrap();
        let mut body = serde_json::to_value(&job).unwrap();
        body.as_object_mut().unwrap().remove("engine");
        old.execute("INSERT INTO job VALUES (?1, ?2)", params![number, body.to_string()]).unwrap();
    }
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    for _ in 0..2 {
        let queue = SqliteQueue::open(&path).unwrap();
        assert_eq!(queue.submission(&new.id).await.unwrap().as_ref(), Some(&new));
        assert_eq!(queue.progress(&new.id).await.unwrap().unwrap().submitted_at_ms, 7);
        for (line, engine) in
            queue.lines(&new.id).await.unwrap().iter().zip(["scratch/1", "qwen3-tts-1.7b"])
        {
            engine.clone_into(&mut job.engine);
            assert_eq!(line.job, job);
        }
        let want = Want { engines: ["scratch/1".to_owned()].into(), ..want() };
        let found = queue.read(move |conn, now| claim::is_idle(conn, &want, now)).await.unwrap();
        assert!(!found, "a line waits for its engine");
    }
}
