//! Events as they happen, and from where a client left off.

use std::time::Duration;

use scheduler::serve::Limits;
use serde_json::json;

use crate::client::{Ask, Sent, Stream};
use crate::common::{Server, With, episode_with};

async fn with(folder: &tempfile::TempDir, limits: Limits) -> Server {
    let limits = Limits { event_poll: Duration::from_millis(10), rate: 100_000, ..limits };
    Server::start_with(folder.path(), With { limits, ..With::default() }).await
}

async fn open(server: &Server, ask: Ask) -> Stream {
    let stream = ask.open(server.address).await;
    assert!(stream.head.starts_with("HTTP/1.1 200 "), "{}", stream.head);
    assert!(stream.head.contains("text/event-stream"), "{}", stream.head);
    stream
}

/// Numbers of the queue's events.
async fn numbers(server: &Server) -> Vec<u64> {
    let events = server.queue.events(0, 1_000).await.unwrap();
    events.iter().map(|event| event.number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_happen_and_go_on_where_a_client_left_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = with(&folder, Limits::default()).await;
    let mut live = open(&server, Ask::get("/v1/events")).await;
    server.submit().await;
    let (first, event) = live.event().await;
    assert_eq!((&event["what"], event["number"].as_u64()), (&json!("submitted"), Some(first)));
    server.post("/v1/episodes/two-keys/cancel", &json!({})).await.expect(200);
    let all = numbers(&server).await;
    let mut seen = vec![first];
    while seen.len() < all.len() {
        seen.push(live.event().await.0);
    }
    assert_eq!(seen, all);

    for begin in [
        Ask::get("/v1/events").header("Last-Event-ID", all[1].to_string()),
        Ask::get(format!("/v1/events?after={}", all[1])),
    ] {
        let mut resumed = open(&server, begin).await;
        let mut rest = Vec::new();
        while rest.len() < all.len() - 2 {
            rest.push(resumed.event().await.0);
        }
        assert_eq!(rest, all[2..]);
        // From the past into the present without a gap.
        server.post("/v1/episodes/two-keys/retry", &json!({})).await.expect(200);
        let next = resumed.event().await.0;
        assert_eq!(
            numbers(&server).await.iter().find(|&&n| n > *rest.last().unwrap()),
            Some(&next)
        );
        server.post("/v1/episodes/two-keys/cancel", &json!({})).await.expect(200);
    }
    let odd = Ask::get("/v1/events").header("Last-Event-ID", "yesterday");
    server.ask(odd).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_is_followed_through_its_submissions_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = with(&folder, Limits::default()).await;
    let taken = server.submit().await;
    let mut episode = open(&server, Ask::get("/v1/episodes/two-keys/events")).await;
    let path = format!("/v1/submissions/{}/events?after=0", taken["submission"].as_str().unwrap());
    let mut submission = open(&server, Ask::get(path)).await;
    assert_eq!(submission.event().await.1["submission"], taken["submission"]);

    let other = json!({ "title": "Another", "episode": "another" });
    server.post("/v1/episodes", &episode_with(&other)).await.expect(202);
    let newer = json!({ "loudness": -18.0 });
    let newer = server.post("/v1/episodes", &episode_with(&newer)).await.expect(202).json();
    loop {
        let told = episode.event().await.1["submission"].clone();
        assert!(told == taken["submission"] || told == newer["submission"], "{told}");
        if told == newer["submission"] {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_broken_and_the_end_ends_streams() {
    let folder = tempfile::tempdir().unwrap();
    let heartbeat = Duration::from_millis(20);
    let server = with(&folder, Limits { heartbeat, ..Limits::default() }).await;
    let mut stream = open(&server, Ask::get("/v1/events")).await;
    assert_eq!(stream.next().await, Sent::Comment);
    server.stop();
    while stream.next().await != Sent::End {}
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_room_for_so_many_followers() {
    let folder = tempfile::tempdir().unwrap();
    let server = with(&folder, Limits { followers: 1, ..Limits::default() }).await;
    let seated = open(&server, Ask::get("/v1/events")).await;
    let refused = server.get("/v1/events").await;
    assert_eq!(refused.expect(503).header("retry-after"), Some("10"));
    drop(seated);
    let mut status = 503;
    while status == 503 {
        let stream = Ask::get("/v1/events").open(server.address).await;
        status = stream.head.split(' ').nth(1).unwrap().parse().unwrap();
    }
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let patience = Duration::from_secs(1);
    let server = with(&folder, Limits { patience, followers: 1, ..Limits::default() }).await;
    let text = "ANN\nOpen up.\n\n".repeat(2_000);
    let script = json!({ "name": "two-keys.fountain", "text": text });
    let body = json!({ "script": script, "cast": "[characters.ANN]\n", "episode": "two-keys" });
    server.post("/v1/episodes", &body).await.expect(202);
    // Some 10 MB of events, more than sockets keep.
    for what in ["cancel", "retry"].repeat(8) {
        server.post(format!("/v1/episodes/two-keys/{what}"), &json!({})).await.expect(200);
    }
    let deaf = open(&server, Ask::get("/v1/events?after=0")).await;
    server.get("/v1/events").await.expect(503);
    let freed = async {
        let mut status = 503;
        while status == 503 {
            let stream = Ask::get("/v1/events").open(server.address).await;
            status = stream.head.split(' ').nth(1).unwrap().parse().unwrap();
        }
        assert_eq!(status, 200);
    };
    tokio::time::timeout(Duration::from_mins(1), freed).await.expect("the deaf one is dropped");
    drop(deaf);
}
