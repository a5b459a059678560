//! Looking after a farm: workers seen and drained, a store swept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use scheduler::sweep::{delete, look};
use store::Store;

use crate::common::{Folder, expect, lighthouse, stderr, stdout};

const DAY: Duration = Duration::from_hours(24);

/// Every file below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

/// Makes a file look as if it was written so long ago.
fn age(path: &Path, by: Duration) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

fn store_of(folder: &Folder) -> PathBuf {
    folder.path("out/.tableread/store")
}

/// Puts an object into the store that nothing refers to.
fn stray(folder: &Folder, key: &str, old: Duration) -> PathBuf {
    let path = store_of(folder).join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "stray").unwrap();
    age(&path, old);
    path
}

fn age_all(folder: &Folder) {
    for path in files(&store_of(folder)) {
        age(&path, 30 * DAY);
    }
}

#[test]
fn what_nothing_refers_to_is_shown_first_and_deleted_only_when_asked_and_old() {
    let folder = Folder::rendered();
    age_all(&folder);
    let needed = files(&store_of(&folder));
    let hash = "ab".repeat(32);
    let old = [
        stray(&folder, &format!("takes/ab/{hash}.wav"), 9 * DAY),
        stray(&folder, &format!("deliveries/ab/{hash}.m4a"), 8 * DAY),
    ];
    let kept = [
        stray(&folder, &format!("takes/ab/{hash}.json"), 6 * DAY),
        stray(&folder, "episodes/other/notes.txt", 99 * DAY),
        stray(&folder, "somebody/elses.wav", 99 * DAY),
    ];

    let told = stdout(&expect(0, &mut folder.tableread("sweep --out out")));
    assert!(told.contains("takes") && told.contains("9 d") && told.contains("8 d"), "{told}");
    assert!(told.contains("delete them with --delete"), "{told}");
    assert!(old.iter().chain(&kept).all(|path| path.exists()), "showing deletes nothing");

    let json = stdout(&expect(0, &mut folder.tableread("sweep --out out --json")));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["unreferenced"]["takes"]["objects"], 1, "{json:#}");
    assert_eq!(json["unreferenced"]["deliveries"]["bytes"], 5, "{json:#}");
    assert_eq!((&json["unreferenced"]["masters"], &json["deleted"]), (&().into(), &().into()));

    let told = stdout(&expect(0, &mut folder.tableread("sweep --out out --delete")));
    assert!(told.contains("2 objects deleted, 10 B freed"), "{told}");
    let left = files(&store_of(&folder));
    assert_eq!(left, needed.into_iter().chain(kept).collect());
    let told = stdout(&expect(0, &mut folder.tableread("sweep --out out --delete")));
    assert!(told.contains("0 objects deleted"), "{told}");
}

#[test]
fn what_was_delivered_outlives_its_submission_by_its_manifest_and_an_empty_queue_is_asked_about() {
    let folder = Folder::rendered();
    age_all(&folder);
    let all = files(&store_of(&folder));
    expect(0, &mut folder.tableread("forget the-keeper-of-gull-rock --out out"));
    let sweep = "sweep --out out --delete --queue-is-empty";
    let told = stdout(&expect(0, &mut folder.tableread(sweep)));
    assert!(told.contains("0 objects deleted"), "{told}");
    assert_eq!(files(&store_of(&folder)), all);

    for manifest in all.iter().filter(|path| path.ends_with("manifest.json")) {
        std::fs::remove_file(manifest).unwrap();
    }
    let refused = stderr(&expect(1, &mut folder.tableread("sweep --out out --delete")));
    assert!(refused.contains("the queue knows no submission"), "{refused}");
    assert!(!folder.objects("out", "takes").is_empty());
    expect(0, &mut folder.tableread(sweep));
    for kind in ["takes", "masters", "deliveries"] {
        assert!(folder.objects("out", kind).is_empty(), "{kind}");
    }
}

#[test]
fn nothing_is_deleted_when_it_cannot_be_known_what_is_needed() {
    let folder = Folder::rendered();
    let path = stray(&folder, &format!("takes/ab/{}.wav", "ab".repeat(32)), 9 * DAY);
    let broken = stray(&folder, "episodes/old/old-1/manifest.json", DAY);
    let refused = stderr(&expect(1, &mut folder.tableread("sweep --out out --delete")));
    assert!(refused.contains("episodes/old/old-1/manifest.json"), "{refused}");
    std::fs::remove_file(broken).unwrap();

    std::fs::write(folder.path("no.db"), "this is no database, whatever its name may say").unwrap();
    let store = store_of(&folder);
    let sweep = format!("sweep --queue no.db --store {} --delete", store.display());
    let refused = stderr(&expect(1, &mut folder.tableread(&sweep)));
    assert!(refused.contains("error: "), "{refused}");
    assert!(path.exists());

    let young = expect(1, &mut folder.tableread("sweep --out out --delete --older-than 1m"));
    assert!(stderr(&young).contains("--older-than 1h or more"));
    assert!(path.exists());
}

#[test]
fn what_began_to_be_needed_or_was_written_anew_after_it_was_listed_is_spared() {
    let folder = Folder::rendered();
    let at = store_of(&folder);
    for path in files(&at.join("episodes")) {
        std::fs::remove_file(path).unwrap();
    }
    let stray = stray(&folder, &format!("masters/ab/{}.wav", "ab".repeat(32)), 9 * DAY);
    let takes = folder.objects("out", "takes");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let queue = queue::open(folder.path("new.db").to_str().unwrap()).unwrap();
    let store = runtime.block_on(Store::open(at.to_str().unwrap())).unwrap();
    let now = SystemTime::now() + DAY;
    let findings = runtime.block_on(look(queue.as_ref(), &store, DAY, now)).unwrap();
    let listed = files(&at).len();
    assert_eq!(findings.unreferenced.len(), listed, "nothing refers to anything yet");

    // Submitted again: its lines come with their takes, and only masters are made anew.
    let enqueue = format!("enqueue {} --queue new.db --store {}", lighthouse(), at.display());
    expect(0, &mut folder.tableread(&enqueue));
    std::fs::write(&stray, "stray").unwrap();
    let deleted = runtime.block_on(delete(queue.as_ref(), &store, &findings)).unwrap();
    assert_eq!(folder.objects("out", "takes"), takes);
    assert!(stray.exists());
    assert_eq!(deleted.spared, takes.len() as u64 + 1);
    assert_eq!(deleted.objects + deleted.spared, listed as u64);
}

#[test]
fn a_worker_is_seen_and_drained_and_ends_well() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("out/.tableread")).unwrap();
    let mut worker =
        folder.worker("run --out out --name mini-7 --quiet").stdout(Stdio::null()).spawn().unwrap();
    let since = Instant::now();
    let listed = loop {
        assert!(since.elapsed() < Duration::from_mins(2), "the worker is never seen");
        let asked = folder.tableread("workers --json --out out").output().unwrap();
        // The queue is there once the worker has made it.
        let cards: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap_or_default();
        if cards[0]["report"]["state"] == "idle" {
            break cards;
        }
    };
    assert_eq!(listed[0]["worker"], "mini-7");
    assert_eq!(listed[0]["report"]["engines"][0]["is_loaded"], true, "{listed:#}");
    let table = stdout(&expect(0, &mut folder.tableread("workers --out out")));
    assert!(table.contains("mini-7") && table.contains("idle"), "{table}");

    let wrong = stderr(&expect(1, &mut folder.tableread("drain mini-8 --out out")));
    assert!(wrong.contains("mini-7"), "{wrong}");
    let told = stdout(&expect(0, &mut folder.tableread("drain mini-7 --wait --out out")));
    assert!(told.contains("mini-7 has ended"), "{told}");
    assert!(worker.wait().unwrap().success());
    let table = stdout(&expect(0, &mut folder.tableread("workers --out out")));
    assert!(table.contains("no worker was heard of"), "{table}");
}
