//! How much may be asked, and what is told to whoever asks for more.

use std::time::Duration;

use scheduler::serve::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Ask;
use crate::common::{Server, With, episode, episode_with};

async fn with(folder: &tempfile::TempDir, limits: Limits) -> Server {
    Server::start_with(folder.path(), With { limits, ..With::default() }).await
}

/// Begins a request whose body does not come.
async fn half_a_request(server: &Server) -> TcpStream {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/episodes HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        server.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

async fn read_all(mut socket: TcpStream) -> String {
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_in_either_dress() {
    let folder = tempfile::tempdir().unwrap();
    let server = with(&folder, Limits { body_bytes: 20_000, ..Limits::default() }).await;
    let large = "x".repeat(30_000);
    let json = episode_with(&json!({ "lexicon": large }));
    server.post("/v1/episodes", &json).await.expect(413);
    let form = Ask::post("/v1/episodes").form(&[("script", Some("a"), large.as_bytes())]);
    server.ask(form).await.expect(413);
    server.submit().await;
    let other = json!({ "character": "x".repeat(70_000) });
    server.post("/v1/episodes/two-keys/cancel", &other).await.expect(413);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = with(&folder, Limits { rate: 1, ..Limits::default() }).await;
    // Ten at once are allowed, of which starting took one; on a slow machine some more.
    let mut statuses = Vec::new();
    while statuses.last() != Some(&429) {
        statuses.push(server.get("/healthz").await.status);
    }
    assert!(statuses[..9].iter().all(|&status| status == 200), "{statuses:?}");
    let mut refused = server.get("/healthz").await;
    while refused.status == 200 {
        refused = server.get("/healthz").await;
    }
    assert_eq!(refused.expect(429).header("retry-after"), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let request_time = Duration::from_secs(1);
    let server = with(&folder, Limits { request_time, ..Limits::default() }).await;
    let told = read_all(half_a_request(&server).await).await;
    assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("problem+json"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_there_are_seats_are_told_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = with(&folder, Limits { requests: 1, rate: 100_000, ..Limits::default() }).await;
    let seated = half_a_request(&server).await;
    // The server may not have begun on it yet.
    let mut status = 200;
    while status == 200 {
        status = server.get("/healthz").await.status;
    }
    assert_eq!(status, 503);
    drop(seated);
    while status == 503 {
        status = server.get("/healthz").await.status;
    }
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_bounded_and_have_to_come_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let patience = Duration::from_secs(1);
    let server = with(&folder, Limits { patience, ..Limits::default() }).await;
    let mut many = Ask::get("/healthz");
    for n in 0..80 {
        many = many.header(&format!("X-{n}"), "1");
    }
    assert_eq!(many.send(server.address).await.status, 431);
    let large = Ask::get("/healthz").header("X-Large", "x".repeat(64 * 1_024));
    assert_eq!(large.send(server.address).await.status, 431);
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    // Hung up on, with or without a word.
    let _told = read_all(slow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_nowhere_is_told_as_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.get("/nowhere").await.expect(404);
    server.get("/v1/episodes/").await.expect(404);
    server.get("/v1/episodes/nowhere").await.expect(404);
    let put = server.ask(Ask::new("PUT", "/v1/workers")).await;
    assert!(put.expect(405).header("allow").unwrap().contains("GET"), "{put:?}");
    server.ask(Ask::new("FROB", "/v1/workers")).await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let named = server.ask(Ask::get("/nowhere").header("X-Request-Id", "build-7")).await;
    assert_eq!(named.header("x-request-id"), Some("build-7"));
    assert_eq!(named.json()["request"], "build-7");
    let odd = server.ask(Ask::get("/healthz").header("X-Request-Id", "a\"b")).await;
    assert_eq!(odd.header("x-request-id").unwrap().len(), 26);
    assert_eq!(odd.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_finishes_what_it_is_answering() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let body = episode().to_string();
    let head = format!(
        "POST /v1/episodes HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        server.address,
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // Asked for the body: the request is being answered.
    let mut begun = [0; 25];
    socket.read_exact(&mut begun).await.unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&begun));
    server.stop();
    socket.write_all(body.as_bytes()).await.unwrap();
    let told = read_all(socket).await;
    assert!(told.starts_with("HTTP/1.1 202 "), "{told}");
    let address = server.address;
    server.end().await;
    TcpStream::connect(address).await.unwrap_err();
}
