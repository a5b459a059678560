//! Connections: how many, how patient, and how they end.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_layer::Layer as _;
use tracing::{debug, warn};

use super::gate::Peer;
use super::limits::Limits;
use super::patient::Patient;

/// Headers one request may have.
const MOST_HEADERS: usize = 64;
/// Bytes of headers one request may have, its first line included.
const HEADER_BYTES: usize = 32 * 1_024;
/// How long requests may go on once the server is to end.
const LAST_ANSWERS: Duration = Duration::from_secs(20);
/// The wait after a connection could not be accepted, e.g. for want of file handles.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Answers connections until `stop` is cancelled; requests being answered then are finished first,
/// for up to 20 s.
pub(super) async fn serve_connections(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let seats = Arc::new(Semaphore::new(limits.connections.max(1)));
    let http = http(limits.patience);
    loop {
        let seat = seats.clone().acquire_owned();
        let (seat, (socket, peer)) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = async { (seat.await, accept(&listener).await) } => accepted,
        };
        let service = Extension(Peer(peer)).layer(router.clone());
        let socket = TokioIo::new(Box::pin(Patient::new(socket, limits.patience)));
        let connection =
            http.serve_connection(socket, TowerToHyperService::new(service)).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(error, "connection ended early");
            }
            drop(seat);
        });
    }
    drop(listener);
    if tokio::time::timeout(LAST_ANSWERS, graceful.shutdown()).await.is_err() {
        warn!("requests were still being answered when the server ended");
    }
}

/// The next connection. What keeps one from being accepted passes, or is another process's to mend.
async fn accept(listener: &TcpListener) -> (tokio::net::TcpStream, std::net::SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                if let Err(error) = socket.set_nodelay(true) {
                    debug!(%error, "small answers may come late");
                }
                return (socket, peer);
            }
            Err(error) => {
                warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

fn http(patience: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEADER_BYTES);
    builder
}
