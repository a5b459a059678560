//! Signing in and out, and changing something from a page: only from our own, only for who may.

use std::fmt::Write as _;

use scheduler::serve::Tokens;
use schemas::{EpisodeId, LineState};
use serde_json::json;

use crate::client::{Ask, Reply};
use crate::common::{Server, With, episode};

const READ: &str = "read-read-read-read-read";
const WRITE: &str = "write/write=write\"write,write";

/// A server that asks for tokens, with one failed line.
async fn start(folder: &tempfile::TempDir) -> Server {
    let tokens = Tokens::parse(&format!("page read {READ}\nfarm write {WRITE}\n")).unwrap();
    let server = Server::start_with(folder.path(), With { tokens, ..With::default() }).await;
    server.ask(Ask::post("/v1/episodes").json(&episode()).token(WRITE)).await.expect(202);
    server.fail("two-keys", "sc001-l0002", "no").await;
    server
}

fn form(path: &str, fields: &[(&str, &str)]) -> Ask {
    let mut body = String::new();
    for (name, value) in fields {
        write!(body, "{}{name}=", if body.is_empty() { "" } else { "&" }).unwrap();
        for byte in value.bytes() {
            write!(body, "%{byte:02x}").unwrap();
        }
    }
    let mut ask = Ask::post(path).header("Content-Type", "application/x-www-form-urlencoded");
    ask.body = body.into_bytes();
    ask
}

impl Ask {
    fn by_own_page(self, server: &Server) -> Self {
        self.header("Origin", format!("http://{}", server.address))
    }
}

async fn sign_in(server: &Server, token: &str) -> Reply {
    let ask = form("/sign-in", &[("token", token), ("to", "/episodes/two-keys")]);
    ask.by_own_page(server).send(server.address).await
}

/// What the browser sends back.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

async fn failed(server: &Server) -> usize {
    let episode = EpisodeId::parse("two-keys").unwrap();
    let newest = server.queue.submissions(Some(&episode)).await.unwrap().remove(0);
    let records = server.queue.lines(&newest.submission).await.unwrap();
    records.iter().filter(|record| record.state == LineState::Failed).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_and_a_cookie_kept_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    for path in ["/", "/episodes/two-keys", "/episodes/nowhere"] {
        let refused = Ask::get(path).send(server.address).await;
        let text = refused.expect(401).text();
        assert!(text.contains("action=\"/sign-in\"") && text.contains("type=\"password\""));
        assert!(text.contains(&format!("name=\"to\" value=\"{path}\"")), "{text}");
        assert!(!text.contains("Two Keys") && !text.contains("The Token"), "{text}");
    }
    let wrong = sign_in(&server, "no-such-token-no-such-token").await;
    assert!(wrong.expect(401).text().contains("does not know that token"));
    assert_eq!(wrong.header("set-cookie"), None);

    let right = sign_in(&server, &format!(" {WRITE}\n")).await;
    assert_eq!(right.expect(303).header("location"), Some("/episodes/two-keys"));
    let set = right.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("write") && !set.contains("Secure"), "{set}");
    let signed_in = |path: &str| Ask::get(path).header("Cookie", cookie(&right));
    let page = signed_in("/episodes/two-keys").send(server.address).await;
    assert!(page.expect(200).text().contains("Sign out"));
    // Also what the page's script and its players ask for.
    server.ask(signed_in("/v1/episodes")).await.expect(200);
    // The cookie is no token.
    let value = cookie(&right).split_once('=').unwrap().1.to_owned();
    server.ask(Ask::get("/v1/episodes").token(&value)).await.expect(401);
    let out = form("/sign-out", &[]).header("Cookie", cookie(&right)).by_own_page(&server);
    let out = out.send(server.address).await;
    assert!(out.expect(303).header("set-cookie").unwrap().contains("tableread=; "), "{out:?}");
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"), "{out:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_the_cookie_stays_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let ask = form("/sign-in", &[("token", READ)]).header("Host", "farm.example");
    let direct = ask.clone().header("Origin", "https://farm.example").send(server.address).await;
    assert!(direct.expect(303).header("set-cookie").unwrap().contains("; Secure"));
    let proxied = form("/sign-in", &[("token", READ)])
        .header("X-Forwarded-Host", "farm.example")
        .header("Origin", "https://farm.example");
    proxied.send(server.address).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_signs_in_or_changes_anything_in_ones_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let evil = form("/sign-in", &[("token", WRITE)]).header("Origin", "https://evil.example");
    assert_eq!(evil.send(server.address).await.expect(403).header("set-cookie"), None);
    form("/sign-in", &[("token", WRITE)]).send(server.address).await.expect(403);
    let elsewhere = form("/sign-in", &[("token", WRITE), ("to", "//evil.example")]);
    let elsewhere = elsewhere.by_own_page(&server).send(server.address).await;
    assert_eq!(elsewhere.expect(303).header("location"), Some("/"));

    let cookie = cookie(&sign_in(&server, WRITE).await);
    for (header, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("X-Nothing", "said of where it is from"),
    ] {
        for path in ["/episodes/two-keys/retry", "/sign-out", "/v1/episodes/two-keys/retry"] {
            let ask = form(path, &[]).header("Cookie", cookie.clone()).header(header, value);
            ask.send(server.address).await.expect(403);
        }
        let ask = Ask::new("DELETE", "/v1/episodes/two-keys").header("Cookie", cookie.clone());
        ask.header(header, value).send(server.address).await.expect(403);
    }
    assert_eq!(failed(&server).await, 1);
    let ask = form("/episodes/two-keys/retry", &[]).header("Cookie", cookie.clone());
    let done = ask.by_own_page(&server).send(server.address).await;
    assert_eq!(done.expect(303).header("location"), Some("/episodes/two-keys"));
    assert_eq!(failed(&server).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_to_look_cannot_change_anything() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let cookie = cookie(&sign_in(&server, READ).await);
    let page = Ask::get("/episodes/two-keys").header("Cookie", cookie.clone());
    assert!(!page.send(server.address).await.expect(200).text().contains("/retry"));
    for path in ["/episodes/two-keys/retry", "/v1/episodes/two-keys/cancel"] {
        let ask = form(path, &[]).header("Cookie", cookie.clone()).by_own_page(&server);
        ask.send(server.address).await.expect(403);
    }
    assert_eq!(failed(&server).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_of_what_failed_and_of_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    server.fail("two-keys", "sc001-l0002", "no").await;
    let one = json!({ "line": "sc001-l0001" });
    server.post("/v1/episodes/two-keys/cancel", &one).await.expect(200);
    let retry =
        |fields: &[(&str, &str)]| form("/episodes/two-keys/retry", fields).by_own_page(&server);
    retry(&[("line", "sc009-l0009")]).send(server.address).await.expect(404);
    // Not failed: nothing to be done, and no error either.
    retry(&[("line", "sc001-l0003")]).send(server.address).await.expect(303);
    assert_eq!(failed(&server).await, 1);
    retry(&[]).send(server.address).await.expect(303);
    let lines = server.get("/v1/episodes/two-keys").await.expect(200).json();
    let lines = &lines["lines"];
    assert_eq!((&lines["waiting"], &lines["cancelled"]), (&2.into(), &1.into()), "{lines}");
    let foreign = form("/episodes/two-keys/retry", &[]).header("Origin", "https://evil.example");
    foreign.send(server.address).await.expect(403);
}
