//! An S3 server inside the test process, over the real wire protocol and with signatures checked.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use store::S3Settings;
use tokio::net::TcpListener;

/// A request as it is matched against faults: its method, then path and query.
pub(crate) type Asked = (String, String);

/// A server for as long as it is kept.
pub(crate) struct Server {
    /// How to reach it.
    pub(crate) settings: S3Settings,
    /// Every request so far, oldest first.
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    /// Requests that are answered with 503 instead of being served: method and a piece of path or
    /// query. Each is used once.
    pub(crate) faults: Arc<Mutex<VecDeque<(&'static str, &'static str)>>>,
    folder: tempfile::TempDir,
}

impl Server {
    /// The folder of the bucket `audio`.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.folder.path().join("audio")
    }

    /// Requests of a method so far whose path or query has `piece` in it.
    pub(crate) fn count(&self, method: &str, piece: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(how, what)| how == method && what.contains(piece)).count()
    }

    /// Has the next such request fail.
    pub(crate) fn fail_next(&self, method: &'static str, piece: &'static str) {
        self.faults.lock().unwrap().push_back((method, piece));
    }
}

/// Starts a server that has one bucket, `audio`.
pub(crate) async fn serve() -> Server {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("audio")).unwrap();
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
    service.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let faults: Arc<Mutex<VecDeque<(&'static str, &'static str)>>> = Arc::default();
    let (noting, failing) = (asked.clone(), faults.clone());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, noting, failing) = (service.clone(), noting.clone(), failing.clone());
            let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let (how, what) = (request.method().to_string(), request.uri().to_string());
                let mut faults = failing.lock().unwrap();
                let fault = faults.iter().position(|(m, piece)| *m == how && what.contains(piece));
                let is_faulty = fault.and_then(|at| faults.remove(at)).is_some();
                noting.lock().unwrap().push((how, what));
                let served = (!is_faulty).then(|| Service::call(&service, request));
                async move {
                    match served {
                        Some(served) => served.await,
                        None => Ok(unavailable()),
                    }
                }
            });
            tokio::spawn(async move {
                let http = auto::Builder::new(TokioExecutor::new());
                http.serve_connection(TokioIo::new(socket), answer).await.ok();
            });
        }
    });
    let settings = S3Settings {
        endpoint: Some(endpoint),
        access_key: Some("key".to_owned()),
        secret: Some("secret".to_owned()),
        allow_http: true,
        ..S3Settings::default()
    };
    Server { settings, asked, faults, folder }
}

fn unavailable() -> s3s::HttpResponse {
    let mut answer = s3s::HttpResponse::new(s3s::Body::empty());
    *answer.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
    answer
}
