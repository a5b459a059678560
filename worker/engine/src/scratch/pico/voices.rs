//! The six voices of Pico, carried inside the program and written out where Pico can load them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One of Pico's voices: there is one per language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PicoVoice {
    /// BCP 47, e.g. `en-GB`.
    pub(crate) locale: &'static str,
    analysis: File,
    generation: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    name: &'static str,
    bytes: &'static [u8],
}

macro_rules! file {
    ($name:literal) => {
        File { name: $name, bytes: include_bytes!(concat!("../../../pico/", $name)) }
    };
}

macro_rules! voice {
    ($locale:literal, $analysis:literal, $generation:literal) => {
        PicoVoice { locale: $locale, analysis: file!($analysis), generation: file!($generation) }
    };
}

/// The first of a language is its default.
static VOICES: [PicoVoice; 6] = [
    voice!("en-US", "en-US_ta.bin", "en-US_lh0_sg.bin"),
    voice!("en-GB", "en-GB_ta.bin", "en-GB_kh0_sg.bin"),
    voice!("de-DE", "de-DE_ta.bin", "de-DE_gl0_sg.bin"),
    voice!("fr-FR", "fr-FR_ta.bin", "fr-FR_nk0_sg.bin"),
    voice!("es-ES", "es-ES_ta.bin", "es-ES_zl0_sg.bin"),
    voice!("it-IT", "it-IT_ta.bin", "it-IT_cm0_sg.bin"),
];

/// Regions whose English is nearer to London's than to New York's.
const BRITISH: [&str; 8] = ["GB", "UK", "AU", "IE", "IN", "NZ", "ZA", "MT"];

impl PicoVoice {
    /// The voice for a BCP 47 tag: its region's if there is one, else its language's.
    pub(crate) fn find(language: &str) -> Option<&'static Self> {
        let mut parts = language.split(['-', '_']);
        let primary = parts.next().unwrap_or_default();
        let is_british = parts.any(|part| BRITISH.iter().any(|it| part.eq_ignore_ascii_case(it)));
        if primary.eq_ignore_ascii_case("en") && is_british {
            return Some(&VOICES[1]);
        }
        VOICES.iter().find(|voice| voice.locale[..2].eq_ignore_ascii_case(primary))
    }

    /// Where both parts lie in `folder`: text analysis first, then signal generation.
    pub(crate) fn paths_in(&self, folder: &Path) -> [PathBuf; 2] {
        [folder.join(self.analysis.name), folder.join(self.generation.name)]
    }

    /// Writes both parts into `folder` unless they are there, byte for byte.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub(crate) fn write_to(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        self.analysis.write_to(folder)?;
        self.generation.write_to(folder)
    }
}

impl File {
    fn write_to(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(self.name);
        if fs::read(&path).is_ok_and(|bytes| bytes == self.bytes) {
            return Ok(());
        }
        let (partial, mut file) = create_new(folder, self.name)?;
        let written = file.write_all(self.bytes).and_then(|()| file.sync_all());
        // Renaming is atomic: a reader sees the old file or the whole new one.
        let placed = written.and_then(|()| fs::rename(&partial, &path));
        if placed.is_err() {
            fs::remove_file(&partial).ok();
        }
        placed
    }
}

/// Creates a file that no one else is writing, several threads and processes alike.
pub(crate) fn create_new(folder: &Path, name: &str) -> io::Result<(PathBuf, fs::File)> {
    for attempt in 0..u32::MAX {
        let path = folder.join(format!(".{name}.{attempt}.part"));
        match fs::File::options().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
            Err(err) => return Err(err),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(language: &str) -> Option<&'static str> {
        PicoVoice::find(language).map(|voice| voice.locale)
    }

    #[test]
    fn a_language_falls_back_to_its_default_region() {
        for (asked, given) in [
            ("en", "en-US"),
            ("EN-us", "en-US"),
            ("en-CA", "en-US"),
            ("en_GB", "en-GB"),
            ("en-AU", "en-GB"),
            ("de", "de-DE"),
            ("de-AT", "de-DE"),
            ("fr-CA", "fr-FR"),
            ("es-419", "es-ES"),
            ("it", "it-IT"),
        ] {
            assert_eq!(locale(asked), Some(given), "{asked}");
        }
        for asked in ["", "ja", "e", "eng-US", "-en", "pt-BR"] {
            assert_eq!(locale(asked), None, "{asked}");
        }
    }

    #[test]
    fn a_damaged_file_is_written_again_and_a_whole_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let voice = PicoVoice::find("it").unwrap();
        voice.write_to(folder.path()).unwrap();
        let [analysis, generation] = voice.paths_in(folder.path());
        let written = fs::metadata(&generation).unwrap().modified().unwrap();
        fs::write(&analysis, b"half a fi").unwrap();
        voice.write_to(folder.path()).unwrap();
        assert_eq!(fs::read(&analysis).unwrap(), voice.analysis.bytes);
        assert_eq!(fs::metadata(&generation).unwrap().modified().unwrap(), written);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no partial files are left");
    }
}
