//! A server to ask, and what to send to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use boon::{Compiler, Schemas};
use queue::{Queue, Want};
use scheduler::serve::{Limits, ServeError, Settings, Tokens, serve};
use schemas::{Batch, Failure, FailureKind, Outcome, Verdict, WorkerId};
use serde_json::{Value, json};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::{Ask, Reply};

/// Two people, three lines.
pub(crate) const SCRIPT: &str =
    "Title: Two Keys\n\nINT. HALL - DAY\n\nANN\nWho has the key?\n\nBOB\nI do.\n\nANN\nOpen up.\n";
/// Nobody chose voices: everybody gets a scratch voice.
pub(crate) const CAST: &str = "[characters.ANN]\n[characters.BOB]\n";

/// A server for as long as it is kept.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) store: Store,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
    document: Value,
}

/// What a server is started with.
#[derive(Default)]
pub(crate) struct With {
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    /// The store, when it is not the folder's.
    pub(crate) store: Option<Store>,
    /// Where it listens, when that is not to be any free port.
    pub(crate) address: Option<SocketAddr>,
}

impl Server {
    /// A server over the queue and the store of a folder.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, With::default()).await
    }

    pub(crate) async fn start_with(folder: &Path, with: With) -> Self {
        let home = folder.join(".tableread");
        std::fs::create_dir_all(&home).unwrap();
        let queue = queue::open(home.join("queue.db").to_str().unwrap()).unwrap();
        let store = match with.store {
            Some(store) => store,
            None => Store::open(home.join("store").to_str().unwrap()).await.unwrap(),
        };
        let address = with.address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let settings = Settings {
            queue: queue.clone(),
            store: store.clone(),
            exports: Some(folder.to_owned()),
            tokens: with.tokens,
            limits: with.limits,
        };
        let task = tokio::spawn(serve(settings, listener, stop.clone()));
        let document = Ask::get("/openapi.json").send(address).await.expect(200).json();
        Self { address, queue, store, stop, task, document }
    }

    /// The OpenAPI document.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Asks, and holds the answer to the document.
    pub(crate) async fn ask(&self, ask: Ask) -> Reply {
        let reply = ask.send(self.address).await;
        assert!(reply.header("x-request-id").is_some(), "{reply:?}");
        if reply.status >= 400 {
            let problem = reply.json();
            assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{problem}");
            assert_eq!(problem["status"], reply.status, "{problem}");
            assert_eq!(problem["request"].as_str(), reply.header("x-request-id"), "{problem}");
            assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
        }
        if let Some(operation) = self.operation(&ask) {
            self.hold_to(operation, &reply);
        }
        reply
    }

    pub(crate) async fn get(&self, path: impl Into<String>) -> Reply {
        self.ask(Ask::get(path)).await
    }

    pub(crate) async fn post(&self, path: impl Into<String>, body: &Value) -> Reply {
        self.ask(Ask::post(path).json(body)).await
    }

    /// Submits the short script and gives the answer.
    pub(crate) async fn submit(&self) -> Value {
        self.post("/v1/episodes", &episode()).await.expect(202).json()
    }

    /// Renders what the queue has with a worker of this process.
    pub(crate) async fn render(&self, cache: &Path) {
        let mut settings = worker::Settings::new(WorkerId::parse("test-worker").unwrap());
        settings.threads = 2;
        settings.until_empty = true;
        settings.poll_ms = 20;
        let cache = cache.join("cache");
        let open = move || worker::scratch_speaker(1, &cache, &worker::Programs::default());
        let drain = CancellationToken::new();
        worker::run(settings, self.queue.clone(), self.store.clone(), open, drain).await.unwrap();
    }

    /// Has a worker of that name take on lines of an episode; `None` when none are waiting.
    pub(crate) async fn hold(&self, episode: &str, worker: &str) -> Option<Batch> {
        let episode = schemas::EpisodeId::parse(episode).unwrap();
        let newest = self.queue.submissions(Some(&episode)).await.unwrap().remove(0);
        let records = self.queue.lines(&newest.submission).await.unwrap();
        let want = Want {
            worker: WorkerId::parse(worker).unwrap(),
            warm: Vec::new(),
            engines: records.iter().map(|record| record.job.engine.clone()).collect(),
            tags: std::collections::BTreeSet::new(),
            max_lines: 1_000,
            max_audio_ms: u64::MAX,
            lease_ms: 600_000,
        };
        self.queue.claim(&want).await.unwrap()
    }

    /// Has a worker fail a line of an episode for good, for a reason.
    pub(crate) async fn fail(&self, episode: &str, line: &str, why: &str) {
        let failure =
            Failure { verdict: Verdict::Reject, kind: FailureKind::Text, message: why.to_owned() };
        let mut held = Vec::new();
        while let Some(batch) = self.hold(episode, "clumsy").await {
            held.push(batch.lease.clone());
            let Some(found) = batch.lines.iter().find(|it| it.job.id.as_str() == line) else {
                continue;
            };
            self.queue.start(&batch.lease, &found.job.id).await.unwrap();
            let outcome = Outcome::Failed { failure };
            self.queue.settle(&batch.lease, &found.job.id, &outcome).await.unwrap();
            for lease in held {
                self.queue.release(&lease).await.unwrap();
            }
            return;
        }
        panic!("no line {line} is waiting");
    }

    /// Where it is, as a browser has it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends the server as SIGTERM does.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Tells the server to end, without waiting for it.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// What the document says of a request; `None` when it is about nothing that it knows.
    fn operation(&self, ask: &Ask) -> Option<&Value> {
        let path = ask.path.split('?').next().unwrap();
        let parts: Vec<_> = path.split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<_> = template.split('/').collect();
            wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(w, p)| w.starts_with('{') || w == p)
        };
        let paths = self.document["paths"].as_object().unwrap();
        let (_, operations) = paths
            .iter()
            .filter(|(template, _)| fits(template))
            // `/lines/{line}` and `/lines/audio.m4a` may both fit: the plainer one is meant.
            .min_by_key(|(template, _)| template.matches('{').count())?;
        operations.get(ask.method.to_ascii_lowercase())
    }

    #[track_caller]
    fn hold_to(&self, operation: &Value, reply: &Reply) {
        let id = &operation["operationId"];
        let mut answer = &operation["responses"][reply.status.to_string()];
        assert!(answer.is_object(), "{id} does not tell of {}: {}", reply.status, reply.text());
        if let Some(shared) = answer["$ref"].as_str() {
            answer = self.document.pointer(shared.strip_prefix('#').unwrap()).unwrap();
        }
        if reply.body.is_empty() {
            return;
        }
        let media = reply.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap();
        let content = &answer["content"][media];
        assert!(content.is_object(), "{id} {} does not tell of {media}", reply.status);
        if let Some(schema) = content.get("schema")
            && media.ends_with("json")
        {
            let problems = self.invalid(schema, &reply.json());
            assert!(problems.is_none(), "{id} {}: {}", reply.status, problems.unwrap());
        }
    }

    /// What of a value is not as a schema of the document has it.
    pub(crate) fn invalid(&self, schema: &Value, value: &Value) -> Option<String> {
        let place = "http://tableread/schema.json";
        let whole = json!({ "allOf": [schema], "components": self.document["components"] });
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(place, whole).unwrap();
        let index = compiler.compile(place, &mut schemas).unwrap();
        schemas.validate(value, index).err().map(|err| format!("{err:#}"))
    }
}

/// The short script as JSON.
pub(crate) fn episode() -> Value {
    json!({ "script": { "name": "two-keys.fountain", "text": SCRIPT }, "cast": CAST })
}

/// The same with other words in it.
pub(crate) fn episode_with(fields: &Value) -> Value {
    let mut episode = episode();
    for (name, value) in fields.as_object().unwrap() {
        episode[name] = value.clone();
    }
    episode
}
