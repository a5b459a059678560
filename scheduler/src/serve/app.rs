//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use queue::Queue;
use store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::access::AccessTable;
use super::auth::Tokens;
use super::hub::Hub;
use super::idempotency::InFlight;
use super::limits::{Limits, Rate};
use super::metrics::Watch;
use super::page::Waves;

/// Uploads that are read and planned at the same time: each may take many times its size in memory.
const PLANNED_AT_ONCE: usize = 2;

/// The server, as every handler gets it.
pub(super) type Shared = Arc<App>;

/// What a server is made of.
#[derive(Debug)]
pub struct Settings {
    /// Lines, leases and events.
    pub queue: Arc<dyn Queue>,
    /// Takes, masters, deliveries; also what idempotency keys were used for.
    pub store: Store,
    /// Folder that episodes are exported into; absent when nobody exports on this machine.
    pub exports: Option<PathBuf>,
    /// Who may ask; when empty, whoever reaches this machine's own address.
    pub tokens: Tokens,
    /// How much may be asked.
    pub limits: Limits,
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) queue: Arc<dyn Queue>,
    pub(super) store: Store,
    pub(super) exports: Option<PathBuf>,
    pub(super) tokens: Tokens,
    pub(super) limits: Limits,
    pub(super) rate: Rate,
    /// A seat for each request being answered.
    pub(super) requests: Arc<Semaphore>,
    /// A seat for each client that follows events.
    pub(super) followers: Arc<Semaphore>,
    /// A seat for each upload being received.
    pub(super) uploads: Arc<Semaphore>,
    /// A seat for each upload being read and planned.
    pub(super) planning: Semaphore,
    pub(super) hub: Arc<Hub>,
    /// Counts what happens in the queue.
    pub(super) watch: Watch,
    pub(super) in_flight: InFlight,
    pub(super) waves: Waves,
    /// What each route asks of a token.
    pub(super) access: AccessTable,
    /// The OpenAPI document, as it is sent.
    pub(super) openapi: Bytes,
    /// Cancelled when the server is to end: event streams end with it.
    pub(super) stop: CancellationToken,
}

impl App {
    /// Sets up what requests share.
    pub(super) fn new(
        settings: Settings,
        access: AccessTable,
        openapi: Bytes,
        stop: CancellationToken,
    ) -> Shared {
        let Settings { queue, store, exports, tokens, limits } = settings;
        Arc::new(Self {
            hub: Arc::new(Hub::new(queue.clone(), limits.event_poll)),
            rate: Rate::new(limits.rate),
            requests: Arc::new(Semaphore::new(limits.requests.max(1))),
            followers: Arc::new(Semaphore::new(limits.followers.max(1))),
            uploads: Arc::new(Semaphore::new(limits.uploads.max(1))),
            planning: Semaphore::new(PLANNED_AT_ONCE),
            watch: Watch::default(),
            in_flight: InFlight::default(),
            waves: Waves::default(),
            queue,
            store,
            exports,
            tokens,
            limits,
            access,
            openapi,
            stop,
        })
    }
}
