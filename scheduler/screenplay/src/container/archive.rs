//! Bundles that are zipped, by whomever.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::bundle::{Bundle, text_rank, textless};
use crate::{Unreadable, limits};

const EXPORT: &str = "export it again, or unpack it and name the text inside";

/// Members that give another program's file away, and what to do.
const FOREIGN: [(&str, &str, &str); 5] = [
    ("word/document.xml", "a Word document", "plain text in Fountain format"),
    ("content.xml", "an OpenDocument text", "plain text in Fountain format"),
    ("index/document.iwa", "a Pages document", "plain text in Fountain format"),
    ("document.xml", "a Fade In document", "Final Draft FDX or Fountain"),
    ("project.rdf", "a Celtx project", "Final Draft FDX or Fountain"),
];

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Takes the members that matter out of an archive.
///
/// # Errors
/// When it is damaged, encrypted, unsafe, beyond the limits, or holds no or several screenplays.
pub(super) fn open(bytes: &[u8]) -> Result<Bundle, Unreadable> {
    refuse_many_entries(bytes)?;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    if archive.has_duplicate_names() {
        return Err(Unreadable::new("two members of the archive have the same name", EXPORT));
    }
    let names = safe_names(&archive)?;
    refuse_foreign(&names)?;
    let text = find_text(&names)?;
    let folder = names[text].rsplit_once('/').map_or("", |(folder, _)| folder);
    let find = |name: &str| {
        let wanted = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        names.iter().position(|name| *name == wanted)
    };
    let (info, characters) = (find("info.json"), find("resources/characters.json"));
    let mut describe = |index: Option<usize>| {
        index.map(|index| unpack(&mut archive, index, limits::DESCRIPTION_BYTES)).transpose()
    };
    let (info, characters) = (describe(info)?, describe(characters)?);
    Ok(Bundle { text: unpack(&mut archive, text, limits::TEXT_BYTES)?, info, characters })
}

/// Every entry of the directory starts with a mark, so there are never more entries than marks.
/// Counting those first bounds the memory that the directory takes.
fn refuse_many_entries(bytes: &[u8]) -> Result<(), Unreadable> {
    let marks = bytes.windows(4).filter(|window| window == b"PK\x01\x02");
    if marks.take(limits::ARCHIVE_ENTRIES + 1).count() <= limits::ARCHIVE_ENTRIES {
        return Ok(());
    }
    let most = limits::ARCHIVE_ENTRIES;
    Err(Unreadable::new(format!("the archive holds more than {most} members"), EXPORT))
}

/// The members' names, with `/` between folders.
fn safe_names(archive: &Archive<'_>) -> Result<Vec<String>, Unreadable> {
    let names = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned());
    let names: Vec<String> = names.collect();
    match names.iter().find(|name| !is_inside(name)) {
        Some(name) => {
            let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            let what = format!("the archive's member `{name}` would lie outside of it");
            Err(Unreadable::new(what, EXPORT))
        }
        None => Ok(names),
    }
}

/// Whether a member's name stays inside the archive's own folder.
fn is_inside(name: &str) -> bool {
    let is_absolute = name.starts_with('/') || name.as_bytes().get(1) == Some(&b':');
    !is_absolute && !name.contains(['\\', '\0']) && name.split('/').all(|part| part != "..")
}

fn refuse_foreign(names: &[String]) -> Result<(), Unreadable> {
    let has = |member: &str| names.iter().any(|name| name.eq_ignore_ascii_case(member));
    match FOREIGN.iter().find(|(member, ..)| has(member)) {
        Some((_, what, instead)) => Err(Unreadable::new(
            format!("this is {what}"),
            format!("export it as {instead} and try again"),
        )),
        None => Ok(()),
    }
}

/// Which member is the screenplay: `text.*`, at the top or in one folder.
fn find_text(names: &[String]) -> Result<usize, Unreadable> {
    let texts = names.iter().enumerate().filter_map(|(index, name)| {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let is_deep = folder.contains('/') || folder == "__MACOSX";
        if is_deep { None } else { Some((folder, text_rank(file)?, index)) }
    });
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable();
    match (texts.first(), texts.last()) {
        (Some((first, _, index)), Some((last, ..))) if first == last => Ok(*index),
        (Some(_), Some(_)) => Err(Unreadable::new(
            "the archive holds several screenplays",
            "pack one screenplay into one archive",
        )),
        _ => Err(textless("the archive")),
    }
}

/// Unpacks one member of at most `limit` bytes, and never more than that.
fn unpack(archive: &mut Archive<'_>, index: usize, limit: usize) -> Result<Vec<u8>, Unreadable> {
    let start_of_directory = archive.central_directory_start();
    let member = archive.by_index(index).map_err(|error| damaged(&error))?;
    if member.is_symlink() || !member.is_file() {
        return Err(Unreadable::new("the archive's screenplay is a link, not a text", EXPORT));
    }
    // All members lie in front of the directory, so none is longer than that, whatever it says.
    let packed = member.compressed_size().min(start_of_directory);
    let ratio = packed.saturating_mul(limits::ARCHIVE_RATIO).max(limits::ARCHIVE_FREE_BYTES);
    let most = ratio.min(u64::try_from(limit).unwrap_or(u64::MAX));
    if member.size() > most {
        return Err(bomb());
    }
    let mut bytes = Vec::new();
    member.take(most + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(bomb())
    }
}

fn bomb() -> Unreadable {
    let what = "a member of the archive is larger than a screenplay can be once it is unpacked";
    Unreadable::new(what, EXPORT)
}

fn damaged(error: &dyn std::error::Error) -> Unreadable {
    let what = format!("the archive cannot be unpacked: {error}").to_lowercase();
    Unreadable::new(what, EXPORT)
}
