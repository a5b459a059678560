//! Waiting out what is likely to pass.

use std::error::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

const FIRST_WAIT: Duration = Duration::from_millis(250);
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Repeats `attempt` while it fails in a way that `may_pass`, for as long as `patience` lasts: waits of
/// a quarter of a second doubling to ten seconds, each shortened at random by up to half so that a
/// farm does not come back at one moment. One log line when an outage begins and one when it ends.
///
/// Safe to drop at any point: nothing goes on in the background.
///
/// # Errors
/// What the last attempt gave.
pub(crate) async fn wait_out<T, E, A>(
    what: &'static str,
    patience: Duration,
    may_pass: fn(&E) -> bool,
    attempt: impl Fn() -> A,
) -> Result<T, E>
where
    E: Error,
    A: Future<Output = Result<T, E>>,
{
    let since = Instant::now();
    let mut wait = FIRST_WAIT;
    let mut failures = 0_u32;
    loop {
        match attempt().await {
            Err(error) if may_pass(&error) && since.elapsed() + wait <= patience => {
                if failures == 0 {
                    warn!(what, error = %with_causes(&error), "outage, trying again until it ends");
                }
            }
            settled => {
                if failures > 0 && settled.is_ok() {
                    info!(what, failures, "outage over");
                }
                return settled;
            }
        }
        failures += 1;
        tokio::time::sleep(wait.mul_f64(0.5 + random_share() / 2.0)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// An error and its causes in one sentence, each cause told once.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries repeat their cause in their own text.
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = error.source();
    }
    sentence
}

/// Between 0 and 1.
pub(crate) fn random_share() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("out")]
    struct Out;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write: {0}")]
    struct Repeats(#[source] Out);

    #[derive(Debug, thiserror::Error)]
    #[error("the store refuses")]
    struct Plain(#[source] Repeats);

    #[test]
    fn a_cause_that_an_error_repeats_in_its_own_text_is_told_once() {
        assert_eq!(with_causes(&Plain(Repeats(Out))), "the store refuses: cannot write: out");
    }

    async fn failures_until_given_up(patience_ms: u64, works_after: u32) -> (u32, bool) {
        let tries = Cell::new(0);
        let patience = Duration::from_millis(patience_ms);
        let outcome = wait_out(
            "test",
            patience,
            |_: &Out| true,
            || async {
                tries.set(tries.get() + 1);
                if tries.get() > works_after { Ok(()) } else { Err(Out) }
            },
        );
        let is_ok = outcome.await.is_ok();
        (tries.get(), is_ok)
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_shorter_than_the_patience_costs_nothing_but_time() {
        assert_eq!(failures_until_given_up(60_000, 6).await, (7, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_one_is_given_up_on() {
        let (tries, is_ok) = failures_until_given_up(60_000, u32::MAX).await;
        assert!(!is_ok);
        assert!((8..30).contains(&tries), "{tries} tries");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_tried_once() {
        let tries = Cell::new(0);
        let outcome = wait_out(
            "test",
            Duration::MAX / 2,
            |_: &Out| false,
            || async {
                tries.set(tries.get() + 1);
                Err::<(), _>(Out)
            },
        );
        assert!(outcome.await.is_err());
        assert_eq!(tries.get(), 1);
    }
}
