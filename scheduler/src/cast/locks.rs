//! Locked voices that a cast names, fetched from the library before the cast is read.

use std::collections::BTreeMap;

use ::voices::{Library, Lock, VoiceName};
use serde::Deserialize;
use store::Store;

/// What a cast may have in the place of a voice's name and version.
type Wanted = (String, Option<u32>);

/// Locked voices by the name and version that a cast asks for, or why they cannot be had: that matters
/// only where the cast is read.
#[derive(Debug, Clone, Default)]
pub struct Locks(BTreeMap<Wanted, Result<Lock, String>>);

/// The part of a cast file that names locks; all else is looked at when it is read.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    voices: BTreeMap<String, NamedVoice>,
}

#[derive(Deserialize)]
struct NamedVoice {
    lock: Option<NamedLock>,
}

#[derive(Deserialize)]
struct NamedLock {
    voice: String,
    version: Option<u32>,
}

impl Locks {
    /// Whether the text of a cast asks for any. Text that is no cast asks for none.
    #[must_use]
    pub fn are_wanted(cast: &str) -> bool {
        !wanted(cast).is_empty()
    }

    /// Fetches the locks that the text of a cast asks for; without a version the newest.
    pub async fn fetch(cast: &str, store: &Store) -> Self {
        let library = Library::new(store.clone());
        let mut locks = BTreeMap::new();
        for (name, version) in wanted(cast) {
            let found = match VoiceName::parse(name.as_str()) {
                Ok(name) => library.get(&name, version).await,
                Err(error) => Err(error),
            };
            let found = found.map_err(|error| worker::with_causes(&error));
            locks.insert((name, version), found);
        }
        Self(locks)
    }

    /// A lock by the name and version that the cast gives.
    ///
    /// # Errors
    /// Why it cannot be had, in words.
    pub(super) fn get(&self, name: &str, version: Option<u32>) -> Result<&Lock, String> {
        match self.0.get(&(name.to_owned(), version)) {
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => Err(format!("the locked voice `{name}` cannot be looked up without a store")),
        }
    }
}

fn wanted(cast: &str) -> Vec<Wanted> {
    let named: Result<Named, _> = toml::from_str(cast);
    let voices = named.map(|named| named.voices).unwrap_or_default();
    let locks = voices.into_values().filter_map(|voice| voice.lock);
    locks.map(|lock| (lock.voice, lock.version)).collect()
}
