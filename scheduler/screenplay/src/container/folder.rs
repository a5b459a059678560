//! Bundles that are folders.

use std::{fs, path::Path};

use super::{
    bundle::{Bundle, text_rank, textless},
    file, unopened,
};
use crate::{Script, Unreadable, limits, script::Format};

/// Reads a `.textbundle` folder. Nothing outside of it is read: links are refused.
///
/// # Errors
/// When it holds no screenplay, a link in its place, or cannot be read.
pub(crate) fn folder(path: &Path) -> Result<Script, Unreadable> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unopened(&error))?.take(limits::ARCHIVE_ENTRIES)
    {
        let name = entry.map_err(|error| unopened(&error))?.file_name();
        if let Some(rank) = text_rank(&name.to_string_lossy()) {
            texts.push((rank, name));
        }
    }
    let Some((_, name)) = texts.into_iter().min() else { return Err(textless("the folder")) };
    refuse_link(&path.join(&name))?;
    let bundle = Bundle {
        text: file(&path.join(&name), limits::TEXT_BYTES)?,
        info: description(&path.join("info.json"))?,
        characters: match description(&path.join("resources"))? {
            // A folder of resources comes back as nothing to read; look into it.
            None => description(&path.join("resources").join("characters.json"))?,
            Some(_) => None,
        },
    };
    bundle.script(Format::TextBundle)
}

/// Reads a file beside the text, where there is one.
fn description(path: &Path) -> Result<Option<Vec<u8>>, Unreadable> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(link(path)),
        Ok(found) if found.is_file() => file(path, limits::DESCRIPTION_BYTES).map(Some),
        // Nothing there, or nothing that could be a description: it is only a hint.
        Ok(_) | Err(_) => Ok(None),
    }
}

fn refuse_link(path: &Path) -> Result<(), Unreadable> {
    let found = fs::symlink_metadata(path).map_err(|error| unopened(&error))?;
    if found.is_symlink() { Err(link(path)) } else { Ok(()) }
}

fn link(path: &Path) -> Unreadable {
    let name = path.file_name().unwrap_or_default().display().to_string();
    Unreadable::new(
        format!("`{name}` in the folder is a link, which could lead anywhere"),
        "put the file itself into the folder",
    )
}
