//! A ZIP of which nothing is believed.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use zip::ZipArchive;

use crate::VoiceError;

/// How much of a voice file is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members, folders included.
    pub members: usize,
    /// Bytes of one member, unpacked.
    pub member_bytes: u64,
    /// Bytes of all of them.
    pub all_bytes: u64,
    /// Times its packed size that a member may have, beyond a first megabyte.
    pub ratio: u64,
}

impl Default for Limits {
    /// A thousand members, 256 MiB each and half a gibibyte together, packed to a two hundredth.
    fn default() -> Self {
        Self { members: 1_000, member_bytes: 256 << 20, all_bytes: 512 << 20, ratio: 200 }
    }
}

/// What a member may have whatever its packed size.
const FREE_BYTES: u64 = 1 << 20;

/// Unpacks every member into memory, by its path.
///
/// # Errors
/// [`VoiceError::File`] when it is no archive, is damaged, encrypted, holds links, two members of one
/// name or one that would lie outside of it, or is beyond the limits.
pub(super) fn unpack<R: Read + Seek>(
    mut input: R,
    limits: &Limits,
) -> Result<BTreeMap<String, Bytes>, VoiceError> {
    refuse_many_members(&mut input, limits.members)?;
    let mut archive = ZipArchive::new(input).map_err(|error| damaged(&error))?;
    if archive.has_duplicate_names() {
        return Err(refused("two members of it have the same name"));
    }
    let mut members = BTreeMap::new();
    let mut left = limits.all_bytes;
    for index in 0..archive.len() {
        let Some((path, bytes)) = member(&mut archive, index, limits, left)? else { continue };
        left -= bytes.len() as u64;
        members.insert(path, bytes);
    }
    Ok(members)
}

/// One member; nothing for a folder.
fn member<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    limits: &Limits,
    left: u64,
) -> Result<Option<(String, Bytes)>, VoiceError> {
    let start_of_directory = archive.central_directory_start();
    let member = archive.by_index(index).map_err(|error| damaged(&error))?;
    let path = String::from_utf8_lossy(member.name_raw()).into_owned();
    if !is_inside(&path) {
        return Err(refused(&format!("its member `{}` would lie outside of it", printable(&path))));
    }
    if member.is_dir() {
        return Ok(None);
    }
    if member.is_symlink() || !member.is_file() {
        return Err(refused(&format!("its member `{}` is a link", printable(&path))));
    }
    // All members lie in front of the directory, so none is longer than that, whatever it says.
    let packed = member.compressed_size().min(start_of_directory);
    let by_ratio = packed.saturating_mul(limits.ratio).max(FREE_BYTES);
    let most = by_ratio.min(limits.member_bytes).min(left);
    let too_large = || {
        refused(&format!(
            "its member `{}` is larger than is taken ({most} bytes)",
            printable(&path)
        ))
    };
    if member.size() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    member.take(most + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(Some((path, bytes.into())))
}

/// Every member's entry in the directory starts with a mark, so there are never more of them than
/// marks. Counting those first bounds the memory that the directory takes.
fn refuse_many_members<R: Read + Seek>(input: &mut R, most: usize) -> Result<(), VoiceError> {
    const MARK: &[u8] = b"PK\x01\x02";
    let mut buffer = vec![0; 1 << 16];
    let (mut kept, mut marks) = (0, 0);
    loop {
        let read = input.read(&mut buffer[kept..]).map_err(|error| damaged(&error))?;
        if read == 0 {
            break;
        }
        let filled = kept + read;
        marks += buffer[..filled].windows(MARK.len()).filter(|window| *window == MARK).count();
        if marks > most {
            return Err(refused(&format!("it holds more than {most} members")));
        }
        // A mark may lie across two reads; three bytes of one are none.
        kept = filled.min(MARK.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
    input.seek(SeekFrom::Start(0)).map_err(|error| damaged(&error))?;
    Ok(())
}

/// Whether a path stays inside the archive's own folder.
fn is_inside(path: &str) -> bool {
    let is_absolute = path.starts_with('/') || path.as_bytes().get(1) == Some(&b':');
    !is_absolute
        && !path.contains(['\\', '\0', '\u{fffd}'])
        && path.split('/').all(|part| !matches!(part, "." | ".."))
}

fn printable(path: &str) -> String {
    path.chars().take(80).flat_map(char::escape_debug).collect()
}

fn refused(problem: &str) -> VoiceError {
    VoiceError::File(format!("this voice file is not taken: {problem}"))
}

fn damaged(error: &dyn std::error::Error) -> VoiceError {
    let problem = format!("this is no voice file, or a damaged one: {error}");
    VoiceError::File(problem)
}
