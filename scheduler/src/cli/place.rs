//! Where the queue and the store are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use queue::Queue;
use store::Store;

use super::config::s3_settings;

/// Where a command finds the queue and the store.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    /// Folder of a production: holds queue, store and what is exported [default: ./out, if there]
    #[arg(long, value_name = "DIR", env = "TABLEREAD_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Queue: a SQLite file, or Redis as `redis://HOST` or `rediss://USER:PASSWORD@HOST:PORT`; an address
    /// with a password belongs in the variable [default: DIR/.tableread/queue.db]
    #[arg(long, value_name = "ADDRESS", env = "TABLEREAD_QUEUE", hide_env_values = true)]
    pub(crate) queue: Option<String>,
    /// Store: a folder, or S3 as `s3://BUCKET/PREFIX` [default: DIR/.tableread/store]
    #[arg(long, value_name = "ADDRESS", env = "TABLEREAD_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
}

/// The addresses a command works with.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where exported files go, unless another episode's are there.
    pub(crate) out: PathBuf,
    queue: String,
    store: String,
}

impl PlaceArgs {
    /// For commands that begin something: the folder is made when it is not there.
    pub(crate) fn begin(&self) -> anyhow::Result<Place> {
        let place = self.resolve();
        let home = place.out.join(".tableread");
        if self.queue.is_none() || self.store.is_none() {
            std::fs::create_dir_all(&home).with_context(|| {
                format!("cannot make {}: choose a folder you may write with --out", home.display())
            })?;
        }
        Ok(place)
    }

    /// For commands that go on with something: a folder without a queue is an error.
    pub(crate) fn existing(&self) -> anyhow::Result<Place> {
        let place = self.resolve();
        if self.queue.is_none() && !Path::new(&place.queue).exists() {
            bail!(
                "nothing was rendered into {} yet: name the folder with --out DIR, or the queue with --queue",
                place.out.display()
            );
        }
        Ok(place)
    }

    /// For commands that only look: what is not there counts as empty. The queue comes with
    /// `--queue` or a folder that has one, the store likewise.
    pub(crate) async fn peek(&self) -> anyhow::Result<(Option<Arc<dyn Queue>>, Store)> {
        let place = self.resolve();
        let has_queue = self.queue.is_some() || Path::new(&place.queue).exists();
        let has_store = self.store.is_some() || Path::new(&place.store).exists();
        let queue = if has_queue { Some(place.open_queue()?) } else { None };
        let store =
            if has_store { place.open_store().await? } else { Store::open("memory:").await? };
        Ok((queue, store))
    }

    /// The store alone, for commands that only look and need no queue: what is not there counts as empty.
    pub(crate) async fn peek_store(&self) -> anyhow::Result<Store> {
        let place = self.resolve();
        if self.store.is_some() || Path::new(&place.store).exists() {
            place.open_store().await
        } else {
            Ok(Store::open("memory:").await?)
        }
    }

    /// The folder as it would be typed again behind a command, with a space before it; nothing when
    /// it is the usual one.
    pub(crate) fn as_typed(&self) -> String {
        self.out.as_ref().map(|out| format!(" --out {}", out.display())).unwrap_or_default()
    }

    fn resolve(&self) -> Place {
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from("out"));
        let home = out.join(".tableread");
        let or_in_home = |given: &Option<String>, name: &str| {
            given.clone().unwrap_or_else(|| home.join(name).to_string_lossy().into_owned())
        };
        Place {
            queue: or_in_home(&self.queue, "queue.db"),
            store: or_in_home(&self.store, "store"),
            out,
        }
    }
}

impl Place {
    /// Opens the queue.
    pub(crate) fn open_queue(&self) -> anyhow::Result<Arc<dyn Queue>> {
        Ok(queue::open(&self.queue)?)
    }

    /// Opens the store.
    pub(crate) async fn open_store(&self) -> anyhow::Result<Store> {
        Ok(Store::open_with(&self.store, s3_settings()).await?)
    }

    /// Where the store is, as it would be typed; never holds credentials.
    pub(crate) fn store_address(&self) -> &str {
        &self.store
    }

    /// Folder for what can be made again at any time.
    pub(crate) fn cache(&self) -> PathBuf {
        self.out.join(".tableread").join("cache")
    }
}
