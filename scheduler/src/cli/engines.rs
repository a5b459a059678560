//! Which engines speak an episode: those of models on this machine, or those of the workers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use clap::Args;
use queue::Queue;
use worker::{LocalModels, ModelArgs, ModelSettings};

use super::config::cache_dir;
use crate::cast::SCRATCH_MODEL;
use crate::plan::models_with_voices;
use crate::submit::{Upload, choose_engines, models};

/// Engines for an episode that is rendered elsewhere.
#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// Which engine is to speak a model's lines, by name and version as `tableread workers` lists
    /// them; may be given more than once [default: the one that the workers have]
    #[arg(long, value_name = "MODEL=ENGINE", value_parser = parse_engine)]
    engine: Vec<(String, String)>,
    #[command(flatten)]
    models: ModelArgs,
}

impl EngineArgs {
    /// Engines by model, as they were named.
    pub(crate) fn named(&self) -> BTreeMap<String, String> {
        self.engine.iter().cloned().collect()
    }

    /// Models of this machine.
    pub(crate) fn models(&self) -> &ModelArgs {
        &self.models
    }
}

fn parse_engine(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((model, engine)) if !model.is_empty() && !engine.is_empty() => {
            Ok((model.to_owned(), engine.to_owned()))
        }
        Some(_) | None => Err("write it as MODEL=ENGINE".to_owned()),
    }
}

/// Finds the models that an upload needs on this machine, and plans it for them. None is looked for
/// when it needs none.
///
/// # Errors
/// When one of them is not here: says which voices need it, where was looked and how to get it.
pub(crate) fn plan_for_local(
    upload: &mut Upload,
    settings: &ModelSettings,
) -> anyhow::Result<LocalModels> {
    let needed = models(upload)?;
    let mut problems = Vec::new();
    for (model, voices) in &needed {
        if let Err(problem) = worker::models::find(model, &settings.folders) {
            let named = models_with_voices(&BTreeMap::from([(model.clone(), voices.clone())]));
            problems.push(format!("the cast asks for {named}, and {problem}"));
        }
    }
    if !problems.is_empty() {
        problems.push("or render a timing track with --scratch".to_owned());
        bail!("{}", problems.join("\n  "));
    }
    let local = LocalModels::named(settings, needed.keys().map(String::as_str))?;
    upload.options.speakers = engines_here(needed.into_keys(), &local).into_iter().collect();
    Ok(local)
}

/// Opens the model of one engine on this machine; none for the scratch engine, which is always there.
///
/// # Errors
/// When the model is not here, or is another engine here than the one asked for.
pub(crate) fn open_local(
    model: &str,
    engine: &str,
    settings: &ModelSettings,
) -> anyhow::Result<LocalModels> {
    if model == SCRATCH_MODEL {
        return Ok(LocalModels::named(settings, [])?);
    }
    let local = LocalModels::named(settings, [model])?;
    let here = engines_here([model.to_owned()], &local);
    match here.first() {
        Some((_, here)) if here == engine => Ok(local),
        Some((_, here)) => bail!(
            "the line is spoken by {engine}, and {model} is {here} on this machine, which sounds \
             different; leave it to the workers with --farm"
        ),
        None => {
            bail!("{model} is not on this machine; name its folder with --models, or use --farm")
        }
    }
}

/// Plans an upload for engines that were named, else for those of the workers, else for models in
/// folders that were named. What none of them has stays unresolved.
///
/// # Errors
/// When workers have several engines of a model and none was named; when a model in a folder cannot be
/// used.
pub(crate) async fn plan_for_farm(
    upload: &mut Upload,
    args: &EngineArgs,
    queue: Option<&dyn Queue>,
) -> anyhow::Result<()> {
    let named: BTreeMap<String, String> = args.engine.iter().cloned().collect();
    match queue {
        Some(queue) => choose_engines(upload, &named, queue).await?,
        None => upload.options.speakers = named.into_iter().collect(),
    }
    if args.models.has_folders() {
        let settings = args.models.settings(None, cache_dir()?);
        let is_here = |model: &String| {
            !upload.options.speakers.knows(model)
                && worker::models::find(model, &settings.folders).is_ok()
        };
        let here: BTreeSet<String> = models(upload)?.into_keys().filter(is_here).collect();
        let local = LocalModels::named(&settings, here.iter().map(String::as_str))?;
        upload.options.speakers.extend(engines_here(here, &local));
    }
    Ok(())
}

/// Voices may write a model's name in other letters than its release does.
fn engines_here(
    models: impl IntoIterator<Item = String>,
    local: &LocalModels,
) -> Vec<(String, String)> {
    let engines = local.engines();
    let engine_of = |model: String| {
        let plain = model.rsplit('/').next().unwrap_or(&model).to_lowercase();
        let engine = engines.get(&plain)?.clone();
        Some((model, engine))
    };
    models.into_iter().filter_map(engine_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_named_with_its_model() {
        let named = parse_engine("qwen=qwen/1/0123-cpu-f32");
        assert_eq!(named, Ok(("qwen".to_owned(), "qwen/1/0123-cpu-f32".to_owned())));
        for wrong in ["qwen", "=qwen/1", "qwen="] {
            assert!(parse_engine(wrong).is_err(), "{wrong}");
        }
    }
}
