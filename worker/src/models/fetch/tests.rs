//! A hub in a thread of this process, and what is fetched from it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::with_causes;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const ID: &str = "Qwen/Qwen3-TTS-12Hz-0.6B-Base";
const WEIGHTS: &str = "model.safetensors";

/// What a hub does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Answers everything with this status.
    Status(u16),
    /// Hangs up behind this many bytes of the first answer with weights.
    HangsUp(usize),
    /// Sends the whole file whatever range is asked for.
    IgnoresRanges,
    /// Lists another hash of the weights.
    WrongHash,
    /// Sends a byte more than it lists.
    SendsMore,
    /// Leaves the vocabulary out.
    HasNoVocabulary,
}

/// One request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    path: String,
    range: Option<String>,
    token: Option<String>,
}

#[derive(Clone)]
struct Server {
    files: Arc<BTreeMap<String, Vec<u8>>>,
    fault: Option<Fault>,
    /// Where weights are redirected to.
    beside: Option<String>,
    asked: Arc<Mutex<Vec<Asked>>>,
    endpoint: String,
}

impl Server {
    fn start(fault: Option<Fault>, beside: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let release = fixtures::path("reference/s1/base-0b6");
        let read = |path: &str| (path.to_owned(), std::fs::read(release.join(path)).unwrap());
        let server = Self {
            files: Arc::new(FILES.iter().map(|(path, _)| read(path)).collect()),
            fault,
            beside,
            asked: Arc::default(),
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
        };
        let serving = server.clone();
        // Ends with the process: a listener cannot be woken up.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who hangs up first does not matter here.
                serving.answer(&stream).ok();
            }
        });
        server
    }

    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut asked = Asked { path: path.clone(), range: None, token: None };
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "range" => asked.range = Some(value.to_owned()),
                "authorization" => asked.token = Some(value.to_owned()),
                _ => {}
            }
        }
        let range = asked.range.clone();
        let first_weights = {
            let mut all = self.asked.lock().unwrap();
            all.push(asked);
            path.ends_with(WEIGHTS) && all.iter().filter(|asked| asked.path == path).count() == 1
        };
        if let Some(Fault::Status(status)) = self.fault {
            return send(stream, &format!("{status} No\r\nContent-Length: 0"), &[]);
        }
        if path == format!("/api/models/{ID}/revision/main?blobs=true") {
            let list = self.list();
            return send(stream, &format!("200 OK\r\nContent-Length: {}", list.len()), &list);
        }
        let prefix = format!("/{ID}/resolve/{COMMIT}/");
        let Some(file) = path.strip_prefix(&prefix).and_then(|path| self.files.get(path)) else {
            return send(stream, "404 No\r\nContent-Length: 0", &[]);
        };
        if let Some(beside) = self.beside.as_ref().filter(|_| path.ends_with(WEIGHTS)) {
            let head = format!("302 Found\r\nLocation: {beside}{path}\r\nContent-Length: 0");
            return send(stream, &head, &[]);
        }
        self.send_file(stream, file, range.as_deref(), first_weights)
    }

    fn send_file(
        &self,
        stream: &TcpStream,
        file: &[u8],
        range: Option<&str>,
        first_weights: bool,
    ) -> std::io::Result<()> {
        let from =
            range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let from: usize = from.filter(|_| self.fault != Some(Fault::IgnoresRanges)).unwrap_or(0);
        let mut body = file[from..].to_vec();
        if self.fault == Some(Fault::SendsMore) {
            body.push(b' ');
        }
        let status = if from > 0 {
            format!("206 Partial\r\nContent-Range: bytes {from}-{}/{}", file.len() - 1, file.len())
        } else {
            "200 OK".to_owned()
        };
        let head = format!("{status}\r\nContent-Length: {}", body.len());
        if let Some(Fault::HangsUp(after)) = self.fault.filter(|_| first_weights) {
            body.truncate(after);
        }
        send(stream, &head, &body)
    }

    fn list(&self) -> Vec<u8> {
        let is_left_out =
            |path: &str| self.fault == Some(Fault::HasNoVocabulary) && path == "vocab.json";
        let files = self.files.iter().filter(|(path, _)| !is_left_out(path));
        let siblings: Vec<_> = files
            .map(|(path, bytes)| {
                let mut hash = schemas::hex(&Sha256::digest(bytes));
                if self.fault == Some(Fault::WrongHash) {
                    hash = "0".repeat(64);
                }
                let large = json!({"sha256": hash, "size": bytes.len(), "pointerSize": 134});
                let large = if path.ends_with(WEIGHTS) { large } else { json!(null) };
                json!({"rfilename": path, "size": bytes.len(), "lfs": large})
            })
            .chain([json!({"rfilename": "README.md", "size": 7})])
            .collect();
        json!({"id": ID, "sha": COMMIT, "siblings": siblings}).to_string().into_bytes()
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The ranges in which weights of the model itself were asked for.
    fn ranges(&self) -> Vec<Option<String>> {
        let path = format!("/{ID}/resolve/{COMMIT}/{WEIGHTS}");
        let asked = self.asked().into_iter().filter(|asked| asked.path == path);
        asked.map(|asked| asked.range).collect()
    }
}

fn send(mut stream: &TcpStream, head: &str, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)?;
    stream.flush()
}

fn order(server: &Server, models: &Path) -> FetchOrder {
    FetchOrder {
        repository: Repository::parse("qwen3-tts-12hz-0.6b-base").unwrap(),
        revision: USUAL_REVISION.to_owned(),
        models: models.to_owned(),
        endpoint: server.endpoint.clone(),
        token: Some("secret".to_owned()),
    }
}

/// Fetches from a hub with a fault; gives what came of it and what was told.
async fn fetch_from(
    server: &Server,
    models: &Path,
) -> (Result<Fetched, FetchError>, Vec<FetchProgress>) {
    let mut told = Vec::new();
    let fetched = fetch(&order(server, models), &mut |progress| told.push(progress)).await;
    (fetched, told)
}

async fn refusal(fault: Fault) -> String {
    let models = tempfile::tempdir().unwrap();
    let server = Server::start(Some(fault), None);
    let error = fetch_from(&server, models.path()).await.0.unwrap_err();
    assert!(!models.path().join("qwen3-tts-12hz-0.6b-base").exists());
    with_causes(&error)
}

/// Whether a release in `models` is the shipped one, file by file.
fn assert_whole(models: &Path) {
    let folder = models.join("qwen3-tts-12hz-0.6b-base");
    let shipped = fixtures::path("reference/s1/base-0b6");
    for (path, _) in FILES {
        assert_eq!(
            std::fs::read(folder.join(path)).unwrap(),
            std::fs::read(shipped.join(path)).unwrap(),
            "{path}"
        );
    }
    let hidden: Vec<_> = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(hidden, ["qwen3-tts-12hz-0.6b-base"]);
}

#[tokio::test]
async fn a_release_is_fetched_whole_found_by_name_and_not_fetched_again() {
    let models = tempfile::tempdir().unwrap();
    let server = Server::start(None, None);
    let (fetched, told) = fetch_from(&server, models.path()).await;
    let fetched = fetched.unwrap();
    assert_whole(models.path());
    let found = super::super::find(&fetched.release.name, &[models.path().to_owned()]).unwrap();
    assert_eq!(found.name, "qwen3-tts-12hz-0.6b-base");
    assert_eq!((fetched.revision.as_str(), fetched.was_there), (COMMIT, false));
    let bytes: u64 = server.files.values().map(|file| file.len() as u64).sum();
    assert_eq!((fetched.bytes, told[0]), (bytes, FetchProgress::Begun { bytes, had: 0 }));
    let received = told.iter().map(|progress| match progress {
        FetchProgress::Received(bytes) => *bytes,
        FetchProgress::Begun { .. } | FetchProgress::Lost(_) => 0,
    });
    assert_eq!(received.sum::<u64>(), bytes);
    assert!(server.asked().iter().all(|asked| asked.token.as_deref() == Some("Bearer secret")));
    assert!(!server.asked().iter().any(|asked| asked.path.contains("README")));

    let asked = server.asked().len();
    let again = fetch_from(&server, models.path()).await.0.unwrap();
    assert_eq!((again.was_there, server.asked().len()), (true, asked + 1));
    // Of a commit nothing needs to be asked: it is the same for ever.
    let pinned = FetchOrder { revision: COMMIT.to_owned(), ..order(&server, models.path()) };
    let again = fetch(&pinned, &mut |_| {}).await.unwrap();
    assert_eq!((again.was_there, server.asked().len()), (true, asked + 1));
}

#[tokio::test]
async fn a_connection_that_breaks_is_gone_on_from_where_it_broke() {
    let models = tempfile::tempdir().unwrap();
    let server = Server::start(Some(Fault::HangsUp(100_000)), None);
    fetch_from(&server, models.path()).await.0.unwrap();
    assert_whole(models.path());
    assert_eq!(server.ranges(), [None, Some("bytes=100000-".to_owned())]);
}

/// Lays down what a process leaves that was killed in the middle of the weights.
fn leave_half(models: &Path, server: &Server, length: usize) {
    let staging = models.join(format!(".fetching-qwen3-tts-12hz-0.6b-base-{COMMIT}"));
    std::fs::create_dir_all(staging.join("speech_tokenizer")).unwrap();
    let weights = &server.files[WEIGHTS];
    std::fs::write(staging.join("model.safetensors.part"), &weights[..length]).unwrap();
    std::fs::write(staging.join("vocab.json"), &server.files["vocab.json"]).unwrap();
}

#[tokio::test]
async fn what_an_earlier_process_received_is_not_received_again() {
    let models = tempfile::tempdir().unwrap();
    let server = Server::start(None, None);
    leave_half(models.path(), &server, 200_000);
    let (fetched, told) = fetch_from(&server, models.path()).await;
    fetched.unwrap();
    assert_whole(models.path());
    assert_eq!(server.ranges(), [Some("bytes=200000-".to_owned())]);
    assert!(!server.asked().iter().any(|asked| asked.path.ends_with("vocab.json")));
    let vocabulary = server.files["vocab.json"].len() as u64;
    assert!(matches!(told[0], FetchProgress::Begun { had, .. } if had == 200_000 + vocabulary));
}

#[tokio::test]
async fn a_hub_that_gives_no_ranges_sends_the_file_from_its_start() {
    let models = tempfile::tempdir().unwrap();
    let server = Server::start(Some(Fault::IgnoresRanges), None);
    leave_half(models.path(), &server, 200_000);
    let (fetched, told) = fetch_from(&server, models.path()).await;
    fetched.unwrap();
    assert_whole(models.path());
    assert!(told.contains(&FetchProgress::Lost(200_000)), "{told:?}");
}

#[tokio::test]
async fn weights_of_another_hash_or_length_are_thrown_away() {
    let damaged = refusal(Fault::WrongHash).await;
    assert!(damaged.contains("safetensors came with SHA-256"), "{damaged}");
    let longer = refusal(Fault::SendsMore).await;
    assert_eq!(longer, "config.json has more than the 2852 bytes it may have; it was not kept");
    let models = tempfile::tempdir().unwrap();
    let server = Server::start(Some(Fault::WrongHash), None);
    fetch_from(&server, models.path()).await.0.unwrap_err();
    let staging = models.path().join(format!(".fetching-qwen3-tts-12hz-0.6b-base-{COMMIT}"));
    assert!(!staging.join("speech_tokenizer/model.safetensors.part").exists());
}

#[tokio::test]
async fn what_the_hub_refuses_is_told_with_what_to_do() {
    for (fault, expected) in [
        (
            Fault::Status(401),
            "Qwen/Qwen3-TTS-12Hz-0.6B-Base may not be read: check its name, and set HF_TOKEN to a \
             token of an account that may read it",
        ),
        (
            Fault::Status(404),
            "Qwen/Qwen3-TTS-12Hz-0.6B-Base at main does not exist; check the model's name and \
             --revision",
        ),
        (
            Fault::Status(503),
            "Qwen/Qwen3-TTS-12Hz-0.6B-Base at main answered 503 Service Unavailable; try again \
             later",
        ),
        (
            Fault::HasNoVocabulary,
            "Qwen/Qwen3-TTS-12Hz-0.6B-Base is no release that this program can speak: it has no \
             vocab.json",
        ),
    ] {
        assert_eq!(refusal(fault).await, expected);
    }
}

#[tokio::test]
async fn weights_may_come_from_beside_the_hub_which_is_not_told_who_asks() {
    let models = tempfile::tempdir().unwrap();
    let beside = Server::start(None, None);
    let server = Server::start(None, Some(beside.endpoint.clone()));
    fetch_from(&server, models.path()).await.0.unwrap();
    assert_whole(models.path());
    assert_eq!(beside.asked().len(), 2);
    assert!(beside.asked().iter().all(|asked| asked.token.is_none()));
}

#[tokio::test]
async fn an_address_that_is_not_https_is_not_followed() {
    let models = tempfile::tempdir().unwrap();
    let server = Server::start(None, Some("http://hub.example".to_owned()));
    let error = fetch_from(&server, models.path()).await.0.unwrap_err();
    let sentence = with_causes(&error);
    assert!(sentence.contains("answered a redirection to where nothing is fetched"), "{sentence}");
}

#[tokio::test]
async fn what_is_there_already_is_never_replaced() {
    let models = tempfile::tempdir().unwrap();
    let folder = models.path().join("qwen3-tts-12hz-0.6b-base");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("mine.txt"), "keep").unwrap();
    let server = Server::start(None, None);
    let error = fetch_from(&server, models.path()).await.0.unwrap_err();
    assert!(matches!(error, FetchError::Occupied { .. }), "{error}");
    assert_eq!(std::fs::read(folder.join("mine.txt")).unwrap(), b"keep");
}

#[test]
fn one_process_at_a_time_fetches_a_release_and_a_full_disk_is_told_in_a_sentence() {
    let models = tempfile::tempdir().unwrap();
    let staging = Staging::open(models.path(), "a", COMMIT).unwrap();
    let second = Staging::open(models.path(), "a", COMMIT).err().unwrap();
    assert!(matches!(second, FetchError::Busy { .. }), "{second}");
    assert!(Staging::open(models.path(), "b", COMMIT).is_ok());
    assert!(staging.check_room(1_000, 0).is_ok());
    let error = staging.check_room(u64::MAX, 0).unwrap_err().to_string();
    assert!(error.contains("free some, or name another folder with --models"), "{error}");
    drop(staging);
    assert!(Staging::open(models.path(), "a", COMMIT).is_ok());
}
