//! Looking on: a live picture in a terminal, lines in a log, the story of a line, the cost of a night.

use std::io::{Read as _, Write as _};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::Value;

use crate::common::{Folder, expect, lighthouse, stderr, stdout};

const EPISODE: &str = "the-keeper-of-gull-rock";

/// `tableread` in a terminal of its own, and what that shows.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn std::io::Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn run(folder: &Folder, args: &str) -> Self {
        let size = PtySize { rows: 24, cols: 100, ..PtySize::default() };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tableread"));
        command.args(args.split_whitespace());
        command.cwd(folder.path("."));
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(24, 100, 200);
        Self { child, keys, output, screen, _master: pair.master }
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let since = Instant::now();
        while !self.screen.screen().contents().contains(text) {
            let left = Duration::from_mins(3).saturating_sub(since.elapsed());
            let Ok(bytes) = self.output.recv_timeout(left) else {
                panic!("no {text:?} on\n{}", self.screen.screen().contents())
            };
            self.screen.process(&bytes);
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end, and asserts how it ended: with the terminal as it was before.
    #[track_caller]
    fn end(mut self, code: u32) -> String {
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_mins(3)) {
            self.screen.process(&bytes);
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
        }
        let status = self.child.wait().unwrap();
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.screen.process(&bytes);
        }
        let screen = self.screen.screen();
        assert_eq!(status.exit_code(), code, "{}", screen.contents());
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{}", screen.contents());
        screen.contents()
    }
}

fn enqueued() -> Folder {
    let folder = Folder::new();
    expect(0, &mut folder.tableread(&format!("enqueue {} --out out", lighthouse())));
    folder
}

#[test]
fn an_episode_is_watched_in_a_terminal_until_it_is_over() {
    let folder = enqueued();
    let mut terminal = Terminal::run(&folder, &format!("status {EPISODE} --watch --out out"));
    terminal.wait_for("0/40");
    terminal.wait_for("No worker is there");
    assert!(terminal.screen.screen().alternate_screen());
    expect(0, &mut folder.worker("run --out out --until-empty --quiet --name mini-1"));
    let told = terminal.end(0);
    assert!(told.contains(&format!("{EPISODE} is done since")), "{told}");
}

#[test]
fn q_and_ctrl_c_give_the_terminal_back() {
    let folder = enqueued();
    for (keys, code) in [("q", 0), ("\u{3}", 130)] {
        let mut terminal = Terminal::run(&folder, "status --watch --out out");
        terminal.wait_for("quit");
        terminal.press(keys);
        let left = terminal.end(code);
        assert!(!left.contains("quit"), "the screen from before is back: {left}");
    }
}

#[test]
fn elsewhere_a_line_is_told_whenever_something_changed() {
    let folder = Folder::rendered();
    let watch = format!("status {EPISODE} --watch --out out");
    let told = stdout(&expect(0, &mut folder.tableread(&watch)));
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains(&format!("{EPISODE}: 40 of 40 lines done")), "{told}");
    let json = stdout(&expect(0, &mut folder.tableread(&format!("{watch} --json"))));
    assert_eq!(json.lines().count(), 1);
    let detail: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(detail["line_records"].as_array().unwrap().len(), 40);
    let all = stdout(&expect(0, &mut folder.tableread("status --watch --json --out out")));
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all[0]["lines"]["done"], 40);
}

#[test]
fn a_line_tells_its_story_with_who_when_and_where() {
    let folder = Folder::rendered();
    let told = stdout(&expect(0, &mut folder.tableread("logs sc001-l0001 --out out")));
    for part in ["submitted", "claimed, to be spoken", "voice complete", "mastered", "being spoken"]
    {
        assert!(told.contains(part), "no {part} in\n{told}");
    }
    let json = stdout(&expect(0, &mut folder.tableread("logs SC001-L0001 --json --out out")));
    let story: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(story["is_whole"], true);
    let ended: Vec<_> = story["tries"].as_array().unwrap().iter().map(|it| &it["ended"]).collect();
    assert_eq!(ended, ["spoken", "mastered"]);
    let spent = story["spent"].as_object().unwrap();
    let sum: u64 = spent.values().map(|ms| ms.as_u64().unwrap()).sum();
    let events = story["events"].as_array().unwrap();
    let at = |event: &Value| event["at_ms"].as_u64().unwrap();
    assert_eq!(sum, at(&events[events.len() - 1]) - at(&events[0]), "{story:#}");
    for object in story["objects"].as_array().unwrap() {
        let path = folder.path("out/.tableread/store").join(object["key"].as_str().unwrap());
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(object["bytes"].is_null() || object["bytes"] == size, "{object}");
    }
    assert_eq!(story["objects"].as_array().unwrap().len(), 4);
}

#[test]
fn a_line_that_is_not_clear_is_asked_about() {
    let folder = Folder::rendered();
    let many = stderr(&expect(1, &mut folder.tableread("logs sc001 --out out")));
    assert!(many.contains("lines that begin with `sc001`; name one:"), "{many}");
    assert!(many.contains(&format!("tableread logs sc001-l0002 --episode {EPISODE}")), "{many}");
    let none = stderr(&expect(1, &mut folder.tableread("logs xc001-l0001 --out out")));
    assert!(none.contains("did you mean `sc"), "{none}");
    let lost =
        stderr(&expect(1, &mut folder.tableread("logs sc001-l0001 --episode lost --out out")));
    assert!(lost.contains(EPISODE), "{lost}");

    // A second episode has lines of the same names.
    let second = format!("enqueue {} --episode second --out out", lighthouse());
    expect(0, &mut folder.tableread(&second));
    let both = stderr(&expect(1, &mut folder.tableread("logs sc001-l0001 --out out")));
    assert!(both.contains("2 lines called") && both.contains("--episode second"), "{both}");
    let story = expect(0, &mut folder.tableread("logs sc001-l0001 --episode second --out out"));
    assert!(stdout(&story).contains("second"));
}

#[test]
fn a_night_is_paid_for_in_machine_time() {
    let folder = Folder::rendered();
    let json = stdout(&expect(0, &mut folder.tableread("status --cost --json --out out")));
    let cost: Value = serde_json::from_str(&json).unwrap();
    let total = &cost["total"];
    assert_eq!((&total["spoken"], &total["mastered"]), (&40.into(), &40.into()), "{cost:#}");
    let busy_ms = total["busy_ms"].as_u64().unwrap();
    assert!(busy_ms > 0 && total["audio_ms"].as_u64().unwrap() > 60_000, "{cost:#}");
    let told = stdout(&expect(0, &mut folder.tableread("status --cost --since 2d --out out")));
    assert!(told.contains("of machine time for"), "{told}");
    expect(2, &mut folder.tableread("status --cost --watch --out out"));
}
