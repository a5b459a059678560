//! Failures that only the connection itself can be made to have.

use std::path::PathBuf;
use std::time::Duration;

use schemas::{EpisodeId, Mastering, Submission, SubmissionId, WorkerId};

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
        voices: Vec::new(),
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
    let want = Want {
        worker: WorkerId::parse("a").unwrap(),
        warm: Vec::new(),
        models: std::collections::BTreeSet::new(),
        max_lines: 1,
        max_audio_ms: 1,
        lease_ms: 1,
    };
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
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    for _ in 0..2 {
        let queue = SqliteQueue::open(&path).unwrap();
        assert_eq!(queue.submission(&new.id).await.unwrap().as_ref(), Some(&new));
        assert_eq!(queue.progress(&new.id).await.unwrap().unwrap().submitted_at_ms, 7);
    }
}
