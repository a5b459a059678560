//! The program itself: what it answers, and what it leaves behind when it is killed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod episode;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use episode::{submission, texts};
use queue::{Queue, SqliteQueue};
use schemas::{LineRecord, LineState, ScratchSynthesiser, Voice, VoiceSource};
use store::Store;

/// A folder as `--out` makes it, with an episode for the scratch engine in its queue.
struct Folder {
    folder: tempfile::TempDir,
    queue: SqliteQueue,
}

impl Folder {
    async fn with_lines(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".tableread")).unwrap();
        let queue = SqliteQueue::open(&folder.path().join(".tableread/queue.db")).unwrap();
        let voices = [scratch_voice("mira", 1.2), scratch_voice("otto", 0.8)];
        let new = submission(engine::scratch::ENGINE, &voices, &texts(count));
        queue.submit(new).await.unwrap();
        Self { folder, queue }
    }

    fn worker(&self, name: &str) -> Child {
        program(self.folder.path())
            .args(["run", "--until-empty", "--lease-seconds", "1", "--slots", "2", "--quiet"])
            .args(["--name", name, "--out"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn lines(&self) -> Vec<LineRecord> {
        let submissions = self.queue.submissions(None).await.unwrap();
        self.queue.lines(&submissions[0].submission).await.unwrap()
    }

    /// Waits until at least `least` lines have a take.
    async fn spoken(&self, least: usize) {
        let since = Instant::now();
        while self.lines().await.iter().filter(|line| line.take.is_some()).count() < least {
            assert!(since.elapsed() < Duration::from_mins(1), "fewer than {least} lines spoken");
            tokio::task::yield_now().await;
        }
    }

    async fn audio(&self) -> BTreeMap<String, Vec<u8>> {
        let store = self.folder.path().join(".tableread/store");
        let store = Store::open(store.to_str().unwrap()).await.unwrap();
        let mut audio = BTreeMap::new();
        for prefix in ["takes/", "masters/", "deliveries/"] {
            for key in store.list(prefix).await.unwrap() {
                audio.insert(key.clone(), store.get(&key).await.unwrap().to_vec());
            }
        }
        audio
    }
}

fn scratch_voice(name: &str, pitch: f32) -> Voice {
    let synthesiser = ScratchSynthesiser::Pico;
    let source = VoiceSource::Scratch { synthesiser, base: None, pitch, formant: 1.0, rate: 1.0 };
    Voice { name: name.to_owned(), model: "scratch".to_owned(), source }
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tableread-worker"));
    command.env("TABLEREAD_CACHE_DIR", folder.join("cache"));
    command
}

async fn wait(mut child: Child) -> ExitStatus {
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_loses_nothing_and_changes_nothing() {
    let folder = Folder::with_lines(40).await;
    let mut first = folder.worker("first");
    folder.spoken(5).await;
    first.kill().unwrap();
    wait(first).await;
    let left = folder.audio().await;
    let before = folder.lines().await;
    assert!(before.iter().any(|line| line.take.is_none()), "killed too late to prove anything");

    assert!(wait(folder.worker("second")).await.success());
    let lines = folder.lines().await;
    assert!(lines.iter().all(|line| line.state == LineState::Done), "{lines:#?}");
    let now = folder.audio().await;
    for (key, bytes) in &left {
        // A take whose facts were not written yet is spoken again, to the same bytes.
        assert!(now.get(key) == Some(bytes), "{key} changed");
    }
    for (line, earlier) in lines.iter().zip(&before) {
        if earlier.take.is_some() {
            assert_eq!(line.take, earlier.take, "{} was spoken twice", line.job.id);
        }
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_worker_well_and_leaves_no_line_held() {
    let folder = Folder::with_lines(60).await;
    let worker = folder.worker("only");
    folder.spoken(2).await;
    let pid = worker.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(wait(worker).await.success());
    let lines = folder.lines().await;
    assert!(lines.iter().all(|line| line.state != LineState::Leased));
    assert!(lines.iter().all(|line| line.take.is_some() || line.attempts == 0));
    assert!(lines.iter().any(|line| line.take.is_none()), "stopped too late to prove anything");
}

#[test]
fn speak_writes_a_wav_file_with_sound_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let out: PathBuf = folder.path().join("who.wav");
    let spoken = program(folder.path())
        .args(["speak", "Who's there?", "--language", "en-GB", "--pitch", "1.1", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(spoken.status.success(), "{}", String::from_utf8_lossy(&spoken.stderr));
    let pcm = audio::read_wav(&std::fs::read(out).unwrap()).unwrap();
    assert!(audio::measure(&pcm).peak_dbfs > -30.0);
    assert!(pcm.samples.len() > pcm.rate_hz as usize / 3);
}

#[test]
fn doctor_tells_whether_this_machine_can_render() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let well = program(folder.path()).args(["doctor", "--json", "--store"]).arg(&store).output();
    let well = well.unwrap();
    let findings: serde_json::Value = serde_json::from_slice(&well.stdout).unwrap();
    assert!(well.status.success(), "{findings:#}");
    assert_eq!(findings["is_ok"], true);
    assert_eq!(findings["checks"][0]["name"], "pico en-US");

    let ill = program(folder.path())
        .args(["doctor", "--queue", "/nowhere/queue.db", "--store", "ftp://nowhere"])
        .output()
        .unwrap();
    assert_eq!(ill.status.code(), Some(1));
    let table = String::from_utf8(ill.stdout).unwrap();
    assert!(table.contains("FAILED  queue"), "{table}");
    assert!(table.contains("FAILED  store"), "{table}");
}

#[test]
fn run_without_a_place_says_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let refused = program(folder.path())
        .arg("run")
        .env_remove("TABLEREAD_QUEUE")
        .env_remove("TABLEREAD_STORE")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("--out DIR"), "{told}");
}
