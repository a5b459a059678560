//! A request that is sent twice is done once.
//!
//! What a key was used for is kept in the store under a hash of the key and of whose it is, so every
//! scheduler on the store knows it, also after a restart. It is kept for a day: first what was asked,
//! then, once it is done, what was answered. Submitting is itself safe to repeat, so a server that
//! dies in between costs nothing; a key is only what lets a client notice that it asked for two
//! different things. Two servers asked for two things with one key in the same moment may do both.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::{Store, StoreError};

use super::auth::Principal;
use super::problem::{Kind, Problem};

/// How long a key is remembered.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What a key was used for.
#[derive(Debug, Serialize, Deserialize)]
struct Used {
    /// Lower-case hex SHA-256 of the request.
    request_sha256: String,
    /// When it came; Unix milliseconds.
    at_ms: u64,
    /// What was answered, once it was.
    answer: Option<serde_json::Value>,
}

/// A key that was found fit for a request.
#[derive(Debug)]
pub(super) struct Claim {
    object: String,
    request_sha256: String,
    /// What was answered before, when the request was done already.
    pub(super) answer: Option<serde_json::Value>,
    _held: Held,
}

/// Keys that this server is answering now.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<BTreeSet<String>>>);

#[derive(Debug)]
struct Held {
    all: InFlight,
    object: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.object);
    }
}

impl InFlight {
    fn hold(&self, object: &str) -> Option<Held> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = all.insert(object.to_owned());
        is_new.then(|| Held { all: self.clone(), object: object.to_owned() })
    }
}

/// Looks up what a key was used for, and keeps others on this server from using it meanwhile.
///
/// # Errors
/// A problem: the key is no plain text, it was used for another request within the last day, its
/// request is being answered, or the store cannot be asked.
pub(super) async fn claim(
    key: &str,
    who: &Principal,
    request_sha256: String,
    store: &Store,
    in_flight: &InFlight,
) -> Result<Claim, Problem> {
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        let detail = "give an Idempotency-Key of 1 to 255 printable ASCII characters, e.g. a UUID";
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let object = object(key, who);
    let held = in_flight.hold(&object).ok_or_else(|| {
        let detail = "the first request with this Idempotency-Key is still being answered";
        Problem::new(Kind::Conflict, detail).after(1)
    })?;
    let answer = match read(&object, store).await? {
        Some(used) if used.request_sha256 != request_sha256 => {
            let detail = "this Idempotency-Key was used for another request; give each its own";
            return Err(Problem::new(Kind::KeyReused, detail));
        }
        Some(used) => used.answer,
        None => None,
    };
    Ok(Claim { object, request_sha256, answer, _held: held })
}

impl Claim {
    /// Notes what the key is used for, once the request is found to be right: one with mistakes may
    /// be mended and sent under the same key.
    ///
    /// # Errors
    /// When the store cannot be written; nothing has been done then.
    pub(super) async fn begin(&self, store: &Store) -> Result<(), StoreError> {
        self.write(None, store).await
    }

    /// Keeps the answer for when the request comes again.
    ///
    /// # Errors
    /// When the store cannot be written; the request may be repeated then.
    pub(super) async fn keep(
        &self,
        answer: &serde_json::Value,
        store: &Store,
    ) -> Result<(), StoreError> {
        self.write(Some(answer.clone()), store).await
    }

    async fn write(
        &self,
        answer: Option<serde_json::Value>,
        store: &Store,
    ) -> Result<(), StoreError> {
        let request_sha256 = self.request_sha256.clone();
        let used = Used { request_sha256, at_ms: now_ms(), answer };
        let json = serde_json::to_vec(&used).expect("plain fields always serialise");
        store.put(&self.object, json).await
    }
}

async fn read(object: &str, store: &Store) -> Result<Option<Used>, StoreError> {
    let json = match store.get(object).await {
        Ok(json) => json,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(err) => return Err(err),
    };
    // One of another layout is as good as none: submitting again changes nothing.
    let used: Option<Used> = serde_json::from_slice(&json).ok();
    Ok(used.filter(|used| now_ms().saturating_sub(used.at_ms) < DAY_MS))
}

/// Where it is kept what a key was used for.
fn object(key: &str, who: &Principal) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"idempotency/1\0");
    hasher.update(who.name.as_bytes());
    hasher.update(b"\0");
    hasher.update(key.as_bytes());
    let hash = schemas::hex(&hasher.finalize());
    format!("idempotency/{}/{hash}.json", &hash[..2])
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn try_claim(
        key: &str,
        request: &str,
        store: &Store,
        in_flight: &InFlight,
    ) -> Result<Claim, Problem> {
        claim(key, &Principal::local(), request.into(), store, in_flight).await
    }

    #[tokio::test]
    async fn a_key_is_good_for_one_request_for_a_day() {
        let store = Store::open("memory:").await.unwrap();
        let (one, other) = (InFlight::default(), InFlight::default());
        let first = try_claim("k", "a", &store, &one).await.unwrap();
        assert!(first.answer.is_none());
        first.begin(&store).await.unwrap();
        // Being answered here; another server knows only that it was begun.
        assert_eq!(try_claim("k", "a", &store, &one).await.unwrap_err().status(), 409);
        assert!(try_claim("k", "a", &store, &other).await.unwrap().answer.is_none());
        assert_eq!(try_claim("k", "b", &store, &other).await.unwrap_err().status(), 422);
        first.keep(&serde_json::json!("done"), &store).await.unwrap();
        drop(first);
        let again = try_claim("k", "a", &store, &one).await.unwrap();
        assert_eq!(again.answer, Some(serde_json::json!("done")));

        let old = Used { request_sha256: "a".into(), at_ms: now_ms() - DAY_MS, answer: None };
        let place = object("k", &Principal::local());
        store.put(&place, serde_json::to_vec(&old).unwrap()).await.unwrap();
        drop(again);
        assert!(try_claim("k", "b", &store, &one).await.is_ok());
    }

    #[tokio::test]
    async fn a_key_that_is_no_plain_text_is_refused() {
        let store = Store::open("memory:").await.unwrap();
        for key in ["", "a\n", "ä", &"k".repeat(256)] {
            let refused = try_claim(key, "a", &store, &InFlight::default()).await.unwrap_err();
            assert_eq!(refused.status(), 400, "{key:?}");
        }
    }

    #[test]
    fn two_tokens_may_use_one_key() {
        let page = Principal { name: "page".into(), ..Principal::local() };
        assert_ne!(object("k", &page), object("k", &Principal::local()));
    }
}
