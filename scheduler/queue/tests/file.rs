//! What can happen to a queue's file: other processes, other users, and damage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]
#![expect(dead_code, reason = "shared with the contract's suite, which uses all of it")]

#[path = "suite/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;

use queue::{Queue, QueueError, SqliteQueue};
use schemas::{LineState, Stage};
use world::{claim, drain, good, id, record, spoken, states, submission, submission_id, want};

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    (folder, path)
}

/// Runs one of the ignored tests below in a process of its own, on the file at `path`.
fn other_process(test: &str, path: &Path) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--ignored", "--nocapture"]).env("QUEUE_TO_VISIT", path);
    child.stdout(Stdio::null());
    child
}

fn visited() -> PathBuf {
    std::env::var_os("QUEUE_TO_VISIT").expect("set by the test that starts this").into()
}

#[tokio::test]
#[ignore = "needs a file made by `a_process_that_leaves_takes_nothing_with_it`"]
async fn look_and_leave() {
    let queue = SqliteQueue::open(&visited()).unwrap();
    assert_eq!(queue.progress(&submission_id("ep.1")).await.unwrap().unwrap().lines.total(), 2);
}

/// Closing a file gives up every lock that the process has on it, and the last process to leave
/// takes the log with it: a queue that opened its file once too often would lose what it writes.
#[tokio::test]
async fn a_process_that_leaves_takes_nothing_with_it() {
    let (_folder, path) = place();
    let queue = SqliteQueue::open(&path).unwrap();
    let second = SqliteQueue::open(&path).unwrap();
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    let batch = claim(&queue, &want("a")).await;
    assert!(other_process("look_and_leave", &path).status().unwrap().success());
    assert!(path.with_extension("db-wal").is_file(), "the log is still needed");
    for number in [1, 2] {
        queue.settle(&batch.lease, &id(number), &good(batch.stage)).await.unwrap();
    }
    assert!(other_process("look_and_leave", &path).status().unwrap().success());
    drop((queue, second));
    let queue = SqliteQueue::open(&path).unwrap();
    assert_eq!(states(&queue, "ep.1").await, [(Stage::Master, LineState::Waiting); 2]);
}

/// A lock that this process has on the file itself keeps others from believing to be the last.
#[cfg(target_os = "linux")]
#[test]
fn an_open_queue_keeps_its_lock_on_the_file() {
    use std::os::unix::fs::MetadataExt;
    let (_folder, path) = place();
    let _first = SqliteQueue::open(&path).unwrap();
    let _second = SqliteQueue::open(&path).unwrap();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let inode = format!(":{} ", std::fs::metadata(&path).unwrap().ino());
    let process = format!(" {} ", std::process::id());
    assert!(locks.lines().any(|lock| lock.contains(&inode) && lock.contains(&process)), "{locks}");
}

#[tokio::test]
#[ignore = "needs a place given by `a_new_file_is_made_once_by_however_many_processes`"]
async fn open_a_new_file_at_once() {
    let name = format!("ep{}.1", std::process::id());
    let queue = SqliteQueue::open(&visited()).unwrap();
    queue.submit(submission(&name, &[("mira", 1)])).await.unwrap();
}

#[tokio::test]
async fn a_new_file_is_made_once_by_however_many_processes() {
    for _ in 0..5 {
        let (_folder, path) = place();
        let children: Vec<_> = (0..6)
            .map(|_| other_process("open_a_new_file_at_once", &path).spawn().unwrap())
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let queue = SqliteQueue::open(&path).unwrap();
        assert_eq!(queue.submissions(None).await.unwrap().len(), 6);
    }
}

#[tokio::test]
async fn a_new_file_is_made_once_by_however_many_threads() {
    for _ in 0..20 {
        let (_folder, path) = place();
        let barrier = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    SqliteQueue::open(&path).unwrap()
                });
            }
        });
        assert_eq!(SqliteQueue::open(&path).unwrap().submissions(None).await.unwrap(), []);
    }
}

/// The advice of an error that a person must act on.
fn advice(result: Result<impl std::fmt::Debug, QueueError>) -> &'static str {
    match result.unwrap_err() {
        QueueError::Broken { advice, .. } => advice,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs a file made by `a_file_that_may_not_be_written_says_so_and_stays_whole`"]
async fn fail_to_open() {
    let err = SqliteQueue::open(&visited()).unwrap_err();
    assert!(matches!(&err, QueueError::Broken { advice, .. } if advice.contains("writable")));
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_written_says_so_and_stays_whole() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let (folder, path) = place();
    SqliteQueue::open(&path).unwrap().submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(folder.path(), 0o777);
    mode(&path, 0o444);
    let mut child = other_process("fail_to_open", &path);
    if std::fs::metadata(folder.path()).unwrap().uid() == 0 {
        // Root may write to everything: somebody else has to try.
        child.uid(65_534);
    }
    assert!(child.status().unwrap().success());
    mode(&path, 0o600);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let queue = SqliteQueue::open(&path).unwrap();
    assert_eq!(states(&queue, "ep.1").await, [(Stage::Speak, LineState::Waiting)]);
}

/// A queue of some hundred pages, closed, so that all of it is in the file.
async fn large(path: &Path) -> Vec<u8> {
    let lines: Vec<_> = (0..900).map(|n| (["mira", "otto", "ada"][n % 3], 100)).collect();
    SqliteQueue::open(path).unwrap().submit(submission("ep.1", &lines)).await.unwrap();
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn a_damaged_file_is_named_and_kept_for_whoever_wants_to_mend_it() {
    let (_folder, path) = place();
    let whole = large(&path).await;
    let half = whole[..whole.len() / 2].to_vec();
    let mut overwritten = whole.clone();
    overwritten[8_192..].fill(0xa5);
    let mut headless = whole.clone();
    headless[..100].fill(0);
    for (damaged, word) in [(half, "damaged"), (overwritten, "damaged"), (headless, "not a queue")]
    {
        std::fs::write(&path, &damaged).unwrap();
        let said = match SqliteQueue::open(&path) {
            Err(err) => advice(Err::<(), _>(err)),
            Ok(queue) => advice(queue.lines(&submission_id("ep.1")).await),
        };
        assert!(said.contains(word), "{said}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), damaged.len() as u64);
        for companion in ["db-wal", "db-shm"] {
            drop(std::fs::remove_file(path.with_extension(companion)));
        }
    }
    std::fs::write(&path, &whole).unwrap();
    let queue = SqliteQueue::open(&path).unwrap();
    assert_eq!(drain(&queue, &want("a")).await, 1_800);
}

#[tokio::test]
async fn one_overwritten_page_fails_what_needs_it_and_loses_nothing_else() {
    let (_folder, path) = place();
    let whole = large(&path).await;
    let page_bytes = 4_096;
    let mut failed = 0;
    for page in 1..whole.len() / page_bytes {
        let mut damaged = whole.clone();
        damaged[page * page_bytes..][..page_bytes].fill(0xff);
        std::fs::write(&path, &damaged).unwrap();
        let result = match SqliteQueue::open(&path) {
            Err(err) => Err(err),
            Ok(queue) => queue.lines(&submission_id("ep.1")).await.map(|lines| lines.len()),
        };
        match result {
            Ok(lines) => assert_eq!(lines, 900, "page {page}"),
            Err(QueueError::Broken { advice, .. }) => {
                assert!(advice.contains("damaged"), "page {page}: {advice}");
                failed += 1;
            }
            Err(other) => panic!("page {page}: {other:?}"),
        }
    }
    assert!(failed > 50, "{failed}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs root, to mount a disk of eight megabytes"]
async fn a_full_disk_loses_nothing_and_goes_on_once_there_is_room() {
    let disk = tempfile::tempdir().unwrap();
    let run = |program: &str, args: &[&str]| {
        assert!(Command::new(program).args(args).arg(disk.path()).status().unwrap().success());
    };
    run("mount", &["-t", "tmpfs", "-o", "size=8m", "tmpfs"]);
    let path = disk.path().join("queue.db");
    let queue = SqliteQueue::open(&path).unwrap();
    let lines: Vec<_> = (0..200).map(|_| ("mira", 100)).collect();
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let batch = claim(&queue, &want("a")).await;
    let filler = disk.path().join("filler");
    drop(std::fs::write(&filler, vec![0; 8 << 20]));
    let mut settled = Vec::new();
    let said = loop {
        let number = settled.len() + 1;
        match queue.settle(&batch.lease, &id(number), &spoken()).await {
            Ok(_) => settled.push(number),
            Err(err) => break advice(Err::<(), _>(err)),
        }
    };
    assert!(said.contains("free some space"), "{said}");
    assert!(settled.len() < 100);
    std::fs::remove_file(&filler).unwrap();
    for number in 1..=100 {
        let is_settled = record(&queue, "ep.1", number).await.state == LineState::Held;
        assert_eq!(is_settled, settled.contains(&number), "{number}");
        if !is_settled {
            queue.settle(&batch.lease, &id(number), &spoken()).await.unwrap();
        }
    }
    drain(&queue, &want("a")).await;
    assert_eq!(queue.progress(&submission_id("ep.1")).await.unwrap().unwrap().lines.done, 200);
    drop(queue);
    run("umount", &[]);
}
