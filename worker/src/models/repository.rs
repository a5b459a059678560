//! What releases are called where they are published.

use super::FetchError;

/// The published releases of the engine's model; voices call them by the part behind the slash, in
/// lower case.
pub const PUBLISHED: [&str; 5] = [
    "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
    "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
    "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
    "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
    "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
];

/// Where a release is published, as `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

impl Repository {
    /// Reads `OWNER/NAME`, or what voices call one of the [`PUBLISHED`] in any case.
    ///
    /// # Errors
    /// [`FetchError::Name`] for anything else; what is taken can be part of a path and an address
    /// unchecked.
    pub fn parse(name: &str) -> Result<Self, FetchError> {
        let published =
            |id: &&&str| id.eq_ignore_ascii_case(name) || short(id) == name.to_lowercase();
        if let Some(id) = PUBLISHED.iter().find(published) {
            return Ok(Self((*id).to_owned()));
        }
        match name.split_once('/') {
            Some((owner, rest)) if is_word(owner) && is_word(rest) => Ok(Self(name.to_owned())),
            Some(_) | None => {
                let known = PUBLISHED.map(short).join(", ");
                Err(FetchError::Name { name: name.to_owned(), known })
            }
        }
    }

    /// `OWNER/NAME`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0
    }

    /// The folder it is put into: its name in lower case.
    #[must_use]
    pub fn folder(&self) -> String {
        short(&self.0)
    }
}

fn short(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_lowercase()
}

/// Letters, digits, dots, dashes and underscores, and no name that means something to a file system.
pub(super) fn is_word(text: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_goes_by_its_published_name_and_by_what_voices_call_it() {
        for (name, id, folder) in [
            (
                "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
                "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
                "qwen3-tts-12hz-1.7b-base",
            ),
            (
                "qwen3-tts-12hz-0.6b-customvoice",
                "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
                "qwen3-tts-12hz-0.6b-customvoice",
            ),
            ("Studio/Our-Tuned_1.0", "Studio/Our-Tuned_1.0", "our-tuned_1.0"),
        ] {
            let repository = Repository::parse(name).unwrap();
            assert_eq!((repository.id(), repository.folder().as_str()), (id, folder));
        }
    }

    #[test]
    fn what_could_mean_a_path_is_no_name() {
        for name in
            ["", "base", "../up", "a/../b", "a/.b", "/etc", "a/b/c", "a/b?c", "a/ b", "a/%2e%2e"]
        {
            let error = Repository::parse(name).unwrap_err().to_string();
            assert!(error.contains("qwen3-tts-12hz-1.7b-voicedesign"), "{error}");
        }
    }
}
