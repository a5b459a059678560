//! The commands that make a worker a service, run in a home of their own against stand-ins of the
//! system's tools: what they would call, and what they leave on the disk.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LAUNCHCTL: &str = r#"#!/bin/bash
loaded=$STATE/loaded pid=$STATE/pid
case "$1 $2" in
    "print "*/tableread.worker)
        [ -e "$loaded" ] || exit 113
        if [ -e "$pid" ]; then printf '\tpid = %s\n' "$(cat "$pid")"; fi
        exit 0 ;;
    "print "*) exit 0 ;;
esac
echo "launchctl $*" >>"$STATE/calls"
case $1 in
    kill) rm -f "$pid" ;;
    bootout) rm -f "$loaded" "$pid" ;;
    bootstrap) touch "$loaded"; echo 41 >"$pid" ;;
esac
"#;

const SYSTEMCTL: &str = "#!/bin/bash\necho \"${0##*/} $*\" >>\"$STATE/calls\"\n";

/// What stands in for the worker: answers `doctor` as it is told to, and shows how it was started.
const WORKER: &str = r#"#!/bin/bash
# version ONE
if [ "$1" = doctor ]; then [ ! -e "$STATE/ill" ]; exit; fi
echo "arguments: $*"
echo "store: $TABLEREAD_STORE" >&2
"#;

struct Machine {
    folder: tempfile::TempDir,
    system: &'static str,
}

impl Machine {
    fn new(system: &'static str) -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap(), system };
        for folder in ["home", "state", "tools"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        machine.tool("launchctl", LAUNCHCTL);
        machine.tool("systemctl", SYSTEMCTL);
        machine.tool("loginctl", SYSTEMCTL);
        machine.tool("uname", &format!("#!/bin/bash\necho {system}\n"));
        machine.tool("id", "#!/bin/bash\nif [ \"$1\" = -u ]; then echo 501; else echo ada; fi\n");
        machine.tool("hostname", "#!/bin/bash\necho Mini-7\n");
        machine.tool("worker", WORKER);
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn home(&self, name: &str) -> PathBuf {
        self.path("home").join(name)
    }

    fn tool(&self, name: &str, text: &str) {
        let path = self.path("tools").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn settings(&self) -> PathBuf {
        match self.system {
            "Darwin" => self.home("Library/Application Support/Tableread/worker.env"),
            _ => self.home(".config/tableread/worker.env"),
        }
    }

    fn program(&self) -> PathBuf {
        match self.system {
            "Darwin" => self.home("Library/Application Support/Tableread/bin/tableread-worker"),
            _ => self.home(".local/lib/tableread/tableread-worker"),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let tools = self.path("tools");
        let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let mut command = Command::new("bash");
        command
            .arg(program)
            .env_clear()
            .env("PATH", format!("{}:{path}", tools.display()))
            .env("HOME", self.path("home"))
            .env("STATE", self.path("state"));
        command
    }

    /// Runs one of the commands with the stand-in for a program, where it wants one.
    fn run(&self, name: &str, environment: &[(&str, &str)]) -> Output {
        let folder = if self.system == "Darwin" { "launchd" } else { "systemd" };
        let mut command = self.command(&ops().join(folder).join(name));
        if matches!(name, "install" | "upgrade") {
            command.arg("--bin").arg(self.path("tools/worker"));
        }
        command.envs(environment.iter().copied()).output().unwrap()
    }

    /// What was asked of the system since this was asked last.
    fn calls(&self) -> Vec<String> {
        let path = self.path("state/calls");
        let calls = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, "").unwrap();
        calls.lines().map(str::to_owned).collect()
    }
}

fn ops() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops")
}

const PLACES: [(&str, &str); 3] = [
    ("TABLEREAD_QUEUE", "redis://:hunter2@queue.example"),
    ("TABLEREAD_STORE", "s3://audio/$HOME & \"more\""),
    ("AWS_SECRET_ACCESS_KEY", "hunter2"),
];

fn ok(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn one_command_installs_a_worker_on_a_mac_and_starts_it() {
    let mac = Machine::new("Darwin");
    ok(&mac.run("install", &PLACES));
    let plist = mac.home("Library/LaunchAgents/tableread.worker.plist");
    let started = [
        format!("launchctl bootstrap gui/501 {}", plist.display()),
        "launchctl kickstart gui/501/tableread.worker".to_owned(),
    ];
    assert_eq!(mac.calls(), started);
    assert_eq!(mode(&mac.settings()), 0o600);
    let settings = fs::read_to_string(mac.settings()).unwrap();
    assert!(settings.contains("TABLEREAD_WORKER_NAME=mini-7"), "{settings}");
    let text = fs::read_to_string(&plist).unwrap();
    assert!(!text.contains("hunter2"), "a secret in a file that everyone may read");
    let service = parsed(&plist);
    assert_eq!(service["Label"], "tableread.worker");
    assert_eq!(service["KeepAlive"]["SuccessfulExit"], false);
    assert_eq!((&service["RunAtLoad"], &service["LowPriorityIO"]), (&true.into(), &false.into()));
    assert_eq!(service["ProcessType"], "Interactive");
    let starts = service["ProgramArguments"][0].as_str().unwrap();
    assert!(Path::new(starts).is_file(), "{starts}");

    // What launchd would start: the settings as they stand, and a log in a file.
    let ran = mac.command(Path::new(starts)).output().unwrap();
    ok(&ran);
    let log = mac.home("Library/Logs/Tableread/worker.log");
    let written = until_it_has(&log, "store: ");
    assert!(written.contains("store: s3://audio/$HOME & \"more\"\n"), "{written}");
    assert!(
        written.contains("arguments: run --drain-on-sigterm=true --drain-seconds 120\n"),
        "{written}"
    );

    // Again: repairs and restarts, and keeps what was set by hand.
    fs::write(mac.settings(), format!("{settings}TABLEREAD_LOG_FORMAT=json\n")).unwrap();
    ok(&mac.run("install", &[]));
    let again = mac.calls();
    assert_eq!(again[0], "launchctl kill SIGTERM gui/501/tableread.worker");
    assert_eq!(again[1], "launchctl bootout gui/501/tableread.worker");
    assert_eq!(again[2..], started);
    assert!(fs::read_to_string(mac.settings()).unwrap().ends_with("TABLEREAD_LOG_FORMAT=json\n"));
}

/// The log's writer goes on after the worker has ended, until it has read everything.
fn until_it_has(log: &Path, piece: &str) -> String {
    let since = std::time::Instant::now();
    while since.elapsed() < std::time::Duration::from_mins(1) {
        let text = fs::read_to_string(log).unwrap_or_default();
        if text.contains(piece) && text.contains("arguments: ") {
            return text;
        }
        std::thread::yield_now();
    }
    panic!("{} never has `{piece}`", log.display());
}

/// A plist as macOS would read it.
fn parsed(plist: &Path) -> serde_json::Value {
    let script =
        "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let read = Command::new("python3").args(["-c", script]).arg(plist).output();
    let read = read.expect("python3 is installed by ops/setup");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

#[test]
fn one_command_installs_a_worker_on_linux_and_starts_it() {
    let linux = Machine::new("Linux");
    ok(&linux.run("install", &PLACES));
    let started = [
        "loginctl enable-linger ada",
        "systemctl --user daemon-reload",
        "systemctl --user enable tableread-worker.service",
        "systemctl --user restart tableread-worker.service",
    ];
    assert_eq!(linux.calls(), started);
    assert_eq!(mode(&linux.settings()), 0o600);
    assert!(linux.program().is_file());
    let unit = linux.home(".config/systemd/user/tableread-worker.service");
    let unit = fs::read_to_string(unit).unwrap();
    assert!(unit.contains("ExecStart=%h/.local/lib/tableread/tableread-worker run "), "{unit}");
    assert!(unit.contains("EnvironmentFile=%h/.config/tableread/worker.env"), "{unit}");
    // A worker that drains is given more time than it takes.
    assert!(unit.contains("--drain-seconds 120") && unit.contains("TimeoutStopSec=150"), "{unit}");
}

#[test]
fn an_upgrade_drains_replaces_and_starts_and_keeps_the_old_program() {
    for system in ["Darwin", "Linux"] {
        let machine = Machine::new(system);
        ok(&machine.run("install", &PLACES));
        machine.calls();
        machine.tool("worker", &WORKER.replace("ONE", "TWO"));
        ok(&machine.run("upgrade", &[]));
        let calls = machine.calls().join("\n");
        let (stop, start) = match system {
            "Darwin" => ("launchctl kill SIGTERM", "launchctl kickstart"),
            _ => ("systemctl --user stop", "systemctl --user start"),
        };
        assert!(calls.find(stop).unwrap() < calls.find(start).unwrap(), "{calls}");
        let is_now = fs::read_to_string(machine.program()).unwrap();
        assert!(is_now.contains("version TWO"), "{system}");
        let before = machine.program().with_extension("before");
        assert!(fs::read_to_string(before).unwrap().contains("version ONE"), "{system}");
    }
}

#[test]
fn a_program_that_cannot_render_replaces_nothing_and_stops_nothing() {
    for system in ["Darwin", "Linux"] {
        let machine = Machine::new(system);
        ok(&machine.run("install", &PLACES));
        machine.calls();
        machine.tool("worker", &WORKER.replace("ONE", "TWO"));
        fs::write(machine.path("state/ill"), "").unwrap();
        let refused = machine.run("upgrade", &[]);
        assert_eq!(refused.status.code(), Some(1), "{system}");
        assert_eq!(machine.calls(), Vec::<String>::new(), "{system}");
        assert!(fs::read_to_string(machine.program()).unwrap().contains("version ONE"), "{system}");
    }
}

#[test]
fn without_a_queue_nothing_is_started_and_the_file_to_write_it_into_is_named() {
    for system in ["Darwin", "Linux"] {
        let machine = Machine::new(system);
        let refused = machine.run("install", &[("TABLEREAD_STORE", "/srv/audio")]);
        assert_eq!(refused.status.code(), Some(1), "{system}");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains("TABLEREAD_QUEUE is missing"), "{told}");
        assert!(told.contains(&*machine.settings().to_string_lossy()), "{told}");
        assert_eq!(machine.calls(), Vec::<String>::new(), "{system}");
    }
}

#[test]
fn a_drained_worker_is_told_once_and_stays_installed() {
    for (system, asked) in [
        ("Darwin", "launchctl kill SIGTERM gui/501/tableread.worker"),
        ("Linux", "systemctl --user stop tableread-worker.service"),
    ] {
        let machine = Machine::new(system);
        let refused = machine.run("drain", &[]);
        assert_eq!(refused.status.code(), Some(1), "{system}: nothing is installed yet");
        ok(&machine.run("install", &PLACES));
        machine.calls();
        ok(&machine.run("drain", &[]));
        assert_eq!(machine.calls(), [asked]);
        assert!(machine.program().is_file());
    }
}

#[test]
fn what_is_uninstalled_leaves_the_settings_and_nothing_that_runs() {
    for system in ["Darwin", "Linux"] {
        let machine = Machine::new(system);
        ok(&machine.run("install", &PLACES));
        ok(&machine.run("uninstall", &[]));
        assert!(!machine.program().exists(), "{system}");
        assert!(machine.settings().is_file(), "{system}");
        assert!(!machine.home("Library/LaunchAgents/tableread.worker.plist").exists());
        assert!(!machine.home(".config/systemd/user/tableread-worker.service").exists());
        assert!(!machine.path("state/loaded").exists());
        // Once more is no error.
        ok(&machine.run("uninstall", &[]));
    }
}

#[test]
fn the_commands_of_the_other_system_refuse_and_name_the_right_ones() {
    let linux = Machine::new("Linux");
    let refused = linux.command(&ops().join("launchd/install")).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("use ops/systemd"));
    let mac = Machine::new("Darwin");
    let refused = mac.command(&ops().join("systemd/install")).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("use ops/launchd"));
}

#[test]
fn a_log_does_not_grow_for_ever_and_loses_only_its_oldest_lines() {
    use std::io::Write;
    use std::process::Stdio;
    let machine = Machine::new("Darwin");
    let log = machine.path("logs/worker.log");
    let mut rotate = machine
        .command(&ops().join("launchd/rotate"))
        .arg(&log)
        .arg("1000")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to_log = rotate.stdin.take().unwrap();
    for number in 0..2_000 {
        writeln!(to_log, "line {number:04}").unwrap();
    }
    drop(to_log);
    assert!(rotate.wait().unwrap().success());
    let numbered = |number: u32| machine.path("logs").join(format!("worker.log.{number}"));
    let mut lines = Vec::new();
    for file in (1..=5).rev().map(numbered).chain([log]) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.len() <= 1_000, "{} has {}", file.display(), text.len());
        lines.extend(text.lines().map(str::to_owned));
    }
    assert!(!numbered(6).exists());
    let kept = (2_000 - lines.len()..2_000).map(|number| format!("line {number:04}"));
    assert_eq!(lines, kept.collect::<Vec<_>>());
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_understands_the_unit() {
    let unit = ops().join("systemd/tableread-worker.service");
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(unit).unwrap();
    // A program that is there, or its absence is all that is told.
    let text = text.replace("%h/.local/lib/tableread/tableread-worker", "/bin/true");
    let path = folder.path().join("tableread-worker.service");
    fs::write(&path, text).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && told.is_empty(), "{told}");
}
