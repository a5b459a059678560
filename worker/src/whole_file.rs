//! Files that appear whole or not at all, however many write the same one at once.

use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a file, and its folder where there is none.
///
/// Until it is whole it lies beside its place under a name of its own, which ends in `.part`; who
/// reads the place meanwhile finds what was there before.
///
/// # Errors
/// When the folder or the file cannot be written; nothing is left then.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Never named after this process: two threads of one may write the same file.
    let mut unfinished = NamedTempFile::with_suffix_in(".part", folder)?;
    unfinished.write_all(bytes)?;
    unfinished.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn threads_that_write_the_same_file_at_once_all_succeed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("caches/voice");
        let bytes = vec![7; 1 << 16];
        for _ in 0..50 {
            let together = Barrier::new(4);
            std::thread::scope(|threads| {
                for _ in 0..4 {
                    threads.spawn(|| {
                        together.wait();
                        write(&path, &bytes).unwrap();
                    });
                }
            });
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        std::fs::create_dir_all(path.join("by a folder")).unwrap();
        write(&path, b"voice").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
