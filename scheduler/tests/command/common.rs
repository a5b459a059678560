//! A folder to work in and the commands to run there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use schemas::Manifest;
use sha2::{Digest as _, Sha256};

/// Path of `tableread-worker`, built when it is not: cargo builds only this package's binaries for
/// its tests.
static WORKER: LazyLock<PathBuf> = LazyLock::new(|| {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "-p", "worker", "--bin", "tableread-worker"])
        .status()
        .expect("cargo runs");
    assert!(status.success(), "tableread-worker cannot be built");
    Path::new(env!("CARGO_BIN_EXE_tableread")).with_file_name("tableread-worker")
});

/// A folder of its own for one test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `tableread` with these arguments, separated by spaces, to be run in the folder.
    pub(crate) fn tableread(&self, args: &str) -> Command {
        self.command(Path::new(env!("CARGO_BIN_EXE_tableread")), args)
    }

    /// `tableread-worker`, likewise.
    pub(crate) fn worker(&self, args: &str) -> Command {
        self.command(&WORKER, args)
    }

    fn command(&self, program: &Path, args: &str) -> Command {
        let mut command = Command::new(program);
        command.args(args.split_whitespace()).current_dir(self.0.path()).env_remove("RUST_LOG");
        command
    }

    pub(crate) fn manifest(&self, out: &str) -> Manifest {
        let json = std::fs::read(self.path(out).join("manifest.json")).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    /// SHA-256 of every object below `out`'s store whose key starts with `prefix`, by path.
    pub(crate) fn objects(&self, out: &str, prefix: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(out).join(".tableread/store").join(prefix);
        let mut found = BTreeMap::new();
        let mut open = vec![root];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let hash = Sha256::digest(std::fs::read(&path).unwrap()).to_vec();
                    found.insert(path.strip_prefix(self.path(out)).unwrap().to_owned(), hash);
                }
            }
        }
        found
    }
}

/// Path of a fixture as text.
pub(crate) fn fixture(relative: &str) -> String {
    fixtures::path(relative).to_str().unwrap().to_owned()
}

/// Arguments that name the short shipped episode and its cast.
pub(crate) fn lighthouse() -> String {
    let script = fixture("screenplays/lighthouse.fountain");
    format!("{script} --cast {}", fixture("casts/lighthouse.toml"))
}

/// Runs a command and asserts its exit code; both outputs are shown when it differs.
#[track_caller]
pub(crate) fn expect(code: i32, command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\n{}\n{}",
        stdout(&output),
        stderr(&output)
    );
    output
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
