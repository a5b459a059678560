//! What a line's audio looks like, computed from its master and kept.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use maud::{Markup, html};
use schemas::{DeliveryFacts, MasterKey, master_object};
use store::Store;
use tokio::sync::Semaphore;
use tracing::warn;

/// Strokes in a picture.
const COLUMNS: usize = 160;
/// Pictures kept of each generation, of which there are two: some 4 MB in all.
const KEPT: usize = 512;
/// Largest master that is read, in bytes: 15 min at 24 kHz.
const MOST_BYTES: u64 = 64 * 1_024 * 1_024;
/// Masters read at the same time; each is in memory whole.
const READ_AT_ONCE: usize = 2;

/// Pictures of masters, drawn once. A master never changes, so neither does its picture.
#[derive(Debug)]
pub(in crate::serve) struct Waves {
    kept: Mutex<Kept>,
    reading: Semaphore,
}

/// Those asked for lately, and those before them: when the first are too many they become the second.
#[derive(Debug, Default)]
struct Kept {
    young: HashMap<MasterKey, Arc<str>>,
    old: HashMap<MasterKey, Arc<str>>,
}

impl Default for Waves {
    fn default() -> Self {
        Self { kept: Mutex::default(), reading: Semaphore::new(READ_AT_ONCE) }
    }
}

impl Waves {
    /// The strokes of a delivery's master; `None` when it cannot be read now or is too large.
    pub(super) async fn of(&self, store: &Store, facts: &DeliveryFacts) -> Option<Arc<str>> {
        let key = &facts.master_key;
        if let Some(drawn) = self.kept().get(key) {
            return Some(drawn);
        }
        if facts.master_bytes > MOST_BYTES {
            return None;
        }
        let _seat = self.reading.acquire().await.ok()?;
        if let Some(drawn) = self.kept().get(key) {
            return Some(drawn);
        }
        let wav = match store.get(&master_object(key)).await {
            Ok(wav) => wav,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                warn!(error, "a waveform cannot be drawn");
                return None;
            }
        };
        let drawn = tokio::task::spawn_blocking(move || {
            let pcm = audio::read_wav(&wav).ok()?;
            Some(strokes(&audio::peaks(&pcm, COLUMNS)))
        });
        let drawn: Arc<str> = drawn.await.ok().flatten()?.into();
        self.kept().put(key.clone(), drawn.clone());
        Some(drawn)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&mut self, key: &MasterKey) -> Option<Arc<str>> {
        if let Some(drawn) = self.young.get(key) {
            return Some(drawn.clone());
        }
        let drawn = self.old.remove(key)?;
        self.put(key.clone(), drawn.clone());
        Some(drawn)
    }

    fn put(&mut self, key: MasterKey, drawn: Arc<str>) {
        if self.young.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, drawn);
    }
}

/// One stroke a column from its lowest to its highest sample, in a box of 160 by 100; square root for
/// the eye, and never so short that silence is not seen.
fn strokes(peaks: &[(f32, f32)]) -> String {
    let mut path = String::with_capacity(peaks.len() * 16);
    let reach = |sample: f32| (sample.abs().min(1.0).sqrt() * 48.0).max(1.0);
    for (column, (low, high)) in peaks.iter().enumerate() {
        let (top, bottom) = (50.0 - reach(high.max(0.0)), 50.0 + reach(low.min(0.0)));
        // Writing into a string cannot fail.
        let _written = write!(path, "M{column}.5 {top:.0}V{bottom:.0}");
    }
    path
}

/// The picture; its played part is told from the rest, as far as the script has it. Takes the same
/// room when there is nothing to be drawn.
pub(super) fn picture(strokes: Option<&str>, is_delivered: bool) -> Markup {
    html! {
        @match strokes {
            Some(strokes) => svg.wave viewBox="0 0 160 100" preserveAspectRatio="none"
                role="img" aria-label="Waveform" {
                defs { clipPath #played-part { rect #played x="0" y="0" width="0" height="100" data-keep {} } }
                path d=(strokes) {}
                path.played d=(strokes) clip-path="url(#played-part)" {}
            },
            None => p.wave.dim { @if is_delivered { "No waveform: the store cannot be read now" } @else { "No audio yet" } },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_tall_and_silence_is_a_line() {
        assert_eq!(strokes(&[(-1.0, 1.0), (0.0, 0.0)]), "M0.5 2V98M1.5 49V51");
        assert_eq!(strokes(&[(f32::NAN, f32::INFINITY)]), "M0.5 2V51");
    }

    #[test]
    fn pictures_are_kept_for_as_long_as_they_are_asked_for_and_no_more_than_so_many() {
        let key = |n: usize| MasterKey::parse(format!("{n:064x}")).unwrap();
        let mut kept = Kept::default();
        kept.put(key(0), "first".into());
        for n in 1..KEPT * 5 {
            kept.put(key(n), "another".into());
            assert_eq!(kept.get(&key(0)).as_deref(), Some("first"), "{n}");
        }
        assert!(kept.young.len() + kept.old.len() <= KEPT * 2);
        assert_eq!(kept.get(&key(1)), None);
    }
}
