//! A Redis server of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server with an append-only file in a folder of its own, reached by a socket in that folder.
/// It ends with this.
pub(crate) struct Server {
    pub(crate) folder: tempfile::TempDir,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts one; `settings` are as in its configuration, e.g. `--requirepass`, `secret`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|&word| word.to_owned()).collect();
        let mut server = Self { folder: tempfile::tempdir().unwrap(), settings, child: None };
        server.up();
        server
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Its address for a queue.
    pub(crate) fn address(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it again, on the files that it left.
    pub(crate) fn up(&mut self) {
        drop(std::fs::remove_file(self.socket()));
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "everysec", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.settings)
            .stdout(Stdio::null())
            .spawn()
            .expect(
                "these tests start redis-server: `ops/setup` installs it (`apt-get install \
                 redis-server`, `brew install redis`)",
            );
        self.child = Some(child);
        let began = Instant::now();
        while !answers(&self.socket()) {
            assert!(began.elapsed() < Duration::from_secs(20), "redis-server does not answer");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// A connection beside the queue's.
    pub(crate) fn connection(&self) -> redis::Connection {
        connect(&self.socket()).unwrap()
    }
}

fn connect(socket: &Path) -> redis::RedisResult<redis::Connection> {
    redis::Client::open(format!("redis+unix://{}", socket.display()))?.get_connection()
}

/// Whether it answers; one that wants a password first does.
fn answers(socket: &Path) -> bool {
    let Ok(mut connection) = connect(socket) else { return false };
    match redis::cmd("PING").query::<String>(&mut connection) {
        Ok(_) => true,
        Err(err) => err.code() == Some("NOAUTH"),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
