//! `tableread serve`: the status page and the HTTP API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Exit;
use super::output::{line, note};
use super::place::PlaceArgs;
use crate::serve::{Limits, Settings, Tokens, serve};

/// Serves the status page and the HTTP API: submit episodes, follow them, hear them
#[derive(Debug, Args)]
#[command(after_help = "\
Open its address in a browser: how far episodes are, what failed and why, every line to hear. For programs
GET /openapi.json says what can be asked for. Rendering is done by workers on the same queue and store.

Without tokens it answers this machine only, and no web pages of others. Tokens come from a file that
only you can read (chmod 600), one `NAME read TOKEN` or `NAME write TOKEN` a line, or from
TABLEREAD_TOKENS in the same form, parted by `;`, or TABLEREAD_TOKEN with one that may do everything.
The server speaks plain HTTP: put a reverse proxy before it for TLS, and let it listen on 127.0.0.1.

Examples:
  tableread serve --out farm
  tableread serve --out farm --listen 0.0.0.0:8080 --token-file tokens
  curl -F script=@pilot.fountain -F cast=@cast.toml http://127.0.0.1:8080/v1/episodes
  curl -N http://127.0.0.1:8080/v1/events

Ends by Ctrl-C or SIGTERM: requests being answered are finished first, for up to 20 s.")]
pub(crate) struct ServeArgs {
    /// Address to listen on; another than this machine's own needs tokens. Port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "TABLEREAD_LISTEN"
    )]
    listen: SocketAddr,
    /// File of tokens, one `NAME SCOPE TOKEN` a line, readable by its owner only
    #[arg(long, value_name = "FILE", env = "TABLEREAD_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Largest submission, in MB
    #[arg(long, value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    body_limit: u32,
    /// Requests a second of one token, or of one address where there are none
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Requests being answered at the same time
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    requests: u32,
    /// How long a request may take, in seconds
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<Exit> {
    let tokens = tokens(&args)?;
    let place = args.place.begin()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    let settings =
        Settings { queue, store, exports: Some(place.out), tokens, limits: args.limits() };
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another address with --listen", args.listen)
    })?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let ender = tokio::spawn(end_by_signal(stop.clone()));
    let serving = serve(settings, listener, stop);
    // Said once it is true that connections are taken: the socket listens from here on.
    line(format!("Serving on http://{address}"))?;
    serving.await?;
    ender.abort();
    note("ended");
    Ok(Exit::Done)
}

impl ServeArgs {
    fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            body_bytes: usize::try_from(self.body_limit).map_or(usual.body_bytes, |mb| mb << 20),
            rate: self.rate,
            requests: usize::try_from(self.requests).unwrap_or(usual.requests),
            request_time: Duration::from_secs(self.timeout),
            ..usual
        }
    }
}

/// The tokens of the file, else of the environment; none when neither has any.
fn tokens(args: &ServeArgs) -> anyhow::Result<Tokens> {
    if let Some(path) = &args.token_file {
        return Ok(Tokens::read_file(path)?);
    }
    if let Some(text) = super::config::tokens() {
        return Tokens::parse(&text).context("TABLEREAD_TOKENS");
    }
    match super::config::token() {
        Some(token) => Tokens::single(&token).context("TABLEREAD_TOKEN"),
        None => Ok(Tokens::default()),
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn end_by_signal(stop: CancellationToken) {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be listened for");
                std::future::pending().await
            }
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<Option<()>>();
    tokio::select! {
        _ = interrupted => {}
        _ = terminated => {}
    }
    stop.cancel();
}
