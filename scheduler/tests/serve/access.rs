//! Who may ask for what.

use scheduler::serve::{Limits, ServeError, Settings, Tokens, serve};
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::Ask;
use crate::common::{Server, With, episode};

const READ: &str = "read-read-read-read-read";
const WRITE: &str = "write-write-write-write-write";

fn tokens() -> Tokens {
    Tokens::parse(&format!("page read {READ}\nfarm write {WRITE}\n")).unwrap()
}

/// Every operation of the document, with its path made concrete.
fn operations(server: &Server) -> Vec<(String, String, Option<String>)> {
    let mut all = Vec::new();
    for (path, operations) in server.document()["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let path = path
                .replace("{id}", "nowhere")
                .replace("{line}", "sc001-l0001")
                .replace("{name}", "nobody")
                .replace("{key}", &"0".repeat(64));
            let scope = operation["x-scope"].as_str().map(str::to_owned);
            all.push((method.to_uppercase(), path, scope));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_the_token_that_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start_with(folder.path(), With { tokens: tokens(), ..With::default() }).await;
    let all = operations(&server);
    assert!(all.len() >= 30, "{}", all.len());
    for (method, path, scope) in all {
        // An event stream does not end by itself: who may begin it is seen from its refusals.
        let is_stream = path == "/v1/events";
        for (token, may_read, may_write) in [
            (None, false, false),
            (Some("no-such-token-no-such-token"), false, false),
            (Some(READ), true, false),
            (Some(WRITE), true, true),
        ] {
            if is_stream && may_read {
                continue;
            }
            let mut ask = Ask::new(&method, path.clone());
            if let Some(token) = token {
                ask = ask.token(token);
            }
            let status = server.ask(ask).await.status;
            let told = format!("{method} {path} with {token:?}: {status}");
            match scope.as_deref() {
                None => assert_eq!(status, 200, "{told}"),
                Some("read") if may_read => assert!(![401, 403].contains(&status), "{told}"),
                Some("write") if may_write => assert!(![401, 403].contains(&status), "{told}"),
                Some("write") if may_read => assert_eq!(status, 403, "{told}"),
                Some("read" | "write") => assert_eq!(status, 401, "{told}"),
                Some(other) => panic!("{told}: {other}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_to_send_and_not_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start_with(folder.path(), With { tokens: tokens(), ..With::default() }).await;
    let refused = server.get("/v1/episodes").await;
    assert_eq!(refused.expect(401).header("www-authenticate"), Some("Bearer realm=\"tableread\""));
    let refused = server.ask(Ask::post("/v1/episodes").json(&episode()).token(READ)).await;
    assert!(refused.expect(403).json()["detail"].as_str().unwrap().contains("`page`"));
    server.ask(Ask::post("/v1/episodes").json(&episode()).token(WRITE)).await.expect(202);
    // A name is no obstacle once a token is asked for.
    let ask = Ask::get("/v1/episodes").token(READ).header("Host", "farm.example");
    server.ask(ask).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_only_this_machine_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let settings = Settings {
        queue: queue::open(folder.path().join("queue.db").to_str().unwrap()).unwrap(),
        store: Store::open("memory:").await.unwrap(),
        exports: None,
        tokens: Tokens::default(),
        limits: Limits::default(),
    };
    let refused = serve(settings, listener, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(refused, ServeError::Open(_)), "{refused}");

    let server = Server::start(folder.path()).await;
    for (header, value) in [
        ("Host", "evil.example"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        for ask in [Ask::get("/v1/episodes"), Ask::post("/v1/episodes").json(&episode())] {
            server.ask(ask.header(header, value)).await.expect(403);
        }
    }
    let own = Ask::get("/v1/episodes").header("Origin", format!("http://{}", server.address));
    server.ask(own).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_reach_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    for name in [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "a%2fb",
        "%00",
        "-x",
        "a..b",
        "%ff",
        "a%20b",
        "%3Cscript%3E",
        "é",
    ] {
        for path in [
            format!("/v1/episodes/{name}"),
            format!("/v1/submissions/{name}/manifest"),
            format!("/v1/episodes/two-keys/lines/{name}"),
            format!("/v1/episodes/two-keys/lines/{name}/audio.m4a"),
            format!("/v1/deliveries/{name}"),
            format!("/v1/masters/{name}"),
        ] {
            let reply = server.get(path.clone()).await;
            assert!([400, 404].contains(&reply.status), "{path}: {}", reply.text());
            assert!(!reply.text().contains("<script>"), "{path}");
        }
        let reply = server.ask(Ask::post(format!("/v1/workers/{name}/drain"))).await;
        assert!([400, 404].contains(&reply.status), "{name}: {}", reply.text());
    }
    server.get(format!("/v1/episodes/{}", "a".repeat(81))).await.expect(400);
    server.get(format!("/v1/deliveries/{}", "A".repeat(64))).await.expect(400);
}
