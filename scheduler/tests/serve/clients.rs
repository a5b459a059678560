//! The clients that are shipped as examples do what they say.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use crate::common::{CAST, SCRIPT, Server, With};
use scheduler::serve::Tokens;

const TOKEN: &str = "example-example-example-example";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/clients").join(name)
}

/// Runs one of the examples on an episode of its own; `program` has to be installed.
async fn run(program: &str, name: &str) -> (tempfile::TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    let tokens = Tokens::single(TOKEN).unwrap();
    let server = Server::start_with(folder.path(), With { tokens, ..With::default() }).await;
    std::fs::write(folder.path().join("two-keys.fountain"), SCRIPT).unwrap();
    std::fs::write(folder.path().join("cast.toml"), CAST).unwrap();
    let output = Command::new(program)
        .arg(example(name))
        .args(["two-keys.fountain", "cast.toml", "audio"])
        .current_dir(folder.path())
        .env("TABLEREAD_URL", format!("http://{}", server.address))
        .env("TABLEREAD_TOKEN", TOKEN)
        .kill_on_drop(true)
        .output();
    let rendered = async {
        // The client waits for its lines, and they for a worker.
        let mut submissions = Vec::new();
        while submissions.is_empty() {
            submissions = server.queue.submissions(None).await.unwrap();
            tokio::task::yield_now().await;
        }
        server.render(folder.path()).await;
    };
    let output = async {
        let output = output.await;
        output.unwrap_or_else(|err| panic!("{program} cannot be run, install it: {err}"))
    };
    let output = tokio::select! {
        (output, ()) = async { tokio::join!(output, rendered) } => output,
        () = tokio::time::sleep(std::time::Duration::from_mins(2)) => panic!("{name} hangs"),
    };
    (folder, output)
}

fn check(folder: &Path, output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("3 of 3 lines"), "{told}\n{errors}");
    for line in ["sc001-l0001", "sc001-l0002", "sc001-l0003"] {
        let file = std::fs::read(folder.join(format!("audio/{line}.m4a"))).unwrap();
        assert!(!audio::decode_aac(&file).unwrap().samples.is_empty(), "{line}");
    }
    let manifest = std::fs::read(folder.join("audio/manifest.json")).unwrap();
    let manifest: schemas::Manifest = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest.totals.delivered, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_curl_example_renders_an_episode() {
    let (folder, output) = Box::pin(run("bash", "render.sh")).await;
    check(folder.path(), &output);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_example_renders_an_episode() {
    let (folder, output) = Box::pin(run("python3", "render.py")).await;
    check(folder.path(), &output);
}
