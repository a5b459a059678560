//! The contract, kept by a Redis server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod server;
mod suite;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use queue::{Clock, Queue, RedisQueue};
use server::Server;
use suite::Harness;
use suite::world::{drain, id, submission, submission_id, want};

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

#[tokio::test]
async fn a_story_outlives_what_is_kept_of_all_events() {
    let harness = fresh();
    let queue = harness.connect();
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    drain(&*queue, &want("a")).await;
    let story = queue.line_events(&submission_id("ep.1"), &id(1)).await.unwrap();
    assert_eq!(story.len(), 8, "{story:?}");
    let trimmed: u64 = redis::cmd("XTRIM")
        .arg(&["{tableread:farm}:events", "MAXLEN", "0"])
        .query(&mut harness.server.connection())
        .unwrap();
    assert_eq!(trimmed, 8);
    assert_eq!(queue.events(0, 10).await.unwrap(), []);
    assert_eq!(queue.line_events(&submission_id("ep.1"), &id(1)).await.unwrap(), story);
}
