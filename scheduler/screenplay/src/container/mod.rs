//! Screenplays that come wrapped: Highland, TextBundle and TextPack.

mod archive;
mod bundle;
mod folder;
mod highland;

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

pub(crate) use folder::folder;
pub(crate) use highland::parse as highland;

use crate::{Script, Unreadable, script::Format};

/// Reads a zipped bundle; `extension` is its name's, in lower case and without the dot.
///
/// # Errors
/// When it is damaged, unsafe, beyond the limits, or holds no or several screenplays.
pub(crate) fn archive(extension: &str, bytes: &[u8]) -> Result<Script, Unreadable> {
    let bundle = archive::open(bytes)?;
    let format = match extension {
        "highland" => Format::Highland,
        "textpack" | "textbundle" => Format::TextBundle,
        _ if bundle.is_highland() => Format::Highland,
        _ => Format::TextBundle,
    };
    bundle.script(format)
}

/// Reads a regular file of at most `limit` bytes, and never more than that.
///
/// # Errors
/// When it cannot be opened, is no regular file, or is larger.
pub(crate) fn file(path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
    // Opening a pipe would wait for its writer, so what it is comes first.
    if !fs::metadata(path).map_err(|error| unopened(&error))?.is_file() {
        return Err(Unreadable::new("this is no regular file", "name a screenplay's file"));
    }
    let file = File::open(path).map_err(|error| unopened(&error))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(|error| unopened(&error))?;
    if bytes.len() <= limit {
        return Ok(bytes);
    }
    Err(Unreadable::new(
        format!("the file is larger than {} MB", limit / (1024 * 1024)),
        "split the screenplay into episodes",
    ))
}

/// What the system said when it was asked for a file.
pub(crate) fn unopened(error: &std::io::Error) -> Unreadable {
    let advice = match error.kind() {
        std::io::ErrorKind::NotFound => "check the path",
        std::io::ErrorKind::PermissionDenied => "allow this user to read it",
        _ => "check the disk and try again",
    };
    Unreadable::new(format!("the file cannot be read: {error}"), advice)
}
