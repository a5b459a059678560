//! Base models of this machine, for commands that let them listen.

use std::path::Path;

use worker::{Listeners, LocalModels, ModelArgs};

use crate::cli::config::cache_dir;
use crate::cli::output::note;

/// Opens the base models of these names.
///
/// # Errors
/// When one of them is not here or cannot be used.
pub(super) async fn open(models: &ModelArgs, names: &[String]) -> anyhow::Result<Listeners> {
    let cache = cache_dir()?;
    let settings = models.settings(Some(1), cache.clone());
    let local = LocalModels::named(&settings, names.iter().map(String::as_str))?;
    Ok(Listeners::open(local, &cache).await?)
}

/// Opens the first base model in the folders that were named, with its name; `None` when there is none.
/// One that cannot be used is told and left.
pub(super) async fn any(models: &ModelArgs) -> anyhow::Result<Option<(Listeners, String)>> {
    if !models.has_folders() {
        return Ok(None);
    }
    let folders = models.settings(None, Path::new("").to_owned()).folders;
    let (releases, _) = worker::models::installed(&folders);
    let base =
        releases.into_iter().map(|release| release.name).find(|name| name.ends_with("-base"));
    let Some(name) = base else { return Ok(None) };
    match open(models, std::slice::from_ref(&name)).await {
        Ok(listeners) => Ok(Some((listeners, name))),
        Err(error) => {
            note(format!("{name} cannot be used to compare candidates: {error:#}"));
            Ok(None)
        }
    }
}
