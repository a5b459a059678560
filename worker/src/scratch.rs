//! Opening the engine that needs no weights.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use engine::Speaker;
use engine::scratch::ScratchConfig;

use crate::OpenError;

/// Cores this process may use; at least 1.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Synthesisers installed on this machine, beside the one built in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    /// The `say` command of macOS.
    pub say: Option<PathBuf>,
    /// The `espeak-ng` command.
    pub espeak: Option<PathBuf>,
}

impl Programs {
    /// Looks through the folders of `search_path`, which is written as in the variable `PATH`; the
    /// first folder that has a program wins. `say` counts on macOS only: elsewhere it is some other
    /// program of that name.
    #[must_use]
    pub fn find(search_path: &OsStr) -> Self {
        let find = |name: &str| {
            std::env::split_paths(search_path)
                .filter(|folder| folder.is_absolute())
                .map(|folder| folder.join(name))
                .find(|program| is_program(program))
        };
        let say = if cfg!(target_os = "macos") { find("say") } else { None };
        Self { say, espeak: find("espeak-ng") }
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Opens the scratch engine with `slots` seats (at least one), for use as `open_speaker` of
/// [`crate::run`].
///
/// `cache_dir` is a folder of the user's own, made when missing, where the built-in synthesiser keeps
/// its voices; every process and thread may share it.
///
/// # Errors
/// When `cache_dir` cannot be made.
pub fn scratch_speaker(
    slots: usize,
    cache_dir: &Path,
    programs: &Programs,
) -> Result<Box<dyn Speaker>, OpenError> {
    std::fs::create_dir_all(cache_dir).map_err(|error| {
        format!("the folder {} cannot be made: {error}; name another", cache_dir.display())
    })?;
    Ok(engine::scratch::open(ScratchConfig {
        scratch_dir: cache_dir.to_owned(),
        slots: slots.max(1),
        say: programs.say.clone(),
        espeak: programs.espeak.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_first_folder_that_has_a_runnable_program_wins() {
        use std::os::unix::fs::PermissionsExt;
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        for (folder, mode) in folders[1..].iter().zip([0o644, 0o755]) {
            let program = folder.path().join("espeak-ng");
            std::fs::write(&program, "").unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = std::env::join_paths(folders.iter().map(tempfile::TempDir::path)).unwrap();
        let found = Programs::find(&path);
        assert_eq!(found.espeak, Some(folders[2].path().join("espeak-ng")));
        assert_eq!(Programs::find(OsStr::new("")), Programs::default());
    }
}
