//! `tableread serve` as a command.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::client::Ask;

fn tableread(folder: &tempfile::TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tableread"));
    command.arg("serve").args(args).current_dir(folder.path());
    for name in ["RUST_LOG", "TABLEREAD_TOKEN", "TABLEREAD_TOKENS", "TABLEREAD_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command
}

/// Starts it and reads where it listens.
fn start(command: &mut Command) -> (Child, SocketAddr) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("Serving on http://").expect(&line).parse().unwrap();
    (child, address)
}

#[cfg(unix)]
#[tokio::test]
async fn it_serves_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, address) = start(&mut tableread(&folder, &["--listen", "127.0.0.1:0"]));
    Ask::get("/readyz").send(address).await.expect(200);
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn tokens_come_from_the_environment_and_never_show() {
    let folder = tempfile::tempdir().unwrap();
    let token = "hunter2-hunter2-hunter2";
    let mut command = tableread(&folder, &["--listen", "127.0.0.1:0"]);
    command.env("TABLEREAD_TOKENS", format!("page read {token}")).env("RUST_LOG", "trace");
    let (mut child, address) = start(&mut command);
    Ask::get("/v1/episodes").send(address).await.expect(401);
    Ask::get("/v1/episodes").token(token).send(address).await.expect(200);
    Ask::get("/v1/episodes/some-secret-name").token(token).send(address).await.expect(404);
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let logged = String::from_utf8_lossy(&output.stderr);
    assert!(logged.contains("answered") && logged.contains("who=page"), "{logged}");
    let ours = logged.lines().filter(|line| line.contains("answered")).collect::<String>();
    assert!(!logged.contains("hunter2") && !ours.contains("some-secret-name"), "{logged}");
}

#[test]
fn it_does_not_start_open_to_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let output = tableread(&folder, &["--listen", "0.0.0.0:0"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("--token-file"), "{told}");
    let mut short = tableread(&folder, &["--listen", "127.0.0.1:0"]);
    let output = short.env("TABLEREAD_TOKEN", "short-secret").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("20 characters") && !told.contains("short-secret"), "{told}");
}
