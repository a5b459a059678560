//! Releases that lie in folders here.

use std::fmt;
use std::path::{Path, PathBuf};

use engine::qwen3_tts::config::ModelConfig;

use crate::with_causes;

/// A release that lies in a folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// What voices call it, by its `config.json`, e.g. `qwen3-tts-12hz-1.7b-base`.
    pub name: String,
    /// Where its files are, as published.
    pub folder: PathBuf,
}

/// A folder that looks like a release and cannot be used as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// The folder.
    pub folder: PathBuf,
    /// What is wrong with it, in a sentence.
    pub problem: String,
}

/// Why a model cannot be had from folders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No folder has it.
    #[error(
        "the model {name} is not here: {}; fetch it with `tableread-worker fetch {name}`, or name \
         its folder with --model",
        looked(.folders, .others, .unusable)
    )]
    Nowhere {
        /// What was asked for.
        name: String,
        /// Where was looked.
        folders: Vec<PathBuf>,
        /// Names of what is there instead.
        others: Vec<String>,
        /// What is there and cannot be used.
        unusable: Vec<Unusable>,
    },
    /// Several folders have one of that name, and their weights may differ.
    #[error("the model {name} is there more than once: {}; name one folder with --model", list(.folders))]
    Several {
        /// What was asked for.
        name: String,
        /// The folders that have it, at least two.
        folders: Vec<PathBuf>,
    },
}

/// Finds the release that voices call `name`, in any case and with or without `Qwen/` in front.
///
/// Each of `folders` is a release itself or has releases in it; one that does not exist has none.
/// Only `config.json` is read.
///
/// # Errors
/// [`NotFound`], with where was looked and how to get it.
pub fn find(name: &str, folders: &[PathBuf]) -> Result<Release, NotFound> {
    let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let (releases, unusable) = installed(folders);
    let (mut found, others): (Vec<_>, Vec<_>) =
        releases.into_iter().partition(|release| release.name == wanted);
    match found.len() {
        0 => Err(NotFound::Nowhere {
            name: wanted,
            folders: folders.to_vec(),
            others: others.into_iter().map(|release| release.name).collect(),
            unusable,
        }),
        1 => Ok(found.remove(0)),
        _ => Err(NotFound::Several {
            name: wanted,
            folders: found.into_iter().map(|release| release.folder).collect(),
        }),
    }
}

/// All releases in `folders`, as [`find`] takes them, and what only looks like one. In the order of
/// `folders`, then by the folder's name; a folder named twice counts once.
#[must_use]
pub fn installed(folders: &[PathBuf]) -> (Vec<Release>, Vec<Unusable>) {
    let mut candidates: Vec<PathBuf> = Vec::new();
    for candidate in folders.iter().flat_map(|folder| candidates_in(folder)) {
        // A link and its target are one release.
        let candidate = candidate.canonicalize().unwrap_or(candidate);
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    let (mut releases, mut unusable) = (Vec::new(), Vec::new());
    for folder in candidates {
        match ModelConfig::read(&folder.join(CONFIG)) {
            Ok(config) => releases.push(Release { name: config.release_name(), folder }),
            Err(error) => unusable.push(Unusable { folder, problem: with_causes(&error) }),
        }
    }
    (releases, unusable)
}

/// What makes a folder a release.
const CONFIG: &str = "config.json";

/// Folders that one may be looked for in: itself, or those directly in it that are not hidden, as
/// unfinished downloads are.
fn candidates_in(folder: &Path) -> Vec<PathBuf> {
    let is_release = |folder: &Path| folder.join(CONFIG).is_file();
    if is_release(folder) {
        return vec![folder.to_owned()];
    }
    let is_hidden =
        |path: &Path| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut inside: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| !is_hidden(path) && is_release(path))
        .collect();
    inside.sort();
    inside
}

fn looked(folders: &[PathBuf], others: &[String], unusable: &[Unusable]) -> String {
    let mut parts = vec![match folders {
        [] => "no folder of models was named".to_owned(),
        folders => format!("looked in {}", list(folders)),
    }];
    if !others.is_empty() {
        parts.push(format!("found {}", others.join(", ")));
    }
    parts.extend(unusable.iter().map(ToString::to_string));
    parts.join("; ")
}

fn list(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used: {}", self.folder.display(), self.problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(release: &str) -> PathBuf {
        fixtures::path(&format!("reference/{release}"))
    }

    #[test]
    fn a_release_is_found_by_its_configuration_in_a_folder_of_folders_or_alone() {
        for (name, folder, release) in [
            ("qwen3-tts-12hz-0.6b-base", "s1", "s1/base-0b6"),
            ("Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice", "s1", "s1/custom_voice-1b7"),
            ("qwen3-tts-12hz-1.7b-voicedesign", "s1/voice_design-1b7", "s1/voice_design-1b7"),
        ] {
            let found = find(name, &[shipped(folder)]).unwrap();
            assert_eq!(found.folder, shipped(release).canonicalize().unwrap());
            assert_eq!(found.name, name.rsplit('/').next().unwrap().to_lowercase());
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_where_was_looked_what_is_and_how_to_get_it() {
        let folder = shipped("s1/base-0b6");
        let error = find("qwen3-tts-12hz-1.7b-base", std::slice::from_ref(&folder)).unwrap_err();
        let expected = format!(
            "the model qwen3-tts-12hz-1.7b-base is not here: looked in {}; found \
             qwen3-tts-12hz-0.6b-base; fetch it with `tableread-worker fetch \
             qwen3-tts-12hz-1.7b-base`, or name its folder with --model",
            folder.display()
        );
        assert_eq!(error.to_string(), expected);
        let nothing = find("scratchy", &[]).unwrap_err().to_string();
        assert!(nothing.contains("no folder of models was named"), "{nothing}");
    }

    #[test]
    fn two_folders_of_one_name_are_nobodys_choice_and_one_named_twice_is_one() {
        let [one, two] = ["s1/base-0b6", "s2/base-0b6"].map(shipped);
        let name = "qwen3-tts-12hz-0.6b-base";
        let error = find(name, &[one.clone(), two.clone()]).unwrap_err();
        assert!(matches!(error, NotFound::Several { .. }), "{error}");
        assert!(error.to_string().contains("s2/base-0b6"), "{error}");
        assert!(find(name, &[one.clone(), shipped("s1"), one]).is_ok());
    }

    #[test]
    fn a_spoilt_release_is_told_by_its_file_and_an_unfinished_download_is_none() {
        let models = tempfile::tempdir().unwrap();
        for (folder, text) in [("spoilt", "{}"), (".unfinished", "{}"), ("empty", "")] {
            std::fs::create_dir(models.path().join(folder)).unwrap();
            if !text.is_empty() {
                std::fs::write(models.path().join(folder).join(CONFIG), text).unwrap();
            }
        }
        let folders = [models.path().to_owned(), models.path().join("nowhere")];
        let (releases, unusable) = installed(&folders);
        assert_eq!((releases.len(), unusable.len()), (0, 1));
        let error = find("any", &folders).unwrap_err().to_string();
        assert!(error.contains("spoilt/config.json is not valid: missing field"), "{error}");
    }
}
