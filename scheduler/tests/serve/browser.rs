//! A real browser without a window, driven over its pipe for tools: JSON messages, a zero byte after
//! each.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

/// One browser at a time: each takes a core and some hundred MB.
static SEAT: Semaphore = Semaphore::const_new(1);
/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(3);

/// Names under which Chromium is installed, the one of Debian first.
const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const ON_MACS: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// A browser with one page, for as long as it is kept.
pub(crate) struct Browser {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    calls: u64,
    /// What it said unasked: console, requests, dialogs.
    heard: Vec<Value>,
    _profile: tempfile::TempDir,
    _seat: SemaphorePermit<'static>,
}

/// The browser's program.
fn program() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    if let Some(name) = NAMES.iter().find(|name| is_there(name)) {
        return (*name).to_owned();
    }
    assert!(
        Path::new(ON_MACS).is_file(),
        "no Chromium is installed: ops/test installs it, or apt-get install chromium"
    );
    ON_MACS.to_owned()
}

impl Browser {
    /// Starts it with an empty page.
    pub(crate) async fn open() -> Self {
        let seat = SEAT.acquire().await.unwrap();
        let profile = tempfile::tempdir().unwrap();
        let home = profile.path().display();
        let mut child = Command::new("sh")
            // Its pipe is on handles 3 and 4.
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", "sh"])
            .arg(program())
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--mute-audio"])
            .args(["--disable-component-update", "--disable-default-apps", "--disable-sync"])
            .arg("--autoplay-policy=no-user-gesture-required")
            .arg(format!("--user-data-dir={home}"))
            .args(["--remote-debugging-pipe", "about:blank"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut browser = Self {
            _child: child,
            input,
            output: BufReader::new(output),
            session: None,
            calls: 0,
            heard: Vec::new(),
            _profile: profile,
            _seat: seat,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    /// Calls a method and gives its result.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.try_call(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    async fn try_call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).await.unwrap();
        loop {
            let mut answer = Vec::new();
            let read = self.output.read_until(0, &mut answer);
            let read = tokio::time::timeout(PATIENCE, read).await;
            assert!(read.expect(method).unwrap() > 0, "{method}: the browser is gone");
            let json = answer.strip_suffix(&[0]).unwrap_or(&answer);
            let answer: Value = serde_json::from_slice(json).unwrap();
            if answer["id"] == self.calls {
                return match answer.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(answer["result"].clone()),
                };
            }
            self.heard.push(answer);
        }
    }

    /// Goes to a page and waits until it is there.
    pub(crate) async fn visit(&mut self, url: &str) {
        let went = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(went.get("errorText").is_none(), "{url}: {went}");
        self.until("document.readyState === 'complete'").await;
    }

    /// What a script comes to; a promise is waited for.
    pub(crate) async fn run(&mut self, script: &str) -> Value {
        self.try_run(script).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    async fn try_run(&mut self, script: &str) -> Result<Value, Value> {
        let ask = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let told = self.try_call("Runtime.evaluate", ask).await?;
        match told.get("exceptionDetails") {
            Some(error) => Err(error.clone()),
            None => Ok(told["result"]["value"].clone()),
        }
    }

    /// Waits until a condition holds on the page, also across pages.
    pub(crate) async fn until(&mut self, condition: &str) {
        let script = format!(
            "new Promise((ok) => {{ const look = () => {{ \
               let is = false; try {{ is = Boolean({condition}); }} catch {{}} \
               if (is) ok(true); else setTimeout(look, 40); }}; look(); }})"
        );
        let held = async {
            // A page that is left takes its promise with it; it is asked again on the next.
            while self.try_run(&script).await.is_err() {}
        };
        let held = tokio::time::timeout(PATIENCE, held).await;
        assert!(held.is_ok(), "never came true: {condition}");
    }

    /// Clicks with the mouse in the middle of what a selector finds.
    pub(crate) async fn click(&mut self, selector: &str) {
        self.until(&format!("document.querySelector({selector:?})?.checkVisibility()")).await;
        let script = format!(
            "(() => {{ const found = document.querySelector({selector:?}); \
               found.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
               const box = found.getBoundingClientRect(); \
               return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let at = self.run(&script).await;
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({
                "type": kind, "x": at[0], "y": at[1], "button": button, "buttons": buttons,
                "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Presses a key, e.g. `ArrowRight`.
    pub(crate) async fn press(&mut self, key: &str) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Types text where the focus is.
    pub(crate) async fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// A window of that size in pixels; below 500 it is a phone's.
    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let is_phone = width < 500;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
        self.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": is_phone })).await;
    }

    /// Fails on whatever a page should not have done: errors, refused scripts and styles, dialogs,
    /// requests elsewhere than to `server`. Complaints that hold `expected` are let pass.
    #[track_caller]
    pub(crate) fn has_behaved(&self, server: &str, expected: Option<&str>) {
        for event in &self.heard {
            let params = &event["params"];
            let text = params.to_string();
            let is_expected = expected.is_some_and(|expected| text.contains(expected));
            match event["method"].as_str().unwrap_or_default() {
                "Log.entryAdded" | "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => {
                    assert!(is_expected, "{text}");
                }
                "Page.javascriptDialogOpening" => panic!("{text}"),
                "Network.requestWillBeSent" => {
                    let url = params["request"]["url"].as_str().unwrap();
                    assert!(url.starts_with(server) || url == "about:blank", "{url}");
                }
                _ => {}
            }
        }
    }
}
