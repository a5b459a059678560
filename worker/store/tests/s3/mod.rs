//! An S3 server inside the test process, over the real wire protocol and with signatures checked.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use store::S3Settings;
use tokio::net::TcpListener;

/// A server for as long as it is kept.
pub(crate) struct Server {
    /// How to reach it.
    pub(crate) settings: S3Settings,
    _folder: tempfile::TempDir,
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
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let http = auto::Builder::new(TokioExecutor::new());
                http.serve_connection(TokioIo::new(socket), service).await.ok();
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
    Server { settings, _folder: folder }
}
