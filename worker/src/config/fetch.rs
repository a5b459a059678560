//! Arguments of `fetch`.

use std::path::PathBuf;

use clap::Args;
use worker::models::{FetchOrder, HUB, Repository, USUAL_REVISION};

use super::environment;

/// Arguments of `fetch`.
#[derive(Debug, Args)]
pub(crate) struct FetchArguments {
    /// The model, as voices call it or as it is published: qwen3-tts-12hz-1.7b-base,
    /// Qwen/Qwen3-TTS-12Hz-1.7B-Base, or any OWNER/NAME of the same kind.
    #[arg(value_name = "MODEL")]
    model: String,
    /// Branch, tag or commit; a commit's hash gives the same files for ever.
    #[arg(long, value_name = "REVISION", default_value = USUAL_REVISION)]
    revision: String,
    /// Folder of models, made when missing: the model goes to a folder in it. Of several in the
    /// variable the first.
    #[arg(
        long,
        value_name = "DIR",
        env = "TABLEREAD_MODELS",
        value_delimiter = ':',
        required = true
    )]
    models: Vec<PathBuf>,
    /// Address of the hub or of a mirror of it. A token for it comes from `HF_TOKEN` alone: arguments
    /// can be read by every user of the machine.
    #[arg(long, value_name = "URL", env = "HF_ENDPOINT", default_value = HUB)]
    endpoint: String,
    /// Say what was fetched as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl FetchArguments {
    /// What to fetch, from where, and where to.
    ///
    /// # Errors
    /// When the model's name is none.
    pub(crate) fn order(&self) -> anyhow::Result<FetchOrder> {
        Ok(FetchOrder {
            repository: Repository::parse(&self.model)?,
            revision: self.revision.clone(),
            models: self.models.first().cloned().unwrap_or_default(),
            endpoint: self.endpoint.clone(),
            token: environment("HF_TOKEN"),
        })
    }
}
