//! What this process counted, for Prometheus to fetch over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use telemetry::metrics::{PROMETHEUS_CONTENT_TYPE, prometheus_text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

/// Requests answered at once; whoever comes on top of that waits.
const AT_ONCE: usize = 8;
/// How long a request may take, from its first byte to the last of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request that is read; a scraper's has a few hundred bytes.
const LONGEST: usize = 8_192;

/// Listens where Prometheus is to ask.
///
/// # Errors
/// When the address is taken or not of this machine.
pub async fn listen_for_scrapes(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    info!(address = %listener.local_addr()?, "metrics are at /metrics");
    Ok(listener)
}

/// Answers `GET /metrics` until it is dropped.
pub async fn answer_scrapes(listener: TcpListener) {
    let seats = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                tokio::spawn(async move {
                    let answered = tokio::time::timeout(PATIENCE, answer(socket)).await;
                    if !matches!(answered, Ok(Ok(()))) {
                        debug!("a scrape was not answered");
                    }
                    drop(seat);
                });
            }
            Err(error) => {
                // Out of sockets, as a rule: others will be given back.
                warn!(%error, "metrics cannot be asked for");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(mut socket: TcpStream) -> std::io::Result<()> {
    let head = head(&mut socket).await?;
    let request = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = request.split(|byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let (status, kind, body) = match (method, path) {
        (b"GET" | b"HEAD", b"/metrics") => ("200 OK", PROMETHEUS_CONTENT_TYPE, prometheus_text()),
        (b"GET" | b"HEAD", _) => ("404 Not Found", "text/plain", "see /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "text/plain", "see GET /metrics\n".to_owned()),
    };
    let length = body.len();
    let start = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(start.as_bytes()).await?;
    if method != b"HEAD" {
        socket.write_all(body.as_bytes()).await?;
    }
    socket.shutdown().await
}

/// Reads up to the empty line behind the headers, or as much as is read at most.
async fn head(socket: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut piece = [0; 1_024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST {
        match socket.read(&mut piece).await? {
            0 => break,
            read => head.extend_from_slice(&piece[..read]),
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(address: SocketAddr, request: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut told = String::new();
        socket.read_to_string(&mut told).await.unwrap();
        told
    }

    #[tokio::test]
    async fn metrics_are_told_and_nothing_else() {
        let listener = listen_for_scrapes(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(answer_scrapes(listener));
        telemetry::metrics::LEASES_LOST.count([]);
        let told = asked(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
        assert!(told.contains("\ntableread_worker_leases_lost_total "), "{told}");
        let told = asked(address, "GET / HTTP/1.1\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 404 "), "{told}");
        let told = asked(address, "POST /metrics HTTP/1.1\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 405 "), "{told}");
        let told = asked(address, &"x".repeat(LONGEST)).await;
        assert!(told.starts_with("HTTP/1.1 405 "), "{told}");
        serving.abort();
    }
}
