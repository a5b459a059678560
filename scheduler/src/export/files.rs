//! Files people open: named so that a folder sorts in script order, replaced whole.

use std::io;
use std::path::{Path, PathBuf};

use schemas::LineJob;

/// Longest part of a character's name in a file's name, in bytes.
const NAME_BYTES: usize = 40;

/// Path of a line's delivery below the export folder, e.g. `lines/0012_MIRA_sc001-l0012.m4a`.
///
/// Letters and digits of any script are kept of the character's name; everything else, path
/// separators included, becomes `-`.
#[must_use]
pub fn delivery_file(order: u32, job: &LineJob) -> String {
    format!("lines/{:04}_{}_{}.m4a", order + 1, file_name_part(&job.character), job.id)
}

fn file_name_part(name: &str) -> String {
    let mut part = String::new();
    for c in name.chars() {
        let c = if c.is_alphanumeric() { c } else { '-' };
        if part.len() + c.len_utf8() > NAME_BYTES {
            break;
        }
        if c != '-' || !(part.is_empty() || part.ends_with('-')) {
            part.push(c);
        }
    }
    let part = part.trim_matches('-');
    if part.is_empty() { "voice".into() } else { part.into() }
}

/// Writes a file so that readers see the old one or the new one, never half of it.
///
/// # Errors
/// When the folder cannot be written or the disk is full; the old file is still there then.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let half = half_written(path);
    std::fs::write(&half, bytes).and_then(|()| std::fs::rename(&half, path)).inspect_err(|_| {
        // What is left of it is of no use; that it cannot be removed either changes nothing.
        let _left_over = std::fs::remove_file(&half);
    })
}

/// Name a file has while it is being written.
#[must_use]
fn half_written(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_cannot_name_its_way_out_of_the_folder() {
        for (name, part) in [
            ("MIRA", "MIRA"),
            ("../../etc/passwd", "etc-passwd"),
            ("ゆき", "ゆき"),
            ("Dr. Who?", "Dr-Who"),
            ("...", "voice"),
            ("A\u{0}B", "A-B"),
        ] {
            assert_eq!(file_name_part(name), part);
        }
        assert!(file_name_part(&"ゆ".repeat(100)).len() <= NAME_BYTES);
    }

    #[test]
    fn a_replaced_file_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        replace_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
