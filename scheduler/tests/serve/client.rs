//! A small HTTP client that sends exactly what a test wants, right or wrong.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("Content-Type", "application/json")
    }

    /// A form of fields: name, the file's name if it is one, bytes.
    pub(crate) fn form(mut self, fields: &[(&str, Option<&str>, &[u8])]) -> Self {
        for (name, file, bytes) in fields {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            let head =
                format!("--form7\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            self.body.extend_from_slice(head.as_bytes());
            self.body.extend_from_slice(bytes);
            self.body.extend_from_slice(b"\r\n");
        }
        self.body.extend_from_slice(b"--form7--\r\n");
        self.header("Content-Type", "multipart/form-data; boundary=form7")
    }

    fn head(&self, address: SocketAddr) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if !has("host") {
            write!(head, "Host: {address}\r\n").unwrap();
        }
        if !has("content-length") {
            write!(head, "Content-Length: {}\r\n", self.body.len()).unwrap();
        }
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head
    }

    /// Sends it on a connection of its own and reads the whole answer.
    pub(crate) async fn send(&self, address: SocketAddr) -> Reply {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = self.head(address) + "Connection: close\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        // A server that refuses early does not read the rest.
        let _refused = socket.write_all(&self.body).await;
        let mut bytes = Vec::new();
        let _reset = socket.read_to_end(&mut bytes).await;
        Reply::read(&bytes)
    }

    /// Sends it and keeps the connection, to read an event stream from.
    pub(crate) async fn open(&self, address: SocketAddr) -> Stream {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = self.head(address) + "\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut stream = Stream { socket: BufReader::new(socket), head: String::new() };
        while !stream.head.ends_with("\r\n\r\n") {
            let read = stream.socket.read_line(&mut stream.head).await.unwrap();
            assert_ne!(read, 0, "the server hung up: {}", stream.head);
        }
        stream
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer's head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let reply =
            Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() };
        if let Some(length) = reply.header("content-length")
            && !reply.body.is_empty()
        {
            assert_eq!(length, reply.body.len().to_string(), "{}", reply.text());
        }
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|err| panic!("{err}: {}", self.text()))
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }
}

/// An event stream being read.
pub(crate) struct Stream {
    socket: BufReader<TcpStream>,
    pub(crate) head: String,
}

/// One event of a stream, or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    Event {
        id: u64,
        kind: String,
        data: String,
    },
    Comment,
    /// The server ended the stream.
    End,
}

impl Stream {
    /// The next event or comment. Chunks are told from lines by their lengths in hex.
    pub(crate) async fn next(&mut self) -> Sent {
        let (mut id, mut kind, mut data) = (0, String::new(), String::new());
        loop {
            let mut line = String::new();
            match self.socket.read_line(&mut line).await {
                Ok(0) | Err(_) => return Sent::End,
                Ok(_) => {}
            }
            let line = line.trim_end();
            if line == "0" {
                return Sent::End;
            }
            match line.split_once(':') {
                Some(("", _)) => return Sent::Comment,
                Some(("id", value)) => id = value.trim().parse().unwrap(),
                Some(("event", value)) => value.trim().clone_into(&mut kind),
                Some(("data", value)) => value.trim().clone_into(&mut data),
                Some(_) | None if line.is_empty() && !data.is_empty() => {
                    return Sent::Event { id, kind, data };
                }
                Some(_) | None => {}
            }
        }
    }

    /// The next event's number and what it tells.
    pub(crate) async fn event(&mut self) -> (u64, Value) {
        loop {
            match self.next().await {
                Sent::Event { id, data, .. } => return (id, serde_json::from_str(&data).unwrap()),
                Sent::Comment => {}
                Sent::End => panic!("the stream ended"),
            }
        }
    }
}
