//! Trying again, for as long as a hiccup lasts and no longer.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::StoreError;

/// Tries in all. An outage that outlasts them is the caller's to wait out: it knows how long its
/// lease holds.
const TRIES: u32 = 4;

/// No try is begun later than this: where every try takes minutes to fail, one is enough.
const LONGEST: Duration = Duration::from_mins(1);

/// The wait before the second try is up to this long; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Repeats `attempt` while the store is unavailable: four tries, with random waits of up to 100, 200
/// and 400 ms between them, the last begun within a minute of the first.
///
/// # Errors
/// What the last try gave.
pub(crate) async fn while_unavailable<T, A>(attempt: impl Fn() -> A) -> Result<T, StoreError>
where
    A: Future<Output = Result<T, StoreError>>,
{
    let since = Instant::now();
    let mut limit = FIRST_WAIT;
    for _ in 1..TRIES {
        match attempt().await {
            Err(StoreError::Unavailable { place, source }) if since.elapsed() < LONGEST => {
                tracing::debug!(place, error = source, "store unavailable, trying again");
            }
            settled => return settled,
        }
        tokio::time::sleep(limit.mul_f64(random_share())).await;
        limit *= 2;
    }
    attempt().await
}

/// Between 0 and 1, so that many workers do not come back at the same moment.
fn random_share() -> f64 {
    f64::from(u32::try_from(random_bits() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

/// Other bits at every call.
pub(crate) fn random_bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn unavailable() -> StoreError {
        StoreError::Unavailable { place: "here".to_owned(), source: "refused".into() }
    }

    async fn tries_until(works_at: u32) -> (u32, bool) {
        let tries = Cell::new(0);
        let outcome = while_unavailable(|| async {
            tries.set(tries.get() + 1);
            if tries.get() >= works_at { Ok(()) } else { Err(unavailable()) }
        })
        .await;
        (tries.get(), outcome.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn a_hiccup_is_not_noticed_and_an_outage_is_reported() {
        assert_eq!(tries_until(1).await, (1, true));
        assert_eq!(tries_until(4).await, (4, true));
        assert_eq!(tries_until(5).await, (4, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_takes_minutes_to_fail_is_not_asked_four_times() {
        let tries = Cell::new(0);
        let outcome = while_unavailable(|| async {
            tries.set(tries.get() + 1);
            tokio::time::sleep(Duration::from_mins(2)).await;
            Err::<(), _>(unavailable())
        });
        assert!(outcome.await.is_err());
        assert_eq!(tries.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_asked_again() {
        let tries = Cell::new(0);
        let outcome = while_unavailable(|| async {
            tries.set(tries.get() + 1);
            let (place, key) = (String::new(), String::new());
            Err::<(), _>(StoreError::NotFound { place, key })
        });
        assert!(outcome.await.is_err());
        assert_eq!(tries.get(), 1);
    }
}
