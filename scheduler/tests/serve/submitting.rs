//! An episode goes in, its lines come out.

use serde_json::{Value, json};

use crate::client::Ask;
use crate::common::{CAST, SCRIPT, Server, episode, episode_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_form_and_json_say_the_same_and_twice_is_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let taken = server.post("/v1/episodes", &episode_with(&json!({ "priority": 7 }))).await;
    let location = taken.expect(202).header("location").unwrap().to_owned();
    let taken = taken.json();
    assert_eq!(taken["episode"], "two-keys");
    assert_eq!((&taken["lines"], &taken["added"]), (&json!(3), &json!(3)));
    assert_eq!(location, format!("/v1/submissions/{}", taken["submission"].as_str().unwrap()));

    let form = Ask::post("/v1/episodes").form(&[
        ("script", Some("two-keys.fountain"), SCRIPT.as_bytes()),
        ("cast", Some("cast.toml"), CAST.as_bytes()),
        ("priority", None, b"7"),
    ]);
    let again = server.ask(form).await.expect(202).json();
    assert_eq!((&again["submission"], &again["added"]), (&taken["submission"], &json!(0)));

    let progress = server.get(location).await.expect(200).json();
    assert_eq!((&progress["priority"], &progress["lines"]["waiting"]), (&json!(7), &json!(3)));
    let same = server.get("/v1/episodes/two-keys").await.expect(200).json();
    assert_eq!(same, progress);
    assert_eq!(server.get("/v1/episodes").await.expect(200).json(), json!([progress]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_script_replaces_what_is_open_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let first = server.submit().await;
    let text = SCRIPT.replace("the key", "the keys");
    let script = json!({ "script": { "name": "two-keys.fountain", "text": text } });
    let second = server.post("/v1/episodes", &episode_with(&script)).await.expect(202).json();
    assert_eq!(second["superseded"], 3);
    assert_eq!(second["edits"]["changed"], 1);
    let old = first["submission"].as_str().unwrap();
    let old = server.get(format!("/v1/submissions/{old}")).await.expect(200).json();
    assert_eq!(old["state"], "cancelled");
    let newest = server.get("/v1/episodes/two-keys").await.expect(200).json();
    assert_eq!(newest["submission"], second["submission"]);
    assert_eq!(server.get("/v1/episodes").await.json().as_array().unwrap().len(), 1);
    assert_eq!(server.get("/v1/submissions").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let plan = server.post("/v1/episodes?plan=true", &episode()).await.expect(200).json();
    assert_eq!((&plan["totals"]["lines"], &plan["rendered"]), (&json!(3), &json!([])));
    assert_eq!(server.get("/v1/submissions").await.json(), json!([]));
    assert!(server.store.list("episodes/").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_format_can_be_sent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    for name in ["two-scenes.fdx", "sample.highland", "sample.textpack", "crlf-bom.fountain"] {
        let script = fixtures::read(&format!("screenplays/{name}"));
        let form = Ask::post("/v1/episodes?plan=true")
            .form(&[("script", Some(name), &script), ("cast", Some("cast.toml"), b"")]);
        // Nobody is cast, and every one of them is told with the place where he first speaks.
        let problem = server.ask(form).await.expect(422).json();
        let errors = problem["errors"].as_array().unwrap();
        assert!(!errors.is_empty(), "{name}: {problem}");
        assert!(
            errors.iter().all(|e| e["file"] == name && e["line"].as_u64() > Some(0)),
            "{problem}"
        );
    }
}

/// Sends something wrong and gives the first mistake that is told.
async fn mistake(server: &Server, fields: Value) -> Value {
    let problem = server.post("/v1/episodes", &episode_with(&fields)).await;
    let problem = problem.expect(422).json();
    assert!(problem["errors"].is_array(), "{problem}");
    problem["errors"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_at_their_place_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let script = |text: &str| json!({ "script": { "name": "a.fountain", "text": text } });

    let uncast = mistake(&server, json!({ "cast": "[characters.ANNE]\n[characters.BOB]\n" })).await;
    assert_eq!((&uncast["file"], &uncast["line"]), (&json!("two-keys.fountain"), &json!(5)));
    assert!(uncast["advice"].as_str().unwrap().contains("did you mean ANNE?"), "{uncast}");

    let range =
        mistake(&server, json!({ "cast": "[voices.v]\nscratch = { pitch = 9.0 }\n" })).await;
    assert_eq!((&range["line"], &range["column"]), (&json!(2), &json!(21)), "{range}");
    let toml = mistake(&server, json!({ "cast": "[characters\n" })).await;
    assert_eq!((&toml["file"], &toml["line"]), (&json!("cast.toml"), &json!(1)), "{toml}");
    let lexicon = mistake(&server, json!({ "lexicon": "[[entry]]\nwriten = \"a\"\n" })).await;
    assert_eq!((&lexicon["file"], &lexicon["line"]), (&json!("lexicon.toml"), &json!(2)));

    let pdf = mistake(&server, script("%PDF-1.4")).await;
    assert!(pdf["message"].as_str().unwrap().contains("PDF"), "{pdf}");
    let silent = mistake(&server, script("Just a walk in the rain.\n")).await;
    assert!(silent["message"].as_str().unwrap().contains("nobody says anything"), "{silent}");
    let long = mistake(&server, script(&format!("ANN\n{}\n", "la ".repeat(4_000)))).await;
    assert_eq!((&long["line"], &long["advice"]), (&json!(1), &json!("split the speech in two")));
    let id = mistake(&server, script("ANN\nHi. [[id: a b]]\n")).await;
    assert_eq!((&id["file"], &id["line"]), (&json!("a.fountain"), &json!(1)), "{id}");

    let clone = "[voices.v.clone]\nmodel = \"m\"\nconsent = \"granted: contract 7\"\n\
                 takes = [{ mood = \"neutral\", audio = \"v.wav\" }]\n\
                 [characters.ANN]\nvoice = \"v\"\n[characters.BOB]\n";
    let recording = mistake(&server, json!({ "cast": clone })).await;
    assert!(
        recording["message"].as_str().unwrap().contains("no recording `v.wav` came"),
        "{recording}"
    );
    let consent = clone.replace("consent", "# consent");
    let consent = mistake(&server, json!({ "cast": consent })).await;
    assert!(consent["message"].as_str().unwrap().contains("no consent"), "{consent}");

    for fields in [
        json!({ "priority": 10 }),
        json!({ "priority": -1 }),
        json!({ "shares": 0 }),
        json!({ "rate": 8_000 }),
        json!({ "loudness": 0 }),
        json!({ "bitrate": 5_000_000 }),
        json!({ "title": "" }),
        json!({ "episode": "../etc" }),
        json!({ "prioritty": 1 }),
        json!({ "script": { "name": "a" } }),
        json!({ "script": { "name": "a", "base64": "!" } }),
    ] {
        mistake(&server, fields).await;
    }
    assert_eq!(server.get("/v1/submissions").await.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_episode_is_refused_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let text = Ask::post("/v1/episodes").header("Content-Type", "text/plain");
    server.ask(text).await.expect(415);
    server.ask(Ask::post("/v1/episodes")).await.expect(415);
    let broken = Ask::post("/v1/episodes").header("Content-Type", "multipart/form-data");
    server.ask(broken).await.expect(400);
    let mut half = Ask::post("/v1/episodes").form(&[("script", Some("a.fountain"), b"ANN\nHi.\n")]);
    half.body.truncate(half.body.len() - 12);
    server.ask(half).await.expect(400);
    let no_cast = Ask::post("/v1/episodes").form(&[("script", Some("a.fountain"), b"ANN\nHi.\n")]);
    let problem = server.ask(no_cast).await.expect(422).json();
    assert_eq!(problem["errors"][0]["file"], "cast");
    let twice = Ask::post("/v1/episodes").form(&[("cast", None, b""), ("cast", None, b"")]);
    server.ask(twice).await.expect(422);
    let mut json = Ask::post("/v1/episodes").json(&episode());
    json.body.truncate(20);
    let problem = server.ask(json).await.expect(422).json();
    assert_eq!(problem["errors"][0]["line"], 1, "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doubts_about_a_script_come_with_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let script = fixtures::text("screenplays/doubts.fountain");
    let lines = scheduler::plan::spoken_lines(
        &screenplay::read("doubts.fountain", script.as_bytes()).unwrap(),
    );
    let names =
        lines.unwrap().into_iter().map(|line| format!("[characters.{:?}]\n", line.character));
    let cast: String = names.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    let body = json!({ "script": { "name": "doubts.fountain", "text": script }, "cast": cast });
    let taken = server.post("/v1/episodes", &body).await.expect(202).json();
    let doubts = taken["doubts"].as_array().unwrap();
    assert!(!doubts.is_empty() && doubts.iter().all(|d| d["line"].as_u64() > Some(0)), "{taken}");
}
