//! The contract, kept by a Redis server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod server;
mod suite;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use queue::{Clock, Queue, RedisQueue};
use server::Server;
use suite::Harness;

/// A queue in a server of its own.
struct InServer {
    server: Server,
    now: Arc<AtomicU64>,
}

impl Harness for InServer {
    fn connect(&self) -> Arc<dyn Queue> {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || now.load(Ordering::SeqCst));
        Arc::new(RedisQueue::open_with(&self.server.address(), clock).unwrap())
    }

    fn pass(&self, ms: u64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    fn audit(&self) {
        let wrong: Vec<String> = redis::Script::new(include_str!("audit.lua"))
            .key("{tableread:farm}:")
            .invoke(&mut self.server.connection())
            .unwrap();
        assert_eq!(wrong, [""; 0]);
    }
}

fn fresh() -> InServer {
    InServer { server: Server::start(&[]), now: Arc::new(AtomicU64::new(1_700_000_000_000)) }
}

contract!(crate::fresh);
