//! The status page in a real browser: what a person sees and hears, without loading it again.

use std::path::Path;
use std::time::Duration;

use scheduler::serve::{Limits, Tokens};
use serde_json::json;

use crate::browser::Browser;
use crate::common::{CAST, Server, With};

/// Four lines in two scenes, two of them at the same time.
const SCRIPT: &str = "Title: Two Keys\n\nINT. HALL - DAY\n\nANN\nWho has the key?\n\nBOB\nI do.\n\n\
                      ANN ^\nI do.\n\nEXT. YARD - NIGHT\n\nBOB\nOpen up.\n";

async fn start(folder: &Path, with: With) -> Server {
    let limits = Limits { event_poll: Duration::from_millis(20), ..Limits::default() };
    Server::start_with(folder, With { limits, ..with }).await
}

async fn submit(server: &Server) {
    let body = json!({ "script": { "name": "two-keys.fountain", "text": SCRIPT }, "cast": CAST });
    server.post("/v1/episodes", &body).await.expect(202);
}

/// Whether the page gets its news, as a condition on it.
const LIVE: &str = "document.querySelector('#live').dataset.state === 'on'";

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_goes_from_submitted_to_done_without_the_page_being_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), With::default()).await;
    let mut browser = Browser::open().await;
    browser.visit(&server.url("/")).await;
    let origin = server.url("");
    browser.until(&format!("document.querySelector('pre span').textContent === '{origin}'")).await;
    browser.until("document.body.textContent.includes('No episode yet')").await;
    browser.until(LIVE).await;
    browser.run("window.wasLoadedOnce = true").await;

    submit(&server).await;
    browser.until("document.querySelector('#e-two-keys')?.dataset.total === '4'").await;
    browser.until("document.querySelector('#e-two-keys .chip').textContent === 'active'").await;
    server.render(folder.path()).await;
    browser.until("document.querySelector('#e-two-keys').dataset.done === '4'").await;
    browser.until("document.querySelector('#e-two-keys .chip').textContent === 'done'").await;
    browser.until("!document.body.textContent.includes('No episode yet')").await;
    assert_eq!(browser.run("window.wasLoadedOnce").await, true);
    browser.has_behaved(&server.url("/"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_line_is_retried_by_a_click_and_becomes_done() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), With::default()).await;
    submit(&server).await;
    server.fail("two-keys", "sc001-l0002", "the text cannot be spoken").await;
    let mut browser = Browser::open().await;
    browser.visit(&server.url("/episodes/two-keys")).await;
    browser.until(LIVE).await;
    browser.run("window.wasLoadedOnce = true").await;
    browser
        .until("document.querySelector('#f-sc001-l0002 .why').textContent.includes('be spoken')")
        .await;
    browser.until("document.querySelector('#c-sc001-l0002').matches('.failed')").await;
    browser.click("#f-sc001-l0002 button").await;
    browser.until("document.querySelector('#c-sc001-l0002').matches('.waiting')").await;
    browser.until("!document.querySelector('#failures')").await;
    server.render(folder.path()).await;
    browser.until("document.querySelectorAll('a.cell.done').length === 4").await;
    browser.until("document.querySelector('.head').dataset.failed === '0'").await;
    assert_eq!(browser.run("window.wasLoadedOnce").await, true);
    browser.has_behaved(&server.url("/"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_scenes_are_heard_and_seen() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), With::default()).await;
    submit(&server).await;
    server.render(folder.path()).await;
    let mut browser = Browser::open().await;
    browser.visit(&server.url("/episodes/two-keys")).await;
    browser.until(LIVE).await;
    // What is played, in the order in which it began, and how many at once.
    browser
        .run(
            "window.heard = []; window.atOnce = 0; \
             document.getElementById('players').addEventListener('playing', (event) => { \
               heard.push(event.target.dataset.of); \
               atOnce = Math.max(atOnce, document.querySelectorAll('#players audio').length); \
             }, true)",
        )
        .await;
    browser.click("#l-sc001-l0001 .play").await;
    let advances = "[...document.querySelectorAll('#players audio')]\
                    .some((audio) => audio.currentTime > 0.05)";
    browser.until(advances).await;
    browser.until("document.querySelector('#dock').dataset.docked === 'sc001-l0001'").await;
    browser.until("document.querySelector('#dock svg.wave path').getBBox().width > 100").await;
    browser.until("document.querySelector('#players').childElementCount === 0").await;

    browser.run("heard.length = 0").await;
    browser.click("[data-play-scene='1']").await;
    browser.until("heard.includes('sc001-l0002') && heard.includes('sc001-l0003')").await;
    browser.until("document.querySelector('#players').childElementCount === 0").await;
    let heard = browser.run("heard").await;
    assert_eq!(heard[0], "sc001-l0001", "{heard}");
    assert_eq!(heard.as_array().unwrap().len(), 3, "{heard}");
    assert_eq!(browser.run("atOnce").await, 2, "a dual dialogue is heard together");

    browser.run("heard.length = 0").await;
    browser.click("#play-episode").await;
    browser.until("heard.includes('sc002-l0001')").await;
    browser.until("document.querySelector('#players').childElementCount === 0").await;
    assert_eq!(browser.run("heard.length").await, 4);
    browser.has_behaved(&server.url("/"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_and_what_it_may_not_do_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (read, write) = ("read-read-read-read-read", "write-write-write-write-write");
    let tokens = Tokens::parse(&format!("page read {read}\nfarm write {write}\n")).unwrap();
    let server = start(folder.path(), With { tokens, ..With::default() }).await;
    let body = json!({ "script": { "name": "two-keys.fountain", "text": SCRIPT }, "cast": CAST });
    let ask = crate::client::Ask::post("/v1/episodes").json(&body).token(write);
    server.ask(ask).await.expect(202);
    server.fail("two-keys", "sc001-l0002", "the text cannot be spoken").await;

    let mut browser = Browser::open().await;
    browser.visit(&server.url("/episodes/two-keys")).await;
    browser.until("document.activeElement?.id === 'token'").await;
    browser.write("not-the-token-not-the-token").await;
    browser.click("#sign-in button").await;
    browser.until("document.querySelector('#wrong')?.textContent.includes('not know')").await;
    browser.until("document.activeElement?.id === 'token'").await;
    browser.write(read).await;
    browser.click("#sign-in button").await;
    browser.until("location.pathname === '/episodes/two-keys'").await;
    browser.until(LIVE).await;
    browser.until("document.querySelector('#f-sc001-l0002') !== null").await;
    assert_eq!(browser.run("document.querySelectorAll('form.retry').length").await, 0);
    assert_eq!(browser.run("document.cookie").await, "", "scripts cannot read the cookie");

    browser.click(".who button").await;
    browser.until("document.activeElement?.id === 'token'").await;
    browser.write(write).await;
    browser.click("#sign-in button").await;
    browser.until("document.querySelector('#e-two-keys a') !== null").await;
    browser.click("#e-two-keys a").await;
    browser.click("#f-sc001-l0002 button").await;
    browser.until("document.querySelector('#c-sc001-l0002').matches('.waiting')").await;
    // A page that is not shown is told with its status, and that is written into the console.
    browser.has_behaved(&server.url("/"), Some("401"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hostile_in_a_script_is_read_and_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), With::default()).await;
    // A name has no brackets and slashes: those mean something else in a script.
    let name = "\"'><img src=x onerror=ran`3`><script>ran`3`";
    let attack = |n: u32| {
        format!("\"'><img src=x onerror=\"ran({n})\"><script src=//evil.example></script>")
    };
    let script = format!(
        "Title: <svg onload=ran(1)>{}\n\nINT. {}\n\n@{name}\n{} javascript:ran(4)\n",
        attack(1),
        attack(2),
        attack(4)
    );
    let cast = format!("[characters.{}]\n", serde_json::Value::from(name));
    let body = json!({
        "script": { "name": "a.fountain", "text": script }, "cast": cast, "episode": "hostile",
    });
    server.post("/v1/episodes", &body).await.expect(202);
    server.fail("hostile", "sc001-l0001", &attack(5)).await;
    let mut browser = Browser::open().await;
    let shim = json!({ "source": "window.ran = (n) => { window.harm = n; }" });
    browser.call("Page.addScriptToEvaluateOnNewDocument", shim).await;
    for path in ["/", "/episodes/hostile", "/episodes/hostile?line=sc001-l0001"] {
        browser.visit(&server.url(path)).await;
        browser.until(LIVE).await;
        browser.until("document.body.textContent.includes('onerror=')").await;
        assert_eq!(
            browser.run("document.querySelectorAll('img, script[src*=evil]').length").await,
            0
        );
    }
    // Written again by the script, as it keeps the page up to date, and looked at in the dock.
    browser.visit(&server.url("/episodes/hostile")).await;
    browser.until(LIVE).await;
    browser.click("#c-sc001-l0001").await;
    browser.until("document.querySelector('#dock .why').textContent.includes('ran(5)')").await;
    browser.click("#f-sc001-l0001 button").await;
    browser.until("document.querySelector('#c-sc001-l0001').matches('.waiting')").await;
    assert_eq!(browser.run("window.harm === undefined").await, true);
    browser.has_behaved(&server.url("/"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_finds_its_server_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), With::default()).await;
    let (address, place) = (server.address, server.url("/"));
    let mut browser = Browser::open().await;
    browser.visit(&server.url("/")).await;
    browser.until(LIVE).await;
    browser.run("window.wasLoadedOnce = true").await;
    server.end().await;
    browser.until("document.querySelector('#live').dataset.state === 'off'").await;
    let with = With { address: Some(address), ..With::default() };
    let server = start(folder.path(), with).await;
    submit(&server).await;
    browser.until(LIVE).await;
    browser.until("document.querySelector('#e-two-keys')?.dataset.total === '4'").await;
    assert_eq!(browser.run("window.wasLoadedOnce").await, true);
    browser.has_behaved(&place, Some("net::ERR_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_fits_a_phone_and_goes_by_keyboard_and_in_the_dark() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), With::default()).await;
    submit(&server).await;
    server.fail("two-keys", "sc001-l0002", &"a reason of many words ".repeat(20)).await;
    let mut browser = Browser::open().await;
    browser.resize(390, 844).await;
    for path in ["/", "/episodes/two-keys", "/episodes/two-keys?line=sc001-l0002"] {
        browser.visit(&server.url(path)).await;
        browser.until(LIVE).await;
        let width = browser.run("document.documentElement.scrollWidth").await;
        assert_eq!(width, 390, "{path} is wider than the window");
    }
    browser.resize(1_400, 900).await;
    browser.visit(&server.url("/episodes/two-keys")).await;
    browser.until(LIVE).await;
    browser.run("document.querySelector('#c-sc001-l0001').focus()").await;
    browser.press("ArrowRight").await;
    browser.until("document.activeElement.id === 'c-sc001-l0002'").await;
    browser
        .run("document.activeElement.dispatchEvent(new MouseEvent('click', { bubbles: true }))")
        .await;
    browser.until("document.querySelector('#dock')?.dataset.docked === 'sc001-l0002'").await;
    assert_eq!(browser.run("location.search").await, "?line=sc001-l0002");
    browser.press("Escape").await;
    browser.until("!document.querySelector('#dock') && location.search === ''").await;

    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.run(ground).await;
    for theme in ["light", "dark"] {
        browser.click("#theme").await;
        browser.until(&format!("document.documentElement.dataset.theme === '{theme}'")).await;
    }
    assert_ne!(browser.run(ground).await, light);
    browser.visit(&server.url("/")).await;
    browser.until("document.documentElement.dataset.theme === 'dark'").await;
    browser.has_behaved(&server.url("/"), None);
}
