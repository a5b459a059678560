//! The contract, kept by a file; and what is a file's own: crashes, layouts, permissions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod suite;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use queue::{Clock, Queue, QueueError, SqliteQueue, Want};
use schemas::LineState;
use suite::Harness;
use suite::world::{claim, drain, good, id, record, submission, submission_id, want};

/// A queue in a file of its own.
struct InFile {
    folder: tempfile::TempDir,
    now: Arc<AtomicU64>,
}

impl InFile {
    fn path(&self) -> PathBuf {
        self.folder.path().join("queue.db")
    }
}

impl Harness for InFile {
    fn connect(&self) -> Arc<dyn Queue> {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || now.load(Ordering::SeqCst));
        Arc::new(SqliteQueue::open_with(&self.path(), clock).unwrap())
    }

    fn pass(&self, ms: u64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    fn audit(&self) {
        let file = rusqlite::Connection::open(self.path()).unwrap();
        let wrong: Vec<String> = file
            .prepare(include_str!("audit.sql"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(wrong, [""; 0]);
    }
}

fn fresh() -> InFile {
    InFile {
        folder: tempfile::tempdir().unwrap(),
        now: Arc::new(AtomicU64::new(1_700_000_000_000)),
    }
}

contract!(crate::fresh);

#[tokio::test]
async fn a_reopened_file_has_everything() {
    let harness = fresh();
    let batch = {
        let queue = harness.connect();
        queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
        let batch = claim(&*queue, &want("a")).await;
        queue.settle(&batch.lease, &id(1), &good(batch.stage)).await.unwrap();
        batch
    };
    let queue = harness.connect();
    assert_eq!(record(&*queue, "ep.1", 1).await.state, LineState::Held);
    let fence = queue.settle(&batch.lease, &id(2), &good(batch.stage)).await.unwrap();
    assert_eq!(fence, queue::Fence::Held);
}

/// Started by the test below, in a process of its own; tells each line once it is settled.
#[tokio::test]
#[ignore = "needs a file made by `a_killed_worker_loses_nothing_that_it_settled`"]
async fn settle_until_killed() {
    let path = std::env::var_os("QUEUE_TO_SETTLE").expect("set by the test that starts this");
    let queue = SqliteQueue::open(Path::new(&path)).unwrap();
    let few = Want { max_lines: 4, ..want("doomed") };
    while let Some(batch) = queue.claim(&few).await.unwrap() {
        for line in &batch.lines {
            queue.start(&batch.lease, &line.job.id).await.unwrap();
            queue.settle(&batch.lease, &line.job.id, &good(batch.stage)).await.unwrap();
            println!("\nsettled {}", line.job.id);
        }
    }
}

#[tokio::test]
async fn a_killed_worker_loses_nothing_that_it_settled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let lines: Vec<_> = (0..400).map(|n| ("mira", n)).collect();
    SqliteQueue::open(&path).unwrap().submit(submission("ep.1", &lines)).await.unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["settle_until_killed", "--exact", "--ignored", "--nocapture"])
        .env("QUEUE_TO_SETTLE", &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let settled: Vec<_> =
        told.filter_map(|line| Some(line.strip_prefix("settled ")?.to_owned())).take(30).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(settled.len(), 30);

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let later = u64::try_from(now.as_millis()).unwrap() + 60_000;
    let queue = SqliteQueue::open_with(&path, Arc::new(move || later)).unwrap();
    let records = queue.lines(&submission_id("ep.1")).await.unwrap();
    for line in &settled {
        let record = records.iter().find(|record| record.job.id.as_str() == line).unwrap();
        assert_eq!(record.state, LineState::Held, "{line}");
    }
    let charged = records.iter().filter(|record| record.attempts > 0).count();
    assert!(charged <= 1, "{charged} lines were started and not settled");
    drain(&queue, &want("heir")).await;
    let done = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap().lines.done;
    assert_eq!(done, 400);
}

#[test]
fn a_newer_layout_is_left_alone() {
    let harness = fresh();
    drop(harness.connect());
    let file = rusqlite::Connection::open(harness.path()).unwrap();
    file.pragma_update(None, "user_version", 7_000).unwrap();
    let err = SqliteQueue::open(&harness.path()).unwrap_err();
    assert!(matches!(err, QueueError::Version { found: 7_000, .. }), "{err}");
}

#[test]
fn a_file_that_is_no_queue_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "Not a queue at all.\n".repeat(200);
    std::fs::write(&path, &notes).unwrap();
    let err = SqliteQueue::open(&path).unwrap_err();
    assert!(matches!(&err, QueueError::Broken { advice, .. } if advice.contains("not a queue")));
    assert!(err.to_string().contains("notes.txt"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
    let missing = SqliteQueue::open(&folder.path().join("no/such/queue.db")).unwrap_err();
    assert!(matches!(&missing, QueueError::Broken { advice, .. } if advice.contains("folder")));
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let harness = fresh();
    let _queue = harness.connect();
    for file in std::fs::read_dir(harness.folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn a_worker_silent_for_a_day_leaves_no_row() {
    let harness = fresh();
    let queue = harness.connect();
    queue.claim(&want("a")).await.unwrap();
    harness.pass(25 * 3_600_000);
    queue.claim(&want("b")).await.unwrap();
    let file = rusqlite::Connection::open(harness.path()).unwrap();
    let rows: i64 = file.query_row("SELECT count(*) FROM worker", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn what_no_retry_can_mend_is_told_apart_from_what_one_can() {
    let harness = fresh();
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let batch = claim(&*queue, &want("a")).await;
    let file = rusqlite::Connection::open(harness.path()).unwrap();
    file.execute_batch("DROP TABLE job").unwrap();
    let err = queue.lines(&submission_id("ep.1")).await.unwrap_err();
    assert!(matches!(&err, QueueError::Broken { advice, .. } if advice.contains("bug")), "{err}");
    let fence = queue.start(&batch.lease, &id(1)).await.unwrap();
    assert_eq!(fence, queue::Fence::Held);
}

#[tokio::test]
async fn a_story_outlives_what_is_kept_of_all_events_and_nothing_else_does() {
    let harness = fresh();
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let ep = submission_id("ep.1");
    let turns = async |turns: usize| {
        for _ in 0..turns {
            let batch = claim(&*queue, &want("a")).await;
            queue.release(&batch.lease).await.unwrap();
        }
    };
    turns(100).await;
    // As if many others had happened meanwhile: events are numbered on from here.
    let file = rusqlite::Connection::open(harness.path()).unwrap();
    file.execute("UPDATE sqlite_sequence SET seq = 100000 WHERE name = 'event'", []).unwrap();
    drop(file);
    let before = queue.line_events(&ep, &id(1)).await.unwrap();
    queue.submit(submission("other.1", &[("otto", 1)])).await.unwrap();
    queue.change(&ep, queue::SubmissionChange::Pause).await.unwrap();
    turns(300).await;
    let mut after = queue.line_events(&ep, &id(1)).await.unwrap();
    assert_eq!(after.pop().unwrap().what, "paused");
    assert_eq!((after.len(), &after), (61, &before), "its own 60, and that it was submitted");
    let all = queue.events(0, 10_000).await.unwrap();
    let old: Vec<_> = all.iter().filter(|event| event.number < 100_000).cloned().collect();
    assert_eq!(old, before, "of what is older only the story is kept");

    queue.change(&ep, queue::SubmissionChange::Resume).await.unwrap();
    queue.cancel(&suite::world::all_of("other.1")).await.unwrap();
    turns(10).await;
    let all = queue.events(0, 10_000).await.unwrap();
    let old = all.iter().filter(|event| event.number < 100_000 && event.line.is_some()).count();
    assert_eq!(old, 40, "what leaves the story is forgotten then");
}
