//! A request that is sent twice with one key.

use serde_json::{Value, json};

use crate::client::{Ask, Reply};
use crate::common::{CAST, SCRIPT, Server, With, episode, episode_with};
use scheduler::serve::Tokens;

async fn send(server: &Server, key: &str, body: &Value) -> Reply {
    server.ask(Ask::post("/v1/episodes").json(body).header("Idempotency-Key", key)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gives_the_same_answer_also_after_a_restart_and_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let first = send(&server, "upload-1", &episode()).await;
    assert_eq!(first.expect(202).header("idempotency-replayed"), None);
    assert_eq!(first.json()["added"], 3);

    let again = send(&server, "upload-1", &episode()).await;
    assert_eq!(again.expect(202).header("idempotency-replayed"), Some("true"));
    assert_eq!((again.json(), again.header("location")), (first.json(), first.header("location")));
    // The same in another dress.
    let form = Ask::post("/v1/episodes").header("Idempotency-Key", "upload-1").form(&[
        ("script", Some("two-keys.fountain"), SCRIPT.as_bytes()),
        ("cast", Some("cast.toml"), CAST.as_bytes()),
    ]);
    assert_eq!(server.ask(form).await.expect(202).json(), first.json());

    let other = Server::start(folder.path()).await;
    assert_eq!(send(&other, "upload-1", &episode()).await.json(), first.json());
    server.end().await;
    let restarted = Server::start(folder.path()).await;
    let again = send(&restarted, "upload-1", &episode()).await;
    assert_eq!(again.json(), first.json());
    // Without the key it is looked at anew.
    assert_eq!(restarted.submit().await["added"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_with_the_key_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    send(&server, "upload-1", &episode()).await.expect(202);
    for fields in [
        json!({ "priority": 9 }),
        json!({ "cast": format!("{CAST}# new\n") }),
        json!({ "script": { "name": "two-keys.fountain", "text": SCRIPT.replace("do", "did") } }),
    ] {
        let refused = send(&server, "upload-1", &episode_with(&fields)).await;
        let problem = refused.expect(422).json();
        assert_eq!(problem["type"], "urn:tableread:problem:key-reused", "{fields}");
    }
    assert_eq!(server.get("/v1/submissions").await.json().as_array().unwrap().len(), 1);
    send(&server, "upload-2", &episode()).await.expect(202);
    send(&server, "", &episode()).await.expect(400);
    send(&server, &"k".repeat(256), &episode()).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_may_be_mended_under_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    send(&server, "k", &episode_with(&json!({ "cast": "" }))).await.expect(422);
    send(&server, "k", &episode()).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_belong_to_their_token() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = ("one-one-one-one-one-one", "two-two-two-two-two-two");
    let tokens = Tokens::parse(&format!("one write {one}\nother write {other}")).unwrap();
    let server = Server::start_with(folder.path(), With { tokens, ..With::default() }).await;
    let send = async |token: &str, body: &Value| {
        let ask = Ask::post("/v1/episodes").json(body).token(token);
        server.ask(ask.header("Idempotency-Key", "k")).await
    };
    send(one, &episode()).await.expect(202);
    send(other, &episode_with(&json!({ "priority": 1 }))).await.expect(202);
}
