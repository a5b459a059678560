//! What can happen to a queue's server: crashes, pauses, cut connections, refusals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]
#![expect(dead_code, reason = "shared with the contract's suite, which uses all of it")]

mod server;
#[path = "suite/world.rs"]
mod world;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use queue::{Clock, Fence, Queue, QueueError, RedisQueue, Want};
use schemas::{LineState as S, Stage as G, Verdict};
use server::Server;
use world::*;

fn queue(server: &Server) -> RedisQueue {
    RedisQueue::open(&server.address()).unwrap()
}

/// A queue whose time stands still, and its time.
fn timed(server: &Server) -> (RedisQueue, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(1_700_000_000_000));
    let time = Arc::clone(&now);
    let clock: Clock = Arc::new(move || time.load(Ordering::SeqCst));
    (RedisQueue::open_with(&server.address(), clock).unwrap(), now)
}

/// Calls until the queue can be reached. Anything but an outage is an error.
async fn patiently<T>(call: impl AsyncFn() -> Result<T, QueueError>) -> T {
    for _ in 0..200 {
        match call().await {
            Ok(value) => return value,
            Err(QueueError::Unavailable { .. }) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(err) => panic!("{err:?}"),
        }
    }
    panic!("the queue did not come back")
}

fn ask(server: &Server, words: &[&str]) -> redis::Value {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query(&mut server.connection()).unwrap()
}

async fn done(queue: &RedisQueue, name: &str) -> u64 {
    queue.progress(&submission_id(name)).await.unwrap().unwrap().lines.done
}

#[tokio::test]
async fn a_killed_server_has_lost_nothing_that_it_answered() {
    let mut server = Server::start(&[]);
    let queue = queue(&server);
    let lines: Vec<_> = (0..10).map(|n| ("mira", n)).collect();
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let few = Want { max_lines: 5, ..want("a") };
    let mut settled = 0;
    for _ in 0..2 {
        let batch =
            patiently(async || queue.claim(&few).await).await.expect("something to be done");
        for line in &batch.lines {
            let id = &line.job.id;
            assert_eq!(patiently(async || queue.start(&batch.lease, id).await).await, Fence::Held);
            server.kill();
            server.up();
            let fence = patiently(async || queue.settle(&batch.lease, id, &spoken()).await).await;
            assert_eq!(fence, Fence::Held);
            settled += 1;
            server.kill();
            server.up();
            let progress =
                patiently(async || queue.progress(&batch.submission).await).await.unwrap();
            assert_eq!(progress.lines.spoken, settled);
        }
    }
    assert_eq!(drain(&queue, &want("b")).await, 10);
    assert_eq!(done(&queue, "ep.1").await, 10);
}

#[tokio::test]
async fn a_server_that_is_down_is_an_outage_and_not_the_end() {
    let mut server = Server::start(&[]);
    let queue = queue(&server);
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    server.kill();
    for _ in 0..3 {
        let err = queue.claim(&want("a")).await.unwrap_err();
        assert!(matches!(err, QueueError::Unavailable { .. }), "{err:?}");
    }
    server.up();
    assert_eq!(queue.claim(&want("a")).await.unwrap().map(|it| it.lines.len()), Some(1));
}

#[tokio::test]
async fn a_pause_of_the_server_is_waited_out() {
    let server = Server::start(&[]);
    let queue = queue(&server);
    queue.submit(submission("ep.1", &[("mira", 1), ("mira", 2)])).await.unwrap();
    ask(&server, &["CLIENT", "PAUSE", "2000", "ALL"]);
    let batch = claim(&queue, &want("a")).await;
    finish(&queue, &batch).await;
    assert_eq!(drain(&queue, &want("a")).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_repeated_after_a_cut_connection_are_recorded_once() {
    let server = Server::start(&[]);
    let queue = queue(&server);
    let lines: Vec<_> = (0..300).map(|n| ("mira", n)).collect();
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let batch = claim(&queue, &Want { max_lines: 300, ..want("a") }).await;
    // A report whose answer was lost is refused when it is repeated: it was recorded.
    let reporting = futures::future::join_all(batch.lines.iter().map(|line| async {
        patiently(async || queue.start(&batch.lease, &line.job.id).await).await;
        patiently(async || queue.settle(&batch.lease, &line.job.id, &spoken()).await).await;
    }));
    let cutting = async {
        for _ in 0..20 {
            ask(&server, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(reporting, cutting);
    let progress = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!((progress.lines.spoken, progress.audio_ms), (300, 300_000));
    let events = queue.events(0, 10_000).await.unwrap();
    let mut times = HashMap::new();
    for event in events {
        *times.entry((event.line, event.what)).or_insert(0) += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

#[tokio::test]
async fn a_wrong_password_is_told_with_advice_and_without_the_password() {
    let server = Server::start(&["--requirepass", "right-horse"]);
    for (query, word) in [("?pass=wrong-horse", "password"), ("", "password")] {
        let address = format!("{}{query}", server.address());
        let queue = queue::open(&address).unwrap();
        let err = queue.submissions(None).await.unwrap_err();
        let QueueError::Broken { advice, .. } = &err else { panic!("{err:?}") };
        assert!(advice.contains(word), "{advice}");
        let all = format!("{err} {err:?} {queue:?}");
        assert!(!all.contains("wrong-horse"), "{all}");
    }
    let queue = queue::open(&format!("{}?pass=right-horse", server.address())).unwrap();
    assert_eq!(queue.submissions(None).await.unwrap(), []);
}

#[tokio::test]
async fn a_user_of_the_farm_needs_no_more_than_is_said() {
    let server = Server::start(&[]);
    let rights = ["~{tableread:*", "+@all", "-@dangerous", "+info", "+config|get"];
    ask(&server, &[&["ACL", "SETUSER", "farm", "on", ">pass"], &rights[..]].concat());
    ask(&server, &["ACL", "SETUSER", "guest", "on", ">pass", "~*", "+@read", "+info"]);
    let farm = queue::open(&format!("{}?user=farm&pass=pass", server.address())).unwrap();
    farm.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    assert_eq!(drain(&*farm, &want("a")).await, 2);
    assert_eq!(farm.doubts().await.unwrap().len(), 1);
    let guest = queue::open(&format!("{}?user=guest&pass=pass", server.address())).unwrap();
    let err = guest.submissions(None).await.unwrap_err();
    assert!(
        matches!(&err, QueueError::Broken { advice, .. } if advice.contains("allow")),
        "{err:?}"
    );
}

#[tokio::test]
async fn a_replica_is_an_outage_until_it_is_promoted() {
    let server = Server::start(&[]);
    let queue = queue(&server);
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    ask(&server, &["REPLICAOF", "127.0.0.1", "1"]);
    let err = queue.claim(&want("a")).await.unwrap_err();
    assert!(matches!(err, QueueError::Unavailable { .. }), "{err:?}");
    ask(&server, &["REPLICAOF", "NO", "ONE"]);
    let batch = patiently(async || queue.claim(&want("a")).await).await;
    assert_eq!(batch.map(|it| it.lines.len()), Some(1));
}

#[tokio::test]
async fn a_full_server_is_an_outage_and_nothing_is_done_by_halves() {
    let server = Server::start(&[]);
    let queue = queue(&server);
    let lines: Vec<_> = (0..600).map(|n| ("mira", n)).collect();
    queue.submit(submission("one.1", &lines)).await.unwrap();
    let batch = claim(&queue, &want("a")).await;
    ask(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    let id = &batch.lines[0].job.id;
    let refused = [
        queue.submit(submission("two.1", &lines)).await.unwrap_err(),
        queue.settle(&batch.lease, id, &spoken()).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|err| matches!(err, QueueError::Unavailable { .. })), "{refused:?}");
    let progress = queue.progress(&submission_id("one.1")).await.unwrap().unwrap();
    assert_eq!((progress.lines.speaking, progress.lines.waiting), (100, 500));
    ask(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(queue.settle(&batch.lease, id, &spoken()).await.unwrap(), Fence::Held);
    assert_eq!(queue.submit(submission("two.1", &lines)).await.unwrap().lines, 600);
}

#[tokio::test]
async fn thousands_of_due_lines_and_ended_leases_are_brought_up_to_the_present() {
    let server = Server::start(&[]);
    let (queue, now) = timed(&server);
    let lines: Vec<_> = (0..9_000).map(|n| (["mira", "otto"][n % 2], 1)).collect();
    queue.submit(submission("ep.1", &lines)).await.unwrap();
    let most = Want { max_lines: 4_500, ..want("a") };
    for _ in 0..2 {
        let batch = claim(&queue, &most).await;
        let failing = batch.lines.iter().map(|line| {
            let (queue, lease) = (&queue, &batch.lease);
            async move { queue.settle(lease, &line.job.id, &failed(Verdict::Retry)).await }
        });
        for fence in futures::future::join_all(failing).await {
            assert_eq!(fence.unwrap(), Fence::Held);
        }
    }
    let progress = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!(progress.lines.delayed, 9_000);
    now.fetch_add(1_000, Ordering::SeqCst);
    let few = Want { max_lines: 50, ..want("b") };
    for _ in 0..180 {
        assert_eq!(claim(&queue, &few).await.lines.len(), 50);
    }
    assert_eq!(queue.claim(&few).await.unwrap(), None);
    now.fetch_add(LEASE_MS, Ordering::SeqCst);
    let progress = queue.progress(&submission_id("ep.1")).await.unwrap().unwrap();
    assert_eq!((progress.lines.waiting, progress.lines.speaking), (9_000, 0));
}

#[tokio::test]
async fn a_server_that_forgot_the_functions_is_taught_them_again() {
    let server = Server::start(&[]);
    let queue = queue(&server);
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    ask(&server, &["SCRIPT", "FLUSH"]);
    let batch = claim(&queue, &want("a")).await;
    ask(&server, &["SCRIPT", "FLUSH"]);
    finish(&queue, &batch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_goes_to_two_of_many_that_race_for_it() {
    let server = Server::start(&[]);
    let lines: Vec<_> = (0..400).map(|n| (["mira", "otto", "ada", "eve"][n % 4], 10)).collect();
    queue(&server).submit(submission("ep.1", &lines)).await.unwrap();
    let racing = (0..8).map(|worker| {
        let queue = queue(&server);
        tokio::spawn(async move {
            let few = Want { max_lines: 3, ..want(&format!("w{worker}")) };
            let mut got = Vec::new();
            while let Some(batch) = queue.claim(&few).await.unwrap() {
                got.extend(numbers(&batch));
            }
            got
        })
    });
    let mut all = Vec::new();
    for got in futures::future::join_all(racing).await {
        all.extend(got.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (1..=400).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_is_there_whole_or_not_at_all() {
    let mut server = Server::start(&[]);
    let lines: Vec<_> = (0..6_000).map(|n| (["mira", "otto"][n % 2], 10)).collect();
    for wait_ms in [1, 20, 60] {
        let name = format!("ep{wait_ms}.1");
        let (queue, new) = (queue(&server), submission(&name, &lines));
        let (submitting, copy) = (queue.clone(), new.clone());
        let task = tokio::spawn(async move { submitting.submit(copy).await });
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        server.kill();
        server.up();
        let answered = task.await.unwrap();
        let found = patiently(async || queue.progress(&submission_id(&name)).await).await;
        match &found {
            None => assert!(answered.is_err(), "{answered:?}"),
            Some(progress) => assert_eq!(progress.lines.waiting, 6_000),
        }
        let again = patiently(async || queue.submit(new.clone()).await).await;
        assert_eq!(again.lines, if found.is_some() { 0 } else { 6_000 });
        let progress = queue.progress(&submission_id(&name)).await.unwrap().unwrap();
        assert_eq!(progress.lines.waiting, 6_000);
    }
}

#[tokio::test]
async fn what_was_staged_and_left_is_swept_away() {
    let server = Server::start(&[]);
    let (queue, now) = timed(&server);
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let lines: Vec<_> = (0..600).map(|n| ("mira", n)).collect();
    ask(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    queue.submit(submission("two.1", &lines)).await.unwrap_err();
    ask(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    // As if whoever submitted had been killed before it published.
    let prefix = "{tableread:farm}:";
    ask(&server, &["HSET", &format!("{prefix}staged"), "9", "0 600 1 1"]);
    ask(
        &server,
        &["ZADD", &format!("{prefix}staging"), &now.load(Ordering::SeqCst).to_string(), "9"],
    );
    for place in 0..600 {
        ask(&server, &["HSET", &format!("{prefix}s:9:l:{place}"), "id", "x"]);
    }
    let keys = || match ask(&server, &["KEYS", &format!("{prefix}s:9:*")]) {
        redis::Value::Array(keys) => keys.len(),
        other => panic!("{other:?}"),
    };
    queue.submit(submission("three.1", &[("mira", 1)])).await.unwrap();
    assert_eq!(keys(), 600, "it may still be going on");
    now.fetch_add(3_600_001, Ordering::SeqCst);
    queue.submit(submission("four.1", &[("mira", 1)])).await.unwrap();
    assert_eq!(keys(), 0);
    assert_eq!(queue.submissions(None).await.unwrap().len(), 3);
}

#[tokio::test]
async fn farms_of_different_names_share_a_server() {
    let server = Server::start(&[]);
    let one = RedisQueue::open(&format!("{}?prefix=one", server.address())).unwrap();
    let two = RedisQueue::open(&format!("{}?prefix=two", server.address())).unwrap();
    one.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    assert_eq!(two.submissions(None).await.unwrap(), []);
    assert_eq!(two.claim(&want("a")).await.unwrap(), None);
    assert_eq!(drain(&one, &want("a")).await, 2);
}

/// A port that nobody listens on for now.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[tokio::test]
async fn one_node_of_a_cluster_holds_a_farm() {
    let (port, bus) = (free_port(), free_port());
    let settings = ["--cluster-enabled", "yes", "--port", &port, "--cluster-port", &bus];
    let server = Server::start(&settings);
    let queue = RedisQueue::open(&format!("redis://127.0.0.1:{port}")).unwrap();
    let err = queue.submissions(None).await.unwrap_err();
    assert!(matches!(err, QueueError::Unavailable { .. }), "no node has its slot: {err:?}");
    ask(&server, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let lines = [("mira", 1), ("otto", 2)];
    patiently(async || queue.submit(submission("ep.1", &lines)).await).await;
    assert_eq!(drain(&queue, &want("a")).await, 4);
    queue.forget(&submission_id("ep.1")).await.unwrap();
}

#[tokio::test]
#[ignore = "needs QUEUE_ADDRESS, a rediss:// server whose certificate this machine trusts"]
async fn a_server_is_reached_by_tls() {
    let address = std::env::var_os("QUEUE_ADDRESS").expect("set by whoever runs ignored tests");
    let address = address.into_string().unwrap();
    assert!(address.starts_with("rediss://"), "no TLS");
    let queue = RedisQueue::open(&address).unwrap();
    queue.submit(submission("tls.1", &[("mira", 1)])).await.unwrap();
    assert_eq!(drain(&queue, &want("a")).await, 2);
    queue.forget(&submission_id("tls.1")).await.unwrap();
}

#[tokio::test]
async fn time_is_the_servers() {
    let server = Server::start(&[]);
    let queue = queue(&server);
    queue.submit(submission("ep.1", &[("mira", 1)])).await.unwrap();
    let redis::Value::Array(time) = ask(&server, &["TIME"]) else { panic!("no time") };
    let redis::Value::BulkString(seconds) = &time[0] else { panic!("no seconds") };
    let seconds: u64 = std::str::from_utf8(seconds).unwrap().parse().unwrap();
    let event = &queue.events(0, 1).await.unwrap()[0];
    assert!(event.at_ms.abs_diff(seconds * 1_000) < 60_000, "{event:?}");
    let short = Want { lease_ms: 1, ..want("a") };
    let batch = claim(&queue, &short).await;
    tokio::time::sleep(Duration::from_millis(3)).await;
    assert_eq!(queue.start(&batch.lease, &id(1)).await.unwrap(), Fence::Refused);
    assert_eq!(states(&queue, "ep.1").await, [(G::Speak, S::Waiting)]);
}

#[tokio::test]
async fn a_newer_layout_is_left_alone() {
    let server = Server::start(&[]);
    ask(&server, &["SET", "{tableread:farm}:layout", "7000"]);
    let err = queue(&server).submissions(None).await.unwrap_err();
    assert!(matches!(err, QueueError::Version { found: 7_000, .. }), "{err:?}");
}

#[tokio::test]
async fn a_server_that_may_lose_lines_is_told_of() {
    let server = Server::start(&[]);
    let queue = queue(&server);
    let doubts = queue.doubts().await.unwrap();
    assert!(doubts.len() == 1 && doubts[0].contains("appendfsync always"), "{doubts:?}");
    ask(&server, &["CONFIG", "SET", "appendfsync", "always"]);
    assert_eq!(queue.doubts().await.unwrap(), [""; 0]);
    ask(&server, &["CONFIG", "SET", "appendonly", "no"]);
    assert!(queue.doubts().await.unwrap()[0].contains("appendonly yes"));
}
