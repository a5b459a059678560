//! Opening a store of each kind.

use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::address::{self, Address};
use crate::folder::Folder;
use crate::{S3Settings, Store, StoreError, error};

/// Opens what `address` names.
///
/// # Errors
/// As [`Store::open_with`].
pub(crate) async fn open(address: &str, settings: S3Settings) -> Result<Store, StoreError> {
    match address::parse(address)? {
        Address::Folder(path) => open_folder(path).await,
        Address::Memory => Ok(Store {
            place: "memory:".into(),
            driver: Arc::new(InMemory::new()),
            prefix: Path::default(),
            folder: None,
            s3: None,
        }),
        Address::S3 { bucket, prefix } => open_bucket(&bucket, &prefix, settings),
    }
}

async fn open_folder(path: PathBuf) -> Result<Store, StoreError> {
    let place = path.display().to_string();
    let opened = tokio::task::spawn_blocking(move || {
        make_folder(&path)?;
        let folder = std::fs::canonicalize(&path)?;
        let driver = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((Folder::at(folder)?, driver))
    });
    let (folder, driver) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err(source)) => return Err(error::of_io(place, source)),
        Err(panicked) => return Err(error::of_io(place, panicked.into())),
    };
    Ok(Store {
        place: folder.path().display().to_string().into(),
        driver: Arc::new(driver),
        prefix: Path::default(),
        folder: Some(Arc::new(folder)),
        s3: None,
    })
}

/// Makes the folder and all above it, each so that it survives a power cut.
fn make_folder(path: &FilePath) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => FilePath::new("."),
    };
    make_folder(parent)?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    std::fs::File::open(parent)?.sync_all()
}

fn open_bucket(bucket: &str, prefix: &str, settings: S3Settings) -> Result<Store, StoreError> {
    check_endpoint(&settings)?;
    install_tls();
    let place = format!("s3://{bucket}/{prefix}").trim_end_matches('/').to_owned();
    let driver =
        builder(bucket, settings).build().map(Arc::new).map_err(|source| StoreError::Denied {
            place: place.clone(),
            advice: "check endpoint, region and credentials".to_owned(),
            source: source.into(),
        })?;
    Ok(Store {
        place: place.into(),
        driver: driver.clone(),
        prefix: Path::from(prefix),
        folder: None,
        s3: Some(driver),
    })
}

fn check_endpoint(settings: &S3Settings) -> Result<(), StoreError> {
    let Some(endpoint) = &settings.endpoint else { return Ok(()) };
    let advice = match endpoint.split_once("://") {
        Some(("https", _)) => return Ok(()),
        Some(("http", _)) if settings.allow_http => return Ok(()),
        Some(("http", _)) => "use https, or allow http knowingly",
        Some(_) | None => "give the endpoint as a URL, e.g. https://HOST:PORT",
    };
    Err(StoreError::BadAddress { address: endpoint.clone(), advice: advice.to_owned() })
}

fn builder(bucket: &str, settings: S3Settings) -> AmazonS3Builder {
    let S3Settings { endpoint, region, access_key, secret, session_token, allow_http } = settings;
    let client = ClientOptions::new()
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(Duration::from_mins(2))
        .with_allow_http(allow_http);
    let builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region.unwrap_or_else(|| "us-east-1".to_owned()))
        .with_client_options(client)
        // The server compares, and keeps it with the object.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_retry(retries());
    let builder = set(builder, endpoint, AmazonS3Builder::with_endpoint);
    let builder = set(builder, access_key, AmazonS3Builder::with_access_key_id);
    let builder = set(builder, secret, AmazonS3Builder::with_secret_access_key);
    set(builder, session_token, AmazonS3Builder::with_token)
}

fn set(
    builder: AmazonS3Builder,
    value: Option<String>,
    with: fn(AmazonS3Builder, String) -> AmazonS3Builder,
) -> AmazonS3Builder {
    match value {
        Some(value) => with(builder, value),
        None => builder,
    }
}

/// The driver knows best which requests may be repeated; what outlasts this is `crate::retry`'s.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: Duration::from_secs(20),
    }
}

/// Chooses the TLS implementation of the whole process, unless the program has chosen one already.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("another TLS provider was installed before");
        }
    });
}
