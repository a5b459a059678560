//! Nothing that was approved goes stale before somebody agreed to it.

use scheduler::ledger::Ledger;
use scheduler::takes::{self, Act, LineStep};
use schemas::{EpisodeId, SubmissionId, ledger_object};
use serde_json::{Value, json};

use crate::common::{CAST, Server, episode_with};

/// Approves every line of the short script, as `tableread take --approve-all` does.
async fn approve_all(server: &Server, taken: &Value) {
    let episode = EpisodeId::parse(taken["episode"].as_str().unwrap()).unwrap();
    let id = SubmissionId::parse(taken["submission"].as_str().unwrap()).unwrap();
    let voices = server.queue.submission(&id).await.unwrap().unwrap().voices;
    let ledger = server.store.get(&ledger_object(&episode)).await.unwrap();
    let ledger = Ledger::from_json(&ledger).unwrap();
    let mut decisions = takes::read(&episode, &server.store).await.unwrap();
    let records = server.queue.lines(&id).await.unwrap();
    let steps = records.iter().map(|record| {
        let (_, usual) = takes::planned(record, &ledger, &decisions).unwrap();
        let act = Act::Approved { take: usual.key.clone() };
        LineStep { line: record.job.id.clone(), takes: vec![usual], act }
    });
    let steps = steps.collect();
    takes::write(&episode, &mut decisions, voices, steps, &server.store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_voice_that_makes_approved_lines_stale_is_agreed_to_first() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let taken = server.submit().await;
    server.render(folder.path()).await;
    approve_all(&server, &taken).await;
    let manifest = server.get("/v1/episodes/two-keys/manifest").await.expect(200).json();
    assert_eq!(manifest["totals"]["approved"], 3, "{manifest}");

    let cast = format!("[voices.low]\nscratch = {{ pitch = 0.7 }}\n{CAST}")
        .replace("[characters.ANN]", "[characters.ANN]\nvoice = \"low\"");
    let other = episode_with(&json!({ "cast": cast }));
    let problem = server.post("/v1/episodes", &other).await.expect(409).json();
    let price = &problem["price"];
    assert_eq!((&price["lines"], &price["approved"]), (&json!(2), &json!(2)), "{problem}");
    assert_eq!(price["characters"][0]["character"], "ANN", "{problem}");
    assert_eq!(price["characters"][0]["causes"], json!(["voice"]), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("confirm=true"), "{problem}");
    let newest = server.get("/v1/episodes/two-keys").await.expect(200).json();
    assert_eq!(newest["submission"], taken["submission"], "nothing was queued");

    let planned = server.post("/v1/episodes?plan=true", &other).await.expect(200).json();
    assert_eq!(planned["price"]["approved"], 2, "{planned}");
    let done = server.post("/v1/episodes?confirm=true", &other).await.expect(202).json();
    assert_eq!(done["added"], 3, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_approved_and_edits_of_the_script_go_without_asking() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let taken = server.submit().await;
    server.render(folder.path()).await;
    let loud = episode_with(&json!({ "cast": format!("language = \"en-GB\"\n{CAST}") }));
    server.post("/v1/episodes", &loud).await.expect(202);

    let taken = server.post("/v1/episodes", &episode_with(&json!({}))).await.expect(202).json()
        ["submission"]
        .as_str()
        .map(|_| taken)
        .unwrap();
    approve_all(&server, &taken).await;
    let script = crate::common::SCRIPT.replace("Open up.", "Open up now.");
    let script = json!({ "script": { "name": "two-keys.fountain", "text": script } });
    server.post("/v1/episodes", &episode_with(&script)).await.expect(202);
}
