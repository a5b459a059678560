//! An S3 server in this process, over the real wire protocol, that can be made to fail.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use store::{S3Settings, Store};
use tokio::net::{TcpListener, TcpStream};

/// Where audio goes.
pub(super) struct Bucket {
    settings: S3Settings,
    ills: Arc<Ills>,
}

/// What is wrong with it.
#[derive(Debug, Default)]
struct Ills {
    /// Every third request is answered with an error.
    fails: AtomicBool,
    /// Nobody is answered.
    is_away: AtomicBool,
    requests: AtomicU64,
}

impl Bucket {
    /// Address of the store in it.
    pub(super) const ADDRESS: &str = "s3://audio/trial";

    /// Starts a server that keeps its objects in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or no port is free.
    pub(super) async fn serve(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.join("audio"))?;
        let files = s3s_fs::FileSystem::new(PathBuf::from(folder));
        let files = files.map_err(|error| anyhow::anyhow!("no bucket: {error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the bucket")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let ills = Arc::new(Ills::default());
        let at_door = ills.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if !at_door.is_away.load(Ordering::Relaxed) {
                    tokio::spawn(answer(socket, service.clone(), at_door.clone()));
                }
            }
        });
        let settings = S3Settings {
            endpoint: Some(endpoint),
            access_key: Some("key".to_owned()),
            secret: Some("secret".to_owned()),
            allow_http: true,
            ..S3Settings::default()
        };
        Ok(Self { settings, ills })
    }

    /// How it is reached.
    pub(super) fn settings(&self) -> &S3Settings {
        &self.settings
    }

    /// Opens the store in it.
    pub(super) async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::open_with(Self::ADDRESS, self.settings.clone()).await?)
    }

    /// Answers some requests with errors from now on.
    pub(super) fn fail_some(&self) {
        self.ills.fails.store(true, Ordering::Relaxed);
    }

    /// Answers nobody from now on.
    pub(super) fn go_away(&self) {
        self.ills.is_away.store(true, Ordering::Relaxed);
    }

    /// Is well again.
    pub(super) fn recover(&self) {
        self.ills.fails.store(false, Ordering::Relaxed);
        self.ills.is_away.store(false, Ordering::Relaxed);
    }
}

/// The variables by which a program finds the bucket.
pub(super) fn variables(settings: &S3Settings) -> [(&'static str, String); 4] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        ("AWS_ENDPOINT_URL", text(&settings.endpoint)),
        ("AWS_ACCESS_KEY_ID", text(&settings.access_key)),
        ("AWS_SECRET_ACCESS_KEY", text(&settings.secret)),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

async fn answer(socket: TcpStream, service: S3Service, ills: Arc<Ills>) {
    let respond = service_fn(move |request: Request<Incoming>| {
        let (service, ills) = (service.clone(), ills.clone());
        async move {
            if ills.is_away.load(Ordering::Relaxed) {
                // An error of the service closes the connection without an answer.
                return Err(anyhow::anyhow!("away"));
            }
            let number = ills.requests.fetch_add(1, Ordering::Relaxed);
            if ills.fails.load(Ordering::Relaxed) && number % 3 == 0 {
                let mut refusal = Response::new(s3s::Body::from(String::new()));
                *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                return Ok(refusal);
            }
            let answered = service.call(request.map(s3s::Body::from)).await;
            answered.map_err(|error| anyhow::anyhow!("{error:?}"))
        }
    });
    let http = auto::Builder::new(TokioExecutor::new());
    let served = http.serve_connection(TokioIo::new(socket), respond).await;
    drop(served); // a client that hangs up is nobody's concern here
}
