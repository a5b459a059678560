//! Tells formats apart, by what is in the file first and by its name second.

use std::{fs, path::Path};

use crate::{
    Unreadable, container, decode,
    doubts::{Doubts, Kind},
    fdx, fountain, limits,
    script::{Format, Script, Span},
};

/// A screenplay that holds nothing.
const EMPTY: Kind = Kind::error(
    "empty",
    "the screenplay is empty",
    "check that the right file was exported and saved",
);

/// Programs whose files are no text: how their files start, what they are called, and what to do.
const FOREIGN: [(&[u8], &[&str], &str, &str); 8] = [
    (b"%PDF", &["pdf"], "a PDF, which holds a layout and no script", "Final Draft FDX or Fountain"),
    (b"{\\rtf", &["rtf"], "rich text", "plain text in Fountain format"),
    (b"\xd0\xcf\x11\xe0", &["doc"], "an old Word document", "plain text in Fountain format"),
    (
        b"PK",
        &["docx", "odt", "pages"],
        "a word processor's document",
        "plain text in Fountain format",
    ),
    (b"PK", &["fadein"], "a Fade In document", "Final Draft FDX or Fountain"),
    (b"PK", &["celtx"], "a Celtx project", "Final Draft FDX or Fountain"),
    (b"\0", &["fdr"], "a Final Draft document from before FDX", "Final Draft FDX"),
    (b"\0", &["mmsw", "wdz", "scw"], "another program's own format", "Final Draft FDX or Fountain"),
];

/// Reads a file's bytes; see [`crate::read`].
pub(crate) fn bytes(name: &str, bytes: &[u8]) -> Result<Script, Unreadable> {
    refuse_large(bytes.len())?;
    let extension = extension(name);
    refuse_foreign(&extension, bytes)?;
    if is_archive(bytes) {
        return container::archive(&extension, bytes).map(doubt_empty);
    }
    let text = decode::text(bytes)?;
    let script = match extension.as_str() {
        _ if is_xml(&text) => fdx::parse(&text)?,
        "fdx" | "fdxt" if !is_blank(&text) => {
            return Err(Unreadable::new(
                "the name says Final Draft, but this is not XML",
                "export it again as FDX, or call it .fountain if it is Fountain",
            ));
        }
        "highland" => container::highland(&text),
        _ => fountain::parse(&text),
    };
    Ok(doubt_empty(script))
}

/// Reads a file or a bundle's folder; see [`crate::read_path`]. Errors name the path.
pub(crate) fn path(path: &Path) -> Result<Script, Unreadable> {
    let script =
        fs::metadata(path).map_err(|error| container::unopened(&error)).and_then(|found| {
            if found.is_dir() {
                container::folder(path).map(doubt_empty)
            } else {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                bytes(&name, &container::file(path, limits::TEXT_BYTES)?)
            }
        });
    script.map_err(|error| Unreadable {
        message: format!("{}: {}", path.display(), error.message),
        ..error
    })
}

fn refuse_large(bytes: usize) -> Result<(), Unreadable> {
    if bytes <= limits::TEXT_BYTES {
        return Ok(());
    }
    Err(Unreadable::new(
        format!("the file is larger than {} MB", limits::TEXT_BYTES / (1024 * 1024)),
        "split the screenplay into episodes, and leave pictures out of a bundle",
    ))
}

fn extension(name: &str) -> String {
    let extension = Path::new(name).extension().unwrap_or_default();
    extension.to_string_lossy().to_lowercase()
}

/// Refuses what other programs write, with the way out of it.
fn refuse_foreign(extension: &str, bytes: &[u8]) -> Result<(), Unreadable> {
    let is_foreign = |(magic, names): (&[u8], &[&str])| {
        let is_shared = matches!(magic, b"PK" | b"\0");
        names.contains(&extension) || (!is_shared && bytes.starts_with(magic))
    };
    match FOREIGN.iter().find(|(magic, names, ..)| is_foreign((magic, names))) {
        Some((_, _, what, instead)) => Err(Unreadable::new(
            format!("this is {what}"),
            format!("export it as {instead} and try again"),
        )),
        None => Ok(()),
    }
}

fn is_archive(bytes: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| bytes.starts_with(*magic))
}

fn is_xml(text: &str) -> bool {
    let text = text.trim_start_matches(crate::inline::is_space);
    ["<?xml", "<FinalDraft", "<!DOCTYPE", "<!--"].iter().any(|start| text.starts_with(start))
}

fn is_blank(text: &str) -> bool {
    crate::inline::trim(text).is_empty()
}

fn doubt_empty(mut script: Script) -> Script {
    if script.elements.is_empty() && script.title_page.is_empty() && script.doubts.is_empty() {
        let mut doubts = Doubts::default();
        doubts.add(&EMPTY, Span { line: 1, column: 1, start: 0, end: 0 }, "");
        script.doubts = doubts.finish();
    }
    script
}

/// Marks a Fountain script as what it came in.
pub(crate) fn as_format(script: Script, format: Format) -> Script {
    Script { format, ..script }
}
