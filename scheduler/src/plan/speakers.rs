//! Which engine speaks which model's lines.

use std::collections::BTreeMap;

use super::Plan;
use crate::cast::SCRATCH_MODEL;

/// Name and version of the engine that speaks each model, by the model's name as voices write it.
///
/// They are part of every take's key, so a plan made for one engine is not another's. The scratch
/// engine is this program's own and always known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speakers(BTreeMap<String, String>);

/// What stands behind a model's name where its engine is not known.
const UNRESOLVED: &str = "/unresolved";

impl Speakers {
    /// Whether the engine of a model is known.
    #[must_use]
    pub fn knows(&self, model: &str) -> bool {
        model == SCRATCH_MODEL || self.0.contains_key(model)
    }

    /// The engine of a model; a name that no worker has where it is not known.
    #[must_use]
    pub fn engine_of(&self, model: &str) -> String {
        if model == SCRATCH_MODEL {
            return engine::scratch::ENGINE.to_owned();
        }
        self.0.get(model).cloned().unwrap_or_else(|| format!("{model}{UNRESOLVED}"))
    }
}

/// Whether this is what a line has for an engine whose model's engine is not known.
pub(crate) fn is_unresolved(engine: &str) -> bool {
    engine.ends_with(UNRESOLVED)
}

impl FromIterator<(String, String)> for Speakers {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Extend<(String, String)> for Speakers {
    fn extend<T: IntoIterator<Item = (String, String)>>(&mut self, pairs: T) {
        self.0.extend(pairs);
    }
}

impl Plan {
    /// Models whose engine is not known, each with the names of the voices that need it, in the order of
    /// the script: nobody would speak their lines.
    #[must_use]
    pub fn unresolved(&self) -> BTreeMap<String, Vec<String>> {
        let voices: BTreeMap<_, _> =
            self.voices.iter().map(|keyed| (&keyed.key, &keyed.voice)).collect();
        let mut models: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| is_unresolved(&line.job.engine)) {
            let Some(voice) = voices.get(&line.job.voice) else { continue };
            let names = models.entry(voice.model.clone()).or_default();
            if !names.contains(&voice.name) {
                names.push(voice.name.clone());
            }
        }
        models
    }
}

/// Models and the voices that need them, as errors list them: `qwen… (voices `mira`, `otto`)`.
#[must_use]
pub fn models_with_voices(models: &BTreeMap<String, Vec<String>>) -> String {
    let one = |(model, voices): (&String, &Vec<String>)| {
        let quoted: Vec<_> = voices.iter().map(|name| format!("`{name}`")).collect();
        let noun = if voices.len() == 1 { "voice" } else { "voices" };
        format!("{model} ({noun} {})", quoted.join(", "))
    };
    models.iter().map(one).collect::<Vec<_>>().join("; ")
}
