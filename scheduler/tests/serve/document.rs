//! The OpenAPI document and what is measured.

use serde_json::{Value, json};

use crate::client::Ask;
use crate::common::{Server, episode};

/// Every `$ref` inside a value.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(target) if name == "$ref" => found.push(target.to_owned()),
                    Some(_) | None => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_whole_and_every_path_of_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let document = server.document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for target in found {
        let place = target.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{target} is nowhere");
    }
    let mut names = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let parts: Vec<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        for (method, operation) in operations.as_object().unwrap() {
            assert!(names.insert(operation["operationId"].to_string()), "{method} {path} twice");
            let parameters = operation["parameters"].as_array().unwrap();
            let told: Vec<_> =
                parameters.iter().filter(|p| p["in"] == "path").map(|p| &p["name"]).collect();
            assert_eq!(told, parts, "{method} {path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        }
        // Somebody answers there: no method of ours is `PUT`.
        let concrete = path.replace(['{', '}'], "");
        assert_eq!(Ask::new("PUT", concrete).send(server.address).await.status, 405, "{path}");
    }
    for path in [
        "/v1/episodes",
        "/v1/episodes/{id}/lines/{line}/audio.m4a",
        "/v1/submissions/{id}/retry",
        "/v1/workers/{name}/drain",
        "/v1/events",
        "/metrics",
    ] {
        assert!(names.len() > 30 && document["paths"][path].is_object(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_sent_is_as_the_document_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let bodies = &server.document()["paths"]["/v1/episodes"]["post"]["requestBody"];
    let schema = &bodies["content"]["application/json"]["schema"];
    assert_eq!(server.invalid(schema, &episode()), None);
    assert!(server.invalid(schema, &json!({ "cast": "" })).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_and_metrics_tell_of_queue_and_store() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    assert_eq!(server.get("/readyz").await.expect(200).json()["queue"], "ok");
    server.submit().await;
    // Other servers of this process count in the same place: how much is told is tested where a server
    // has a process to itself.
    let text = server.get("/metrics").await.expect(200).text();
    assert!(text.contains("tableread_queue_lines{priority="), "{text}");
    // What was asked for is never in it, only the route.
    server.get("/v1/episodes/secret-name").await.expect(404);
    let text = server.get("/metrics").await.text();
    assert!(
        !text.contains("secret-name") && text.contains("http_route=\"/v1/episodes/{id}\""),
        "{text}"
    );

    std::fs::remove_dir_all(folder.path().join(".tableread/store")).unwrap();
    let unready = server.get("/readyz").await.expect(503).json();
    assert!(!unready.to_string().contains(folder.path().to_str().unwrap()), "{unready}");
    server.get("/healthz").await.expect(200);
}
