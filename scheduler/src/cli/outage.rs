//! Telling people that the store is away, and that it is back.

use std::time::Duration;

use store::{Store, StoreError};

use super::output::note;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(3);

/// Tells when the store cannot be reached and when it can again, one sentence each. Never returns.
pub(crate) async fn tell_outages(store: &Store) {
    let mut is_away = false;
    loop {
        tokio::time::sleep(EVERY).await;
        let told = change(is_away, &store.size("takes/any").await, store.place());
        if let Some(sentence) = told {
            note(sentence);
            is_away = !is_away;
        }
    }
}

/// What there is to tell once the store has answered. A refusal is the worker's to tell: it ends it.
fn change(is_away: bool, answer: &Result<Option<u64>, StoreError>, place: &str) -> Option<String> {
    match answer {
        Err(StoreError::Unavailable { source, .. }) if !is_away => Some(format!(
            "the store at {place} cannot be reached ({source}); rendering waits for it, Ctrl-C stops"
        )),
        Ok(_) if is_away => Some(format!("the store at {place} is back")),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_and_so_is_its_end() {
        let away = || {
            let (place, source) = ("/srv/audio".to_owned(), "no such folder".into());
            Err(StoreError::Unavailable { place, source })
        };
        let told = |is_away, answer| change(is_away, &answer, "/srv/audio");
        let sentence = told(false, away()).unwrap();
        assert!(sentence.contains("/srv/audio cannot be reached (no such folder)"), "{sentence}");
        assert_eq!(told(true, away()), None);
        assert_eq!(told(true, Ok(None)).unwrap(), "the store at /srv/audio is back");
        assert_eq!(told(false, Ok(Some(1))), None);
    }
}
