//! Retrying, cancelling, pausing, resuming, forgetting, draining; and lines page by page.

use schemas::{EngineState, WorkerId, WorkerReport, WorkerState};
use serde_json::{Value, json};

use crate::client::Ask;
use crate::common::Server;

const EPISODE: &str = "/v1/episodes/two-keys";

async fn states(server: &Server) -> Vec<String> {
    let page = server.get(format!("{EPISODE}/lines")).await.expect(200).json();
    let state = |line: &Value| line["state"].as_str().unwrap().to_owned();
    page["lines"].as_array().unwrap().iter().map(state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_cancelled_and_set_going_again_one_by_one_by_character_and_all() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    let change = async |what: &str, body: Value| {
        server.post(format!("{EPISODE}/{what}"), &body).await.expect(200).json()["lines"].clone()
    };
    assert_eq!(change("cancel", json!({ "line": "sc001-l0001" })).await, 1);
    assert_eq!(change("cancel", json!({ "character": "bob" })).await, 1);
    assert_eq!(states(&server).await, ["cancelled", "cancelled", "waiting"]);
    assert_eq!(change("retry", json!({ "character": "BOB" })).await, 1);
    assert_eq!(states(&server).await, ["cancelled", "waiting", "waiting"]);
    let all = server.ask(Ask::post(format!("{EPISODE}/cancel"))).await;
    assert_eq!(all.expect(200).json()["lines"], 2);
    assert_eq!(change("retry", json!({})).await, 3);

    for wrong in [json!({ "line": "sc009-l0001" }), json!({ "character": "CARL" })] {
        server.post(format!("{EPISODE}/cancel"), &wrong).await.expect(404);
    }
    for wrong in [json!({ "line": "../x" }), json!({ "lines": 1 }), json!([])] {
        server.post(format!("{EPISODE}/cancel"), &wrong).await.expect(422);
    }
    assert_eq!(states(&server).await, ["waiting", "waiting", "waiting"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_is_paused_resumed_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let id = server.submit().await["submission"].as_str().unwrap().to_owned();
    let whole = format!("/v1/submissions/{id}");
    let state = async |what: &str| {
        server.ask(Ask::post(format!("{whole}/{what}"))).await.expect(200).json()["state"].clone()
    };
    assert_eq!(state("pause").await, "paused");
    assert_eq!(state("pause").await, "paused");
    assert_eq!(state("resume").await, "active");
    let open = server.ask(Ask::new("DELETE", whole.clone())).await.expect(409).json();
    assert!(open["detail"].as_str().unwrap().contains("cancel it first"), "{open}");
    server.ask(Ask::post(format!("{whole}/cancel"))).await.expect(200);
    let forgotten = server.ask(Ask::new("DELETE", EPISODE)).await.expect(200).json();
    assert_eq!(forgotten["lines"], 3);
    server.ask(Ask::new("DELETE", whole)).await.expect(404);
    server.get(EPISODE).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_page_by_page_by_state_and_by_character() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    server.post(format!("{EPISODE}/cancel"), &json!({ "line": "sc001-l0003" })).await.expect(200);
    let ids = async |query: &str| {
        let page = server.get(format!("{EPISODE}/lines?{query}")).await.expect(200).json();
        let id = |line: &Value| line["job"]["id"].as_str().unwrap()[6..].to_owned();
        let lines = page["lines"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
        (lines.join(" "), page["next"].clone())
    };
    for (query, lines, next) in [
        ("", "l0001 l0002 l0003", Value::Null),
        ("limit=2", "l0001 l0002", json!(1)),
        ("limit=2&after=1", "l0003", Value::Null),
        ("limit=3", "l0001 l0002 l0003", Value::Null),
        ("state=cancelled", "l0003", Value::Null),
        ("character=ANN&limit=1", "l0001", json!(0)),
        ("character=ANN&after=0", "l0003", Value::Null),
        ("after=7", "", Value::Null),
    ] {
        assert_eq!(ids(query).await, (lines.to_owned(), next), "{query}");
    }
    for query in ["limit=0", "limit=1001", "limit=x", "after=-1", "state=lost"] {
        server.get(format!("{EPISODE}/lines?{query}")).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_seen_and_ordered_to_drain() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let report = WorkerReport {
        worker: WorkerId::parse("mini-3").unwrap(),
        instance: "01J".into(),
        version: "0.1.0".into(),
        host: "mini-3.local".into(),
        hardware: "Apple M4, 16 GB".into(),
        device: "metal".into(),
        engines: vec![EngineState {
            engine: "e/1".into(),
            model: "m".into(),
            is_loaded: true,
            slots: 8,
            slots_busy: 2,
            resident_bytes: None,
            times_real_time: Some(3.5),
        }],
        state: WorkerState::Rendering,
        detail: None,
        voices_warm: 2,
        last_line: None,
        spoken: 7,
        mastered: 6,
        failed: 0,
        started_at_ms: 1,
        tags: [].into(),
    };
    server.queue.report(&report).await.unwrap();
    let workers = server.get("/v1/workers").await.expect(200).json();
    assert_eq!(workers[0]["report"]["hardware"], "Apple M4, 16 GB");
    let order = async |body: Option<Value>| {
        let ask = Ask::post("/v1/workers/mini-3/drain");
        let ask = body.map_or(ask.clone(), |body| ask.json(&body));
        server.ask(ask).await.expect(200).json()
    };
    assert_eq!(order(None).await, json!({ "worker": "mini-3", "drain": true }));
    assert!(server.queue.report(&report).await.unwrap().drain);
    assert_eq!(order(Some(json!({ "drain": false }))).await["drain"], false);
    assert!(!server.queue.report(&report).await.unwrap().drain);
    let stranger = server.ask(Ask::post("/v1/workers/mini-4/drain")).await.expect(404).json();
    assert!(stranger["detail"].as_str().unwrap().contains("mini-3"), "{stranger}");
}
