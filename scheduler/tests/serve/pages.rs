//! The status page as it is sent: what it says, and what keeps it from doing harm.

use std::process::Command;

use scheduler::serve::Tokens;
use serde_json::{Value, json};

use crate::client::{Ask, Reply};
use crate::common::{Server, With, episode_with};

/// What a page must never have outside of its own files: scripts, styles, other places.
#[track_caller]
fn is_safe(reply: &Reply) {
    let policy = reply.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for rule in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
    assert_eq!(reply.header("x-frame-options"), Some("DENY"));
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let text = reply.text();
    assert!(!text.contains(" style=") && !text.contains("<style"), "{text}");
    assert!(!text.contains(" onclick=") && !text.contains("javascript:"), "{text}");
    for part in text.split("<script").skip(1) {
        assert!(
            part.starts_with(" src=\"/assets/") || part.starts_with(" type=\"module\" src=\"/")
        );
    }
}

async fn page(server: &Server, path: &str) -> Reply {
    Ask::get(path).send(server.address).await
}

/// The value of an attribute of the first element that has it, behind `from`.
#[track_caller]
fn attribute(html: &str, from: &str, name: &str) -> String {
    let start = html.find(from).unwrap_or_else(|| panic!("{from} is not in {html}"));
    let (_, rest) = html[start..].split_once(&format!("{name}=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn status_of(folder: &std::path::Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tableread"));
    let output = command.args(["status", "--json", "--out"]).arg(folder).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_farm_teaches_how_the_first_episode_comes_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let page = page(&server, "/").await;
    is_safe(page.expect(200));
    for words in ["No episode yet", "tableread enqueue", "curl ", "tableread-worker run"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_and_status_count_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    let other = json!({ "title": "Another", "episode": "another", "priority": 7 });
    server.post("/v1/episodes", &episode_with(&other)).await.expect(202);
    server.fail("another", "sc001-l0002", "no").await;
    let agree = async |done: u64| {
        let overview = page(&server, "/").await.expect(200).text();
        let told = status_of(folder.path());
        assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
        for progress in told.as_array().unwrap() {
            let episode = progress["episode"].as_str().unwrap();
            let lines = progress["lines"].as_object().unwrap();
            let row = format!("data-episode=\"{episode}\"");
            let shown = |name: &str| attribute(&overview, &row, name);
            assert_eq!(shown("data-done"), lines["done"].to_string());
            assert_eq!(shown("data-failed"), lines["failed"].to_string());
            let total: u64 = lines.values().map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(shown("data-total"), total.to_string());
            let own = page(&server, &format!("/episodes/{episode}")).await.expect(200).text();
            for (standing, count) in lines {
                let from = own.find(&format!("data-count=\"{standing}\"")).unwrap();
                let shown = own[from..].split(['>', '<']).nth(1).unwrap();
                assert_eq!(shown, count.to_string(), "{episode} {standing}");
                // One cell a line, of the class that it is counted under.
                let cells = own.matches(&format!("class=\"cell {standing}\" href")).count();
                assert_eq!(cells as u64, count.as_u64().unwrap(), "{episode} {standing}");
            }
            assert!(own.contains(&format!(">{}</span>", progress["state"].as_str().unwrap())));
        }
        let all: u64 =
            told.as_array().unwrap().iter().map(|it| it["lines"]["done"].as_u64().unwrap()).sum();
        assert_eq!(all, done);
    };
    agree(0).await;
    server.render(folder.path()).await;
    agree(5).await;
    server.post("/v1/episodes/another/cancel", &json!({})).await.expect(200);
    agree(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_shown_with_what_it_renders_now() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    let batch = server.hold("two-keys", "mini-7").await.unwrap();
    let overview = page(&server, "/").await.expect(200).text();
    let row = "data-worker=\"mini-7\"";
    assert_eq!(attribute(&overview, row, "data-held"), batch.lines.len().to_string());
    for line in &batch.lines {
        let link = format!("href=\"/episodes/two-keys?line={}\"", line.job.id);
        assert!(overview.contains(&link), "{overview}");
    }
    let line = format!("/episodes/two-keys/lines/{}", batch.lines[0].job.id);
    let dock = page(&server, &line).await.expect(200).text();
    assert!(dock.contains("held by mini-7") && dock.contains("is being spoken"), "{dock}");
    server.queue.release(&batch.lease).await.unwrap();
    assert!(!page(&server, "/").await.text().contains("two-keys?line="));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_text_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let script = "Title: <script>alert('title')</script>\n\nINT. <img src=x onerror=alert('scene')>\n\n\
                  @\"><script>alert`name`\nSay <b onfocus=\"alert('text')\">it</b>.\n";
    let cast = "[characters.\"\\\"><script>alert`name`\"]\n";
    let body = json!({
        "script": { "name": "a.fountain", "text": script }, "cast": cast, "episode": "hostile",
    });
    server.post("/v1/episodes", &body).await.expect(202);
    server.fail("hostile", "sc001-l0001", "<svg onload=alert('why')>").await;
    for path in ["/", "/episodes/hostile", "/episodes/hostile?line=sc001-l0001"] {
        let page = page(&server, path).await;
        is_safe(page.expect(200));
        let text = page.text();
        for markup in ["<script>", "<img", "<svg onload", "<b onfocus"] {
            assert!(!text.contains(markup), "{path} has {markup}: {text}");
        }
        assert!(text.contains("&lt;script&gt;alert('title')"), "{path}: {text}");
    }
    let line = page(&server, "/episodes/hostile/lines/sc001-l0001").await;
    is_safe(line.expect(200));
    assert!(line.text().contains("&lt;svg onload="), "{}", line.text());
    assert!(!line.text().contains("<svg onload"), "{}", line.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_as_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    for (path, status) in [
        ("/episodes/nowhere", 404),
        ("/episodes/%3Cscript%3E", 400),
        ("/episodes/two-keys/lines/sc009-l0009", 404),
        ("/episodes/two-keys/lines/..", 400),
        ("/assets/0/page.css", 404),
    ] {
        let page = page(&server, path).await;
        is_safe(page.expect(status));
        assert!(page.text().contains("<h1>") && !page.text().contains("<script>"), "{path}");
    }
    let unknown = Ask::get("/nowhere").header("Accept", "text/html").send(server.address).await;
    is_safe(unknown.expect(404));
    // A program is told as before.
    let unknown = server.get("/nowhere").await;
    assert_eq!(unknown.expect(404).header("content-type"), Some("application/problem+json"));
    // A line that is no line is looked past.
    page(&server, "/episodes/two-keys?line=%3Cscript%3E").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_own_files_are_there_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let text = page(&server, "/").await.text();
    let mut seen = 0;
    for part in text.split("\"/assets/").skip(1) {
        let path = format!("/assets/{}", part.split('"').next().unwrap());
        let file = page(&server, &path).await;
        assert!(file.expect(200).header("cache-control").unwrap().contains("immutable"), "{path}");
        assert!(!file.body.is_empty() && file.header("content-security-policy").is_some());
        seen += 1;
    }
    assert_eq!(seen, 4, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendered_line_has_its_waveform_and_its_audio_and_an_exported_episode_its_mix() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let taken = server.submit().await;
    let line = "/episodes/two-keys/lines/sc001-l0002";
    let before = page(&server, line).await.expect(200).text();
    assert!(before.contains("No audio yet") && !before.contains("class=\"wave\" viewBox"));
    server.render(folder.path()).await;
    let after = page(&server, line).await.expect(200).text();
    assert!(after.contains("class=\"wave\" viewBox") && after.contains("d=\"M0.5 "), "{after}");
    let whole = page(&server, "/episodes/two-keys").await.expect(200).text();
    let audio = attribute(&whole, "id=\"l-sc001-l0002\"", "class=\"play\" href");
    assert_eq!(server.get(audio).await.expect(200).header("content-type"), Some("audio/mp4"));
    assert!(!whole.contains("Download mix"));
    let id = schemas::SubmissionId::parse(taken["submission"].as_str().unwrap()).unwrap();
    let manifest = scheduler::finish::finish(server.queue.as_ref(), &server.store, &id).await;
    scheduler::export::export(&manifest.unwrap(), &server.store, folder.path()).await.unwrap();
    assert!(page(&server, "/episodes/two-keys").await.text().contains("Download mix"));
    // Gone from the store: the rest of the page is there all the same.
    let fresh = tempfile::tempdir().unwrap();
    let store = store::Store::open(fresh.path().to_str().unwrap()).await.unwrap();
    let with = With { store: Some(store), ..With::default() };
    let other = Server::start_with(folder.path(), with).await;
    let lost = page(&other, line).await.expect(200).text();
    assert!(lost.contains("No waveform") && lost.contains("I do."), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_link_leads_here_but_its_scripts_and_frames_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let from_elsewhere = |path: &str| Ask::get(path).header("Sec-Fetch-Site", "cross-site");
    let link = from_elsewhere("/").header("Sec-Fetch-Mode", "navigate");
    let link = link.header("Sec-Fetch-Dest", "document").send(server.address).await;
    is_safe(link.expect(200));
    let frame = from_elsewhere("/").header("Sec-Fetch-Mode", "navigate");
    let frame = frame.header("Sec-Fetch-Dest", "iframe").send(server.address).await;
    is_safe(frame.expect(403));
    from_elsewhere("/").send(server.address).await.expect(403);
    let rebound = Ask::get("/").header("Host", "evil.example").send(server.address).await;
    is_safe(rebound.expect(403));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_sees_no_buttons() {
    let folder = tempfile::tempdir().unwrap();
    let (read, write) = ("read-read-read-read-read", "write-write-write-write-write");
    let tokens = Tokens::parse(&format!("page read {read}\nfarm write {write}\n")).unwrap();
    let server = Server::start_with(folder.path(), With { tokens, ..With::default() }).await;
    let submit = Ask::post("/v1/episodes").json(&crate::common::episode()).token(write);
    server.ask(submit).await.expect(202);
    server.fail("two-keys", "sc001-l0002", "no").await;
    let look = async |token: &str| {
        let path = "/episodes/two-keys?line=sc001-l0002";
        let page = Ask::get(path).token(token).send(server.address).await;
        is_safe(page.expect(200));
        page.text()
    };
    assert_eq!(look(write).await.matches("action=\"/episodes/two-keys/retry\"").count(), 3);
    assert!(!look(read).await.contains("/retry"));
    let retry = Ask::post("/episodes/two-keys/retry").token(read);
    is_safe(retry.send(server.address).await.expect(403));
}
