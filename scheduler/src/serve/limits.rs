//! How much may be asked of the server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Buckets kept at most; full ones are dropped first, and nobody is refused for the lack of one.
const BUCKETS: usize = 10_000;

/// How much may be asked of a server. [`Limits::default`] has what is usual.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest body of a submission, in bytes; other bodies may have 64 KiB.
    pub body_bytes: usize,
    /// Requests a second of one token, or of one address where there is none; at least 1. Ten seconds'
    /// worth may come at once.
    pub rate: u32,
    /// Requests being answered at the same time; at least 1. More are told to come again.
    pub requests: usize,
    /// Submissions being received and planned at the same time; at least 1. More wait for their turn,
    /// so that memory is bounded by as many bodies.
    pub uploads: usize,
    /// Connections at the same time; at least 1. More wait to be accepted.
    pub connections: usize,
    /// Clients following events at the same time; at least 1.
    pub followers: usize,
    /// How long a request may take until its answer begins, reading its body included.
    pub request_time: Duration,
    /// How long a client may leave what is sent to it lying before it is dropped, and how long it may
    /// take over a request's headers.
    pub patience: Duration,
    /// Silence on an event stream before a comment is sent, so that nobody on the way closes it.
    pub heartbeat: Duration,
    /// How often the queue is asked for events while somebody follows them.
    pub event_poll: Duration,
    /// How often the queue is asked for submissions whose manifest is to be stored.
    pub manifest_poll: Duration,
}

impl Default for Limits {
    /// 64 MB a body, 8 of those at once, 50 requests a second, 256 at once, 1 024 connections, 256
    /// followers, 2 min a request, 30 s for a client to take what it asked for.
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1_024 * 1_024,
            rate: 50,
            requests: 256,
            uploads: 8,
            connections: 1_024,
            followers: 256,
            request_time: Duration::from_mins(2),
            patience: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            event_poll: Duration::from_millis(250),
            manifest_poll: Duration::from_secs(5),
        }
    }
}

/// Who a bucket belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    /// A token, by its name.
    Token(Arc<str>),
    /// Somebody without one.
    Address(IpAddr),
}

/// Token buckets: each payer's fills at the rate and holds ten seconds' worth.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    buckets: Mutex<HashMap<Payer, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Rate {
    /// Buckets of `per_second` requests a second.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second.max(1)), buckets: Mutex::default() }
    }

    /// Takes one request out of a bucket.
    ///
    /// # Errors
    /// The seconds to wait, rounded up, when there is none left in it.
    pub(super) fn take(&self, payer: Payer, now: Instant) -> Result<(), u64> {
        let most = self.per_second * 10.0;
        let filled = |bucket: &Bucket| {
            let since = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.left + since * self.per_second).min(most)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS && !buckets.contains_key(&payer) {
            buckets.retain(|_, bucket| filled(bucket) < most);
            if buckets.len() >= BUCKETS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(payer).or_insert(Bucket { left: most, at: now });
        *bucket = Bucket { left: filled(bucket), at: now };
        if bucket.left < 1.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 1 second at one request a second or more"
            )]
            return Err(((1.0 - bucket.left) / self.per_second).ceil() as u64);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_payer_is_refused_once_its_bucket_is_empty_and_served_as_it_fills() {
        let rate = Rate::new(2);
        let page = || Payer::Token("page".into());
        let start = Instant::now();
        assert!((0..20).all(|_| rate.take(page(), start).is_ok()));
        assert_eq!(rate.take(page(), start), Err(1));
        assert_eq!(rate.take(Payer::Address([127, 0, 0, 1].into()), start), Ok(()));
        let later = start + Duration::from_millis(500);
        assert_eq!(rate.take(page(), later), Ok(()));
        assert_eq!(rate.take(page(), later), Err(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_takes_bounded_memory() {
        let rate = Rate::new(1);
        for n in 0..30_000u32 {
            rate.take(Payer::Address(IpAddr::V4(n.into())), Instant::now()).unwrap();
        }
        assert!(rate.buckets.lock().unwrap().len() <= BUCKETS);
    }
}
